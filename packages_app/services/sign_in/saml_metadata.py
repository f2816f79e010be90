"""What an identity provider says of itself: its name, where browsers are sent, and the keys that it signs with.

SAML V2.0 Metadata (saml-metadata-2.0-os), 2.3.2 and 2.4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
from requests import RequestException

from packages_app.core.single_sign_on import is_https
from packages_app.services import adapters
from packages_app.services.sign_in.single_sign_on import fetched

_KEPT, _ASKED = "saml-metadata", "saml-metadata-asked"
_SOON, _IN_VAIN = "soon", "in vain"
_HOUR, _DAY, _REST_SECONDS = 3600, 24 * 3600, 10
_SIGNS = "./md:KeyDescriptor[not(@use) or @use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate"

log = structlog.get_logger(__name__)


class BadMetadata(Exception):
    """What an identity provider says of itself can't be had, or is of no use."""


@dataclass(frozen=True)
class IdentityProvider:
    """Its entity id, the address that requests go to, and its certificates (base64 of DER)."""

    entity_id: str
    address: str
    certificates: tuple[str, ...]


def identity_provider() -> IdentityProvider:
    """Return the one of the settings; raise `BadMetadata`, or `RequestException` of an address that is not answered.

    What an address says is asked for again each hour. Where it is away the last that it said counts, for a day, and it
    is left alone for ten seconds.
    """
    named: str = settings.SIGN_IN_SAML_METADATA
    if named.startswith("<"):
        return _read(named.encode())
    kept: bytes | None = cache.get(_KEPT)
    asked = cache.get(_ASKED)
    if asked and kept is not None:
        return _read(kept)
    if asked == _IN_VAIN:
        raise BadMetadata("They could not be had just now.")
    cache.set(_ASKED, _SOON, _REST_SECONDS)
    try:
        text = fetched(named)
        found = _read(text)
    except (BadMetadata, RequestException) as error:
        cache.set(_ASKED, _IN_VAIN, _REST_SECONDS)
        log.warning("saml_metadata_unavailable", fault=str(error), last_known=kept is not None)
        if kept is None:
            raise
        return _read(kept)
    cache.set(_KEPT, text, _DAY)
    cache.set(_ASKED, _SOON, _HOUR)
    return found


def _read(text: bytes) -> IdentityProvider:
    """Return the one identity provider of metadata; raise `BadMetadata`."""
    try:
        root = OneLogin_Saml2_XML.to_etree(text)
        [role] = OneLogin_Saml2_XML.query(root, "//md:IDPSSODescriptor")
        [where, *_] = OneLogin_Saml2_XML.query(
            role, f"./md:SingleSignOnService[@Binding='{Names.BINDING_HTTP_REDIRECT}']"
        )
        certificates = ["".join(each.text.split()) for each in OneLogin_Saml2_XML.query(role, _SIGNS)]
        entity = role.getparent()
        entity_id, address = entity.attrib["entityID"], where.attrib["Location"]
        ended = [_has_ended(each) for each in (role, entity, root)]
    except Exception as error:  # python3-saml raises it, bare, for a time that is none
        raise BadMetadata("It names no one identity provider that takes requests by redirect.") from error
    if not certificates or not entity_id or any(ended):
        raise BadMetadata("It has no certificate, or its time is over.")
    if not is_https(address, or_here=True):
        raise BadMetadata("It sends browsers elsewhere than to https, or to this machine.")
    return IdentityProvider(entity_id, address, tuple(certificates))


def _has_ended(element: Any) -> bool:
    until = element.get("validUntil")
    ended: float = OneLogin_Saml2_Utils.parse_SAML_to_time(until) if until is not None else float("inf")
    return ended <= adapters.now().timestamp()
