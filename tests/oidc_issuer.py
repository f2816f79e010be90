"""An OpenID Connect issuer of our own over HTTP, with real keys, which can be told to say something wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.loopback import LoopbackServer, QuietHandler

CLIENT, SECRET = "repomgr", "V3ry-S3cret-Client"


class Issuer(LoopbackServer):
    """Signs in whoever comes. `claims` are those of the next token; `sign` makes it of them; `instead` are answers."""

    def __init__(self) -> None:
        self.key, self.other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.begin_anew()
        self._codes: dict[str, dict[str, str]] = {}
        served = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                served._get(self)

            def do_POST(self) -> None:
                served._token(self)

        super().__init__(Handler)

    def begin_anew(self) -> None:
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.instead: dict[str, tuple[int, Any]] = {}

    def signed(self, claims: dict[str, Any], *, key: Any = None, kid: str = "one", algorithm: str = "RS256") -> str:
        return jwt.encode(claims, key or self.key, algorithm, {"kid": kid})

    def keys(self) -> dict[str, Any]:
        """Return what it shows its keys by (RFC 7517)."""
        public = [("one", self.key, jwt.algorithms.RSAAlgorithm), ("two", self.curve, jwt.algorithms.ECAlgorithm)]
        return {
            "keys": [
                {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"} for kid, key, kind in public
            ]
        }

    def _get(self, request: QuietHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path in self.instead:
            self._answer(request, *self.instead[parts.path])
        elif parts.path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            said = {name: f"{self.url}/{place}" for name, place in places.items()}
            methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
            self._answer(request, 200, {"issuer": self.url, **said, **methods})
        elif parts.path == "/keys":
            self._answer(request, 200, self.keys())
        else:
            asked = dict(parse_qsl(parts.query))
            code = secrets.token_urlsafe()
            self._codes[code] = asked
            back = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            request.send_response(302)
            request.send_header("Location", back)
            request.send_header("Content-Length", "0")
            request.end_headers()

    def _token(self, request: QuietHandler) -> None:
        said = dict(parse_qsl(request.rfile.read(int(request.headers["Content-Length"])).decode()))
        asked = self._codes.pop(said["code"], {})
        proof = base64.urlsafe_b64encode(hashlib.sha256(said.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        sound = (
            (said["client_id"], said["client_secret"], said["redirect_uri"])
            == (CLIENT, SECRET, asked.get("redirect_uri"))
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == proof.decode()
        )
        if not sound:
            self._answer(request, 400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "s-1", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            **self.claims,
        }  # fmt: skip
        token = self.sign({name: value for name, value in claims.items() if value is not None})
        self._answer(request, 200, {"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _answer(self, request: QuietHandler, status: int, said: Any) -> None:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        if 300 <= status < 400:
            request.send_header("Location", said)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
