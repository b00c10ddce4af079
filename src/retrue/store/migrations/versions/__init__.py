"""One file for each step of the catalog's shape."""
