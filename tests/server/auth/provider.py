"""A small OpenID Connect provider, run as a process: `python provider.py`. It prints its address.

Whoever comes is `anna@example.com` of the group that the address asks for (`&group=`). `&fault=` makes its id token
wrong in one way: nonce, audience, issuer, expired, signature, none, hmac.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "retrue", "s3cret&x"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
CODES: dict[str, dict[str, str]] = {}


def id_token(issuer: str, asked: dict[str, str]) -> str:
    """Sign what is known of somebody, or something wrong."""
    fault, now = asked.get("fault", ""), int(time.time())
    claims: dict[str, Any] = {
        "iss": "http://evil.example" if fault == "issuer" else issuer,
        "aud": "another" if fault == "audience" else CLIENT,
        "sub": "1", "email": "anna@example.com", "groups": [asked.get("group", "ml"), "all"], "iat": now,
        "exp": now - 120 if fault == "expired" else now + 60,
        "nonce": "another" if fault == "nonce" else asked["nonce"],
    }  # fmt: skip
    if fault == "none":
        return ".".join(plain(part) for part in ({"alg": "none"}, claims)) + "."
    if fault == "hmac":  # signed with the public key as if it were a shared secret
        signed = ".".join(plain(part) for part in ({"alg": "HS256", "kid": "one"}, claims))
        seal = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, OTHER if fault == "signature" else KEY)


def plain(part: dict[str, Any]) -> str:
    """A part of a token that nobody signed."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


class Handler(BaseHTTPRequestHandler):
    """Discovery, keys, authorisation, tokens."""

    @property
    def issuer(self) -> str:
        """The address."""
        return f"http://{self.headers['Host']}"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a browser, or the service that asks what there is."""
        url = urlsplit(self.path)
        if url.path == "/.well-known/openid-configuration":
            doors = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            self.say({"issuer": self.issuer, **{name: self.issuer + path for name, path in doors.items()}})
        elif url.path == "/keys":
            self.say(dict(KeySet([KEY]).as_dict(private=False)))
        else:
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert [asked[name] for name in ("client_id", "code_challenge_method")] == [CLIENT, "S256"]
            code = f"code{len(CODES)}"
            CODES[code] = asked
            self.send_response(302)
            told = urlencode({"code": code, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{told}")
            self.end_headers()

    def do_POST(self) -> None:
        """Change a code, once, for an id token."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = CODES.pop(form["code"][0], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest())
        basic = base64.b64encode(f"{CLIENT}:{SECRET.replace('&', '%26')}".encode()).decode()
        fits = (
            asked is not None
            and asked["code_challenge"] == challenge.rstrip(b"=").decode()
            and asked["redirect_uri"] == form["redirect_uri"][0]
            and self.headers["Authorization"] == f"Basic {basic}"
        )
        if not fits or asked is None:
            self.say({"error": "invalid_grant"}, 400)
            return
        self.say({"access_token": "a", "token_type": "Bearer", "id_token": id_token(self.issuer, asked)})

    def say(self, what: dict[str, Any], status: int = 200) -> None:
        """Answer JSON."""
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201
        server.serve_forever()
