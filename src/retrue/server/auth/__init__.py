"""Who may do what: the dependencies that routes name, and the actor that they give.

guard (every request: who asks?) ── demand (a route: may they?) ── the route
"""

from retrue.server.auth.actor import Actor
from retrue.server.auth.demand import admin, editor, ingest, some_viewer, somebody, viewer

__all__ = ["Actor", "admin", "editor", "ingest", "some_viewer", "somebody", "viewer"]
