"""Keys of issuers, kept for an hour in each process; what is not known, or does not fit, is asked for once a minute."""

from __future__ import annotations

import hashlib

import structlog
from django.conf import settings
from django.core.cache import cache

from packages_app.core.errors import RepomgrError
from packages_app.services.trusted.refusals import IssuerUnavailable, KeyUnknown
from packages_app.sources.exchange import plain
from packages_app.sources.issuer_keys import Key, Keys, issuer_keys

KEPT_SECONDS = 3600
_ANEW_SECONDS = 60
_REST_SECONDS = 10
"""An issuer that does not answer is left alone so long, whoever shows what."""

log = structlog.get_logger(__name__)


def key_of(issuer: str, kid: str) -> Key:
    """Return the key of a configured issuer by its name; raise `KeyUnknown`, `IssuerUnavailable`."""
    known = cache.get(_name("keys", issuer))
    if known is None or kid not in known:
        if known is not None and not _may_ask(issuer):
            raise _unknown(issuer)
        known = _asked(issuer)
    if kid not in known:
        raise _unknown(issuer)
    key: Key = known[kid]
    return key


def changed_key(issuer: str, kid: str, key: Key) -> Key | None:
    """Return the key that a configured issuer has by now in place of one of this name, or None where that stays.

    None too where it was asked within the last minute, or does not answer. An issuer should give a new key a new name
    (RFC 7517, 4.5); one that is set up anew, as on somebody's own server, may call its first key what it did before.
    """
    if not _may_ask(issuer):
        return None
    try:
        now = _asked(issuer).get(kid)
    except IssuerUnavailable:
        return None
    return None if now == key else now


def _name(what: str, issuer: str) -> str:
    return f"oidc-{what}-{hashlib.sha256(issuer.encode()).hexdigest()}"


def _may_ask(issuer: str) -> bool:
    return cache.add(_name("asked", issuer), True, _ANEW_SECONDS)


def _asked(issuer: str) -> Keys:
    failed = _name("failed", issuer)
    if cache.get(failed):
        raise _unavailable(issuer)
    try:
        known = issuer_keys(issuer, settings.PRIVATE_UPSTREAMS)
    except RepomgrError as error:
        cache.set(failed, True, _REST_SECONDS)
        log.warning("issuer_unavailable", issuer=plain(issuer), fault=str(error))
        raise _unavailable(issuer) from error
    cache.set(_name("keys", issuer), known, KEPT_SECONDS)
    cache.set(_name("asked", issuer), True, _ANEW_SECONDS)
    return known


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
