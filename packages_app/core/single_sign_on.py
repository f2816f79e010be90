"""What is the same of any single sign-on: who signs people in, and which of his groups are which of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

OIDC, SAML = "oidc", "saml"
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class SingleSignOn:
    """An issuer (OpenID Connect) or an identity provider (SAML), as the settings have it."""

    kind: str
    """`OIDC`, `SAML`, or "" where there is none."""
    name: str
    """What pages call it."""
    groups: Sequence[tuple[str, str]]
    """Its names of groups, each with ours."""
    groups_claim: str
    """The claim that names groups, or one in others: `a.b`."""
    domains: Sequence[str]
    """Those of e-mail addresses that it must have verified; none is any."""
    second_factor: bool
    """Whether it asks for a second factor itself, which is enough."""


NO_SINGLE_SIGN_ON = SingleSignOn("", "", (), "", (), second_factor=False)


def is_https(address: str, *, or_here: bool) -> bool:
    """Return whether an address is https and names no user; `or_here`: one of this machine may be http.

    Who answers there lets people in.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    secure = parts.scheme == "https" or (or_here and parts.scheme == "http" and host in _HERE)
    return secure and bool(host) and "@" not in parts.netloc
