"""What routes demand: a role, for the model in their path.

    @router.post("/models/{model}/incidents/{id}/resolve")
    def resolve(..., actor: Annotated[Actor, Depends(editor)]) -> ...: ...

A token for some models may ask only for addresses with one of these in their path. A route that shows several models
demands `Demand("viewer", some=True)`, and shows those that `actor.sees`.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from retrue.server.auth import csrf, hosts
from retrue.server.auth.actor import Actor
from retrue.server.errors import HttpError
from retrue.workspace.roles import Role

API = "/api/"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
DOING: dict[Role, str] = {
    "ingest": "send rows",
    "viewer": "look at this",
    "editor": "change this",
    "admin": "change the service",
}


@dataclass(frozen=True)
class Demand:
    """A dependency that lets pass whoever has a role.

    Args:
        role: the role that is demanded.
        some: whether the route itself shows of several models only those that the actor sees.
        also: another role that is enough.
    """

    role: Role
    some: bool = False
    also: Role | None = None

    async def __call__(self, request: Request) -> Actor:
        """Give who asks.

        Raises:
            HttpError: 401, nobody known; 403, they may not, or a page of ours didn't ask.
        """
        actor: Actor | None = request.state.actor
        if actor is None:
            raise unknown(request)
        if not actor.may(self.role) and (self.also is None or not actor.may(self.also)):
            what = f"{actor.name!r} may not {DOING[self.role]}: the role is {actor.role}"
            raise HttpError(403, what, hint=f"ask an admin for the role {self.role}")
        self.check_model(request, actor)
        if request.method not in hosts.SAFE:
            await check_page(request, actor)
        return actor

    def check_model(self, request: Request, actor: Actor) -> None:
        """Raise HttpError where a model, or something of no one model, isn't among the actor's; it may exist or not."""
        model = request.path_params.get("model")
        if actor.models is None or (self.some and model is None):
            return
        if model is None:
            raise HttpError(403, f"{actor.name!r} is for some models only", hint="ask about one of them")
        if not actor.sees(str(model)):
            raise HttpError(403, f"{actor.name!r} is not for model {str(model)[:100]!r}")


CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Retrue"'}
"""What a 401 says of how to sign in."""


def unknown(request: Request) -> HttpError:
    """The error for somebody whom nobody knows: the same whatever they asked for."""
    if "authorization" in request.headers:
        scheme = request.headers["authorization"].partition(" ")[0]
        if scheme.lower() != "bearer":
            what = "a scheme that nobody can sign in with here"  # never repeated: it may be a bare secret
            return HttpError(401, what, where="Authorization", expected="Bearer rt_...", headers=CHALLENGE)
        what = "the token is not valid: it is unknown, has expired or was revoked"
    else:
        what = "nobody is signed in"
    hint = "send a token (Authorization: Bearer rt_...), or sign in at /login"
    return HttpError(401, what, hint=hint, headers=CHALLENGE)


async def check_page(request: Request, actor: Actor) -> None:
    """Raise HttpError where a change isn't asked for by a page of ours: its token must fit the cookie.

    Programs need none: they send a token of their own, or talk to the API of a service that has none yet, whose
    `Origin` the guard has looked at.
    """
    if actor.kind == "token" or (actor.kind == "local" and request.url.path.startswith(API)):
        return
    if not csrf.fits(request.state.cookie.cookie, await said(request)):
        raise HttpError(403, "this page is no longer current", hint="load it again, and repeat what you did")


async def said(request: Request) -> str | None:
    """The synchroniser token of a request: in its header, else in its form."""
    header = request.headers.get(csrf.HEADER)
    if header is not None or not request.headers.get("content-type", "").startswith(FORMS):
        return header
    field = (await request.form()).get(csrf.FIELD)
    return field if isinstance(field, str) else None


ingest = Demand("ingest")
"""The dependency of routes that take events, labels and feedback."""
viewer = Demand("viewer")
"""The dependency of routes that show one model, or what is of no model."""
signed_in = Demand("viewer", some=True)
"""The dependency of what everybody may do who sees anything: sign out."""
some_viewer = Demand("viewer", some=True)
"""The dependency of routes that show several models: those that `actor.sees`."""
somebody = Demand("viewer", some=True, also="ingest")
"""The dependency of what whoever sends or looks must know of a model: versions, and which column is what."""
editor = Demand("editor")
"""The dependency of routes that change what is watched, and what is said of incidents."""
admin = Demand("admin")
"""The dependency of routes that change the service itself."""
