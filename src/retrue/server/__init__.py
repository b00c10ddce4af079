"""The service: an HTTP API and pages over one store, for those who don't have its folder at hand.

    retrue serve ── supervise ──┬── web      uvicorn: app ── auth ── api | pages      acknowledges into the spool
                                ├── commit   moves the spool to the lake and the profiles
                                └── ...      they find each other through the store alone

Its libraries are the extra `retrue[server]`; nothing outside this package imports them.
"""
