"""What servers of the web are checked against: read once a process, since that takes about 60 ms."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that servers are checked against; SSL_CERT_FILE and SSL_CERT_DIR are heeded."""
    return httpx.create_ssl_context()
