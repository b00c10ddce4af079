"""The demo: real flights of 2013, a model that goes out of true, and the way back. See `retrue demo --help`."""
