"""The store: spool, lake and catalog, tied together by the commit cycle."""
