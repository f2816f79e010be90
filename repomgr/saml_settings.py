"""Django's settings of single sign-on by SAML, which `sign_in_settings` adds to the others."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from packages_app.core.errors import SettingsError
from packages_app.core.redaction import redact
from packages_app.core.single_sign_on import NO_SINGLE_SIGN_ON, SAML, SingleSignOn, is_https
from repomgr import environment

# What the identity provider says of itself: by an address, or, from SIGN_IN_SAML_METADATA_FILE, in so many words.
SIGN_IN_SAML_METADATA = environment.text("SIGN_IN_SAML_METADATA", default="")
_IS_ADDRESS = bool(SIGN_IN_SAML_METADATA) and not SIGN_IN_SAML_METADATA.startswith("<")
_PARTS = urlsplit(SIGN_IN_SAML_METADATA if _IS_ADDRESS else "")
_SIGN_IN_SAML_NAME = environment.text("SIGN_IN_SAML_NAME", default="") or _PARTS.netloc or "SAML"
# What it knows this server by; where nothing is set, the address of what this server says of itself.
SIGN_IN_SAML_ENTITY_ID = environment.text("SIGN_IN_SAML_ENTITY_ID", default="")
# The attribute that names somebody for good; where none is set, that is the NameID.
SIGN_IN_SAML_SUBJECT_ATTRIBUTE = environment.text("SIGN_IN_SAML_SUBJECT_ATTRIBUTE", default="")
SIGN_IN_SAML_GROUPS_ATTRIBUTE = environment.text("SIGN_IN_SAML_GROUPS_ATTRIBUTE", default="groups")
_SIGN_IN_SAML_GROUPS = environment.pairs("SIGN_IN_SAML_GROUPS")
_SIGN_IN_SAML_SECOND_FACTOR = environment.flag("SIGN_IN_SAML_SECOND_FACTOR", default=False)


def _sign_on() -> SingleSignOn:
    """Return what is set; raise `SettingsError`. Nothing of SAML is imported."""
    if not SIGN_IN_SAML_METADATA:
        return NO_SINGLE_SIGN_ON
    if _IS_ADDRESS and not is_https(SIGN_IN_SAML_METADATA, or_here=True):
        raise SettingsError(
            f"SIGN_IN_SAML_METADATA is {redact(SIGN_IN_SAML_METADATA)!r}.",
            remedy="Write an https address, or name a file by SIGN_IN_SAML_METADATA_FILE: what stands there lets people"
            " in.",
        )
    if not _SIGN_IN_SAML_GROUPS:
        raise SettingsError(
            "SIGN_IN_SAML_METADATA is set without SIGN_IN_SAML_GROUPS.",
            remedy="Say which of the identity provider's groups may do what, THEIRS=OURS each.",
        )
    if find_spec("onelogin") is None or find_spec("xmlsec") is None:
        raise SettingsError(
            "SIGN_IN_SAML_METADATA is set, and python3-saml is not installed.",
            remedy="Install what requirements-saml.lock names, or repomgr[saml].",
        )
    return SingleSignOn(SAML, _SIGN_IN_SAML_NAME, _SIGN_IN_SAML_GROUPS, "groups", (), _SIGN_IN_SAML_SECOND_FACTOR)


SAML_SIGN_ON = _sign_on()


def check_hosts(allowed: Sequence[str]) -> None:
    """Raise `SettingsError` where a request may name any host: an answer meant for another server would be for us."""
    wild = [host for host in allowed if host.startswith(("*", "."))]
    if SAML_SIGN_ON.kind and wild and not SIGN_IN_SAML_ENTITY_ID:
        raise SettingsError(
            f"ALLOWED_HOSTS has {wild[0]!r}, and SIGN_IN_SAML_ENTITY_ID is not set.",
            remedy="Name each host, or say what the identity provider knows this server by.",
        )
