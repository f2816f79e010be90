"""The server's address as `--server` gives it: `https://HOST`, or `https://HOST/archives/NAME`."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from repomgr_client.faults import Fault

_REMEDY = "Say --server https://HOST, or set REPOMGR_SERVER."


def checked(address: str, *, plain_http: bool) -> str:
    """Return the address without a slash at its end.

    Raise `Fault` for what is no address, for one with a login in it, and for plain HTTP to another machine unless that
    is allowed: a token would be sent in the clear.
    """
    if not address:
        raise Fault("no_server", "No server is named.", _REMEDY)
    try:
        parts = urlsplit(address.strip())
        _ = parts.port  # which raises for one that is no number
    except ValueError:
        raise Fault("bad_server", "The server's address can't be read.", _REMEDY) from None
    if parts.username is not None or parts.password is not None:
        raise Fault("bad_server", "The server's address has a login in it.", "Leave it out: a token says who you are.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Fault("bad_server", f"{address[:200]!r} is no server's address.", _REMEDY)
    if parts.scheme == "http" and not plain_http and not _is_here(parts.hostname):
        raise Fault(
            "plain_http", f"A token would be sent to {parts.hostname} in the clear.",
            "Use https://, or --plain-http in a network that you trust.",
        )  # fmt: skip
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
