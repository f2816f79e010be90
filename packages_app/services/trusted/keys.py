"""Keys of issuers, kept for an hour in each process; a key that is not known is looked for once a minute."""

from __future__ import annotations

import hashlib
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache

from packages_app.core.errors import RepomgrError
from packages_app.services.trusted.refusals import IssuerUnavailable, KeyUnknown
from packages_app.sources.exchange import plain
from packages_app.sources.issuer_keys import issuer_keys

KEPT_SECONDS = 3600
_ANEW_SECONDS = 60
_REST_SECONDS = 10
"""An issuer that does not answer is left alone so long, whoever shows what."""

log = structlog.get_logger(__name__)


def key_of(issuer: str, kid: str) -> dict[str, Any]:
    """Return the key of a configured issuer by its name; raise `KeyUnknown`, `IssuerUnavailable`."""
    name = hashlib.sha256(issuer.encode()).hexdigest()
    kept, asked, failed = f"oidc-keys-{name}", f"oidc-asked-{name}", f"oidc-failed-{name}"
    known: dict[str, dict[str, Any]] | None = cache.get(kept)
    if known is not None and kid in known:
        return known[kid]
    if known is not None and not cache.add(asked, True, _ANEW_SECONDS):
        raise _unknown(issuer)
    if cache.get(failed):
        raise _unavailable(issuer)
    try:
        known = issuer_keys(issuer, settings.PRIVATE_UPSTREAMS)
    except RepomgrError as error:
        cache.set(failed, True, _REST_SECONDS)
        log.warning("issuer_unavailable", issuer=plain(issuer), fault=str(error))
        raise _unavailable(issuer) from error
    cache.set(kept, known, KEPT_SECONDS)
    cache.set(asked, True, _ANEW_SECONDS)
    if kid not in known:
        raise _unknown(issuer)
    return known[kid]


def _unknown(issuer: str) -> KeyUnknown:
    return KeyUnknown(
        f"The token is signed by a key that {plain(issuer)} does not have.",
        remedy="Ask for a new one; after a change of keys this may take a minute.",
    )


def _unavailable(issuer: str) -> IssuerUnavailable:
    return IssuerUnavailable(
        f"The keys of {plain(issuer)} can't be fetched; the log says why.",
        remedy="Try again soon; see that the issuer can be reached from here.",
    )
