"""The keys of an OpenID Connect issuer, fetched as downloads are: from checked addresses, bounded, without redirects.

The address of its document is the issuer's and `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0,
section 4); the keys are a JSON Web Key Set (RFC 7517, section 5).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx

from packages_app.core.errors import UpstreamError
from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.sources.connections import CheckedTransport, Deadline
from packages_app.sources.exchange import is_web_address, plain, upstream_errors
from packages_app.sources.posting import check_target

_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_SECONDS = 10.0
_DOCUMENT = "/.well-known/openid-configuration"
_KINDS = ("RSA", "EC")

Key = dict[str, Any]
"""A public key as JSON (RFC 7517)."""
Keys = dict[str, Key]
"""Public keys by their `kid`."""


def issuer_keys(issuer: str, allowed: PrivateUpstreams) -> Keys:
    """Return an issuer's public keys for signatures, those with a name.

    Raise `UpstreamError` for what can't be fetched or is none: another issuer's document, a redirect, no JSON; and
    `UpstreamUnavailable` for a server that does not answer in time.
    """
    deadline = Deadline(f"The answer of {plain(issuer)}", _SECONDS)
    document = _fetched(issuer.rstrip("/") + _DOCUMENT, allowed, deadline)
    if document.get("issuer") != issuer:
        raise UpstreamError(
            f"The document of {plain(issuer)} is of another issuer.", remedy="Write the issuer as it names itself."
        )
    address = document.get("jwks_uri")
    if not isinstance(address, str) or not is_web_address(address):
        raise UpstreamError(f"{plain(issuer)} does not say where its keys are.", remedy="Ask who runs it.")
    listed = _fetched(address, allowed, deadline).get("keys")
    if not isinstance(listed, list):
        raise UpstreamError(f"{plain(address)} has no list of keys.", remedy="Ask who runs it.")
    return {
        key["kid"]: key
        for key in listed[:_MOST_KEYS]
        if isinstance(key, dict)
        and isinstance(key.get("kid"), str)
        and key.get("kty") in _KINDS
        and key.get("use", "sig") == "sig"
        and key.get("key_ops", ["verify"]) == ["verify"]
    }


def _fetched(url: str, allowed: PrivateUpstreams, deadline: Deadline) -> dict[str, Any]:
    check_target(url, allowed)
    client = httpx.Client(
        transport=CheckedTransport(allowed, deadline=deadline, https_only=True),
        timeout=httpx.Timeout(_SECONDS / 2),
        follow_redirects=False,
        headers={"User-Agent": "repomgr", "Accept": "application/json", "Accept-Encoding": "identity"},
    )
    body = bytearray()
    with client, upstream_errors(url), client.stream("GET", url) as answer:
        if answer.status_code != HTTPStatus.OK:
            raise UpstreamError(
                f"{plain(url)} answered {answer.status_code}; redirects are not followed.",
                remedy="See that the issuer is well, and that its address is whole.",
            )
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise UpstreamError(f"{plain(url)} is over {_MOST_BYTES} bytes.", remedy="Ask who runs it.")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise UpstreamError(f"{plain(url)} is no JSON object.", remedy="See that it is the address of an issuer.")
    return said
