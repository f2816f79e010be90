"""Tokens of upstreams: one for each host, sent to that host alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

GITHUB_HOST = "api.github.com"


@dataclass(frozen=True)
class SourceTokens:
    """Secrets by the host that each is for, as `HOST` in lower case, or `HOST:PORT` for that port alone."""

    by_host: Mapping[str, str] = field(default_factory=dict, repr=False)

    def token_for(self, address: str) -> str:
        """Return the token that may be sent to an address, "" for none.

        It goes over https to the host that it is for. Within this machine, to a loopback address that is named as the
        host, it goes over http too.
        """
        parts = urlsplit(address)
        host = _host_of(parts)
        if parts.scheme != "https" and not _is_loopback(host):
            return ""
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        return self.by_host.get(f"{_bracketed(host)}:{port}") or self.by_host.get(_bracketed(host), "")

    def withheld_from(self, address: str) -> bool:
        """Return whether there are tokens, and none of them may be sent to an address."""
        return any(self.by_host.values()) and not self.token_for(address)


def setting_for(address: str) -> str:
    """Return the name of the setting that gives the token for an address."""
    return "GITHUB_TOKEN" if _host_of(urlsplit(address)) == GITHUB_HOST else "SOURCE_TOKENS"


def host_named(text: str) -> str:
    """Return a host, or host and port, as `SourceTokens` knows it; "" for what names none."""
    try:
        parts = urlsplit(f"https://{text}")
        port = parts.port
    except ValueError:  # a port that is no number, a broken IPv6 address
        return ""
    host = _host_of(parts)
    plain = parts.netloc == text and "@" not in text and not (parts.path or parts.query or parts.fragment)
    if not host or not plain or any(character.isspace() for character in text):
        return ""
    return f"{_bracketed(host)}:{port}" if port else _bracketed(host)


def _host_of(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
