"""What an identity provider says of itself: its name, where browsers are sent, and the keys that it signs with.

SAML V2.0 Metadata (saml-metadata-2.0-os), 2.3.2 and 2.4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
from urllib3.exceptions import HTTPError

from packages_app.core.single_sign_on import is_https
from packages_app.services import adapters
from packages_app.services.sign_in.single_sign_on import SocialAdapter

_KEPT, _KEPT_SECONDS = "saml-metadata", 3600
_LARGEST = 1024 * 1024
_SIGNS = "./md:KeyDescriptor[not(@use) or @use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate"


class BadMetadata(Exception):
    """What an identity provider says of itself can't be had, or is of no use."""


@dataclass(frozen=True)
class IdentityProvider:
    """Its entity id, the address that requests go to, and its certificates (base64 of DER)."""

    entity_id: str
    address: str
    certificates: tuple[str, ...]


def identity_provider() -> IdentityProvider:
    """Return the one of the settings; what an address says of it is kept for an hour. Raise `BadMetadata`."""
    named: str = settings.SIGN_IN_SAML_METADATA
    if named.startswith("<"):
        return _read(named.encode())
    kept: bytes | None = cache.get(_KEPT)
    if kept is not None:
        return _read(kept)
    text = _asked(named)
    found = _read(text)
    cache.set(_KEPT, text, _KEPT_SECONDS)
    return found


def _asked(address: str) -> bytes:
    with SocialAdapter().get_requests_session() as session, session.get(address, stream=True) as answer:
        answer.raise_for_status()
        try:
            text: bytes = answer.raw.read(_LARGEST + 1, decode_content=True)
        except HTTPError as error:  # what is read beside requests fails by urllib3's own errors
            raise BadMetadata("It was not answered to its end.") from error
    if len(text) > _LARGEST:
        raise BadMetadata("It is too large.")
    return text


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
