"""What an identity provider says of somebody, believed only where its signature and all that binds it are right.

SAML V2.0 Profiles (saml-profiles-2.0-os), 4.1.4.2 and 4.1.4.3. python3-saml checks signatures, issuer and form; what it
takes where it is missing or stands in a longer text (audience, recipient, destination, the request that is answered) is
asked for here just as it has to be, and of the one assertion that there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from packages_app.services.sign_in.single_sign_on import LEEWAY_SECONDS, LONGEST_SUBJECT

_MORE, _SHA2 = "http://www.w3.org/2001/04/xmldsig-more#", ("256", "384", "512")
SIGNATURES = frozenset(f"{_MORE}{key}-sha{bits}" for key in ("rsa", "ecdsa") for bits in _SHA2)
"""RFC 9231, 2.3.2 to 2.3.4 and 2.3.6: signatures by a private key, none of them with SHA-1."""
DIGESTS = frozenset((Names.SHA256, Names.SHA384, Names.SHA512))
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_FORMS = frozenset((_EXCLUSIVE, f"{_EXCLUSIVE}WithComments"))
_TRANSFORMS = _FORMS | {"http://www.w3.org/2000/09/xmldsig#enveloped-signature"}
"""Core, 5.4.4: no others, which might take out what is read, or take long."""
_KNOWN_CONDITIONS = frozenset(("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))
_WRONG = OneLogin_Saml2_ValidationError
_PARTS: Mapping[int, str] = {
    _WRONG.STATUS_CODE_IS_NOT_SUCCESS: "status",
    _WRONG.WRONG_NUMBER_OF_ASSERTIONS: "assertion",
    _WRONG.INVALID_XML_FORMAT: "form",
    _WRONG.ASSERTION_TOO_EARLY: "not_before",
    _WRONG.ASSERTION_EXPIRED: "not_on_or_after",
    _WRONG.SESSION_EXPIRED: "not_on_or_after",
    _WRONG.ENCRYPTED_ATTRIBUTES: "encrypted",
    _WRONG.WRONG_DESTINATION: "destination",
    _WRONG.EMPTY_DESTINATION: "destination",
    _WRONG.WRONG_AUDIENCE: "audience",
    _WRONG.WRONG_ISSUER: "issuer",
    _WRONG.WRONG_SUBJECTCONFIRMATION: "confirmation",
    _WRONG.NO_SIGNATURE_FOUND: "signature",
    _WRONG.INVALID_SIGNATURE: "signature",
}


class BadAnswer(Exception):
    """An answer that says nothing: `part` is what of it is wrong."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True)
class Answer:
    """An assertion that counts: its id, what request it answers, until when (seconds since 1970), what it says."""

    id: str
    request: str
    until: float
    subject: str
    attributes: Mapping[str, list[str]]
    proved: float
    """When somebody has proved himself to the identity provider (seconds since 1970)."""


def answer_of(
    posted: str, config: OneLogin_Saml2_Settings, *, asked: dict[str, Any], subject_in: str, now: float
) -> Answer:
    """Return what a posted SAMLResponse says; raise `BadAnswer`.

    `asked` is the request as python3-saml has it, `subject_in` the attribute that names somebody ("": the NameID).
    """
    try:
        response = OneLogin_Saml2_Response(config, posted)
        assertion = _only_assertion(response.document)
        _check_signatures(response.document, assertion)
        response.is_valid(asked, raise_exceptions=True)
        at = OneLogin_Saml2_Utils.get_self_url_no_query(asked)
        if response.document.get("Destination", at) != at:
            raise BadAnswer("destination")
        _check_conditions(assertion, config.get_sp_data()["entityId"], now)
        request, until = _confirmed(assertion, at, now)
        if response.document.get("InResponseTo", request) != request:
            raise BadAnswer("in_response_to")
        attributes = _texts(response.get_attributes())
        subject = _subject(response, attributes, subject_in)
        [statement] = assertion.iterfind("saml:AuthnStatement", Names.NSMAP)
        proved = _seconds(statement.get("AuthnInstant"))
    except BadAnswer:
        raise
    except OneLogin_Saml2_ValidationError as error:
        raise BadAnswer(_PARTS.get(error.code, "answer")) from error
    except OneLogin_Saml2_Error as error:
        raise BadAnswer("encrypted" if error.code == error.PRIVATE_KEY_NOT_FOUND else "answer") from error
    except Exception as error:  # python3-saml raises it, bare, and what its libraries do
        raise BadAnswer("form") from error
    return Answer(assertion.get("ID"), request, until, subject, attributes, proved)


def _only_assertion(document: Any) -> Any:
    """Return the one assertion of a response; nothing else in it may be one, or share a name with another part."""
    inside = list(document.iter(f"{{{Names.NS_SAML}}}Assertion"))
    if document.tag != f"{{{Names.NS_SAMLP}}}Response" or len(inside) != 1 or inside[0].getparent() is not document:
        raise BadAnswer("assertion")
    names = [each.get("ID") for each in document.iter() if each.get("ID") is not None]
    if len(names) != len(set(names)):
        raise BadAnswer("assertion")
    return inside[0]


def _check_signatures(document: Any, assertion: Any) -> None:
    """Raise `BadAnswer` where a signature is of something else than the whole it stands in, or made in another way."""
    found = list(document.iter(f"{{{Names.NS_DS}}}Signature"))
    if not found:
        raise BadAnswer("signature")
    for each in found:
        whole = each.getparent()
        references = list(each.iter(f"{{{Names.NS_DS}}}Reference"))
        if whole not in (document, assertion) or [one.get("URI") for one in references] != [f"#{whole.get('ID')}"]:
            raise BadAnswer("signature")
        if next(each.iter(f"{{{Names.NS_DS}}}Object"), None) is not None:
            raise BadAnswer("signature")
        known = (
            ("SignatureMethod", SIGNATURES), ("DigestMethod", DIGESTS), ("CanonicalizationMethod", _FORMS),
            ("Transform", _TRANSFORMS),
        )  # fmt: skip
        if not all(set(_algorithms(each, name)) <= names for name, names in known):
            raise BadAnswer("algorithm")


def _algorithms(signature: Any, name: str) -> Iterator[str]:
    return (each.get("Algorithm") for each in signature.iter(f"{{{Names.NS_DS}}}{name}"))


def _check_conditions(assertion: Any, entity_id: str, now: float) -> None:
    """Raise `BadAnswer` where an assertion is for others, or for another time (Core, 2.5.1)."""
    [conditions] = assertion.iterfind("saml:Conditions", Names.NSMAP)
    if not {each.tag.rpartition("}")[2] for each in conditions} <= _KNOWN_CONDITIONS:
        raise BadAnswer("conditions")
    restrictions = conditions.findall("saml:AudienceRestriction", Names.NSMAP)
    for_whom = [{each.text for each in one} for one in restrictions]
    if not for_whom or not all(entity_id in audiences for audiences in for_whom):
        raise BadAnswer("audience")
    if conditions.get("NotBefore") and _seconds(conditions.get("NotBefore")) > now + LEEWAY_SECONDS:
        raise BadAnswer("not_before")
    if conditions.get("NotOnOrAfter") and _seconds(conditions.get("NotOnOrAfter")) <= now - LEEWAY_SECONDS:
        raise BadAnswer("not_on_or_after")


def _confirmed(assertion: Any, at: str, now: float) -> tuple[str, float]:
    """Return the request that an assertion answers, and until when it may be shown here, by whoever has it."""
    wrong = "confirmation"
    for each in assertion.iterfind("saml:Subject/saml:SubjectConfirmation", Names.NSMAP):
        data = each.find("saml:SubjectConfirmationData", Names.NSMAP)
        if each.get("Method") != Names.CM_BEARER or data is None:
            continue
        until = _seconds(data.get("NotOnOrAfter")) if data.get("NotOnOrAfter") else 0.0
        wrong = (
            "recipient" if data.get("Recipient") != at
            else "in_response_to" if not data.get("InResponseTo")
            else "not_on_or_after" if until <= now
            else ""
        )  # fmt: skip
        if not wrong:
            return data.get("InResponseTo"), until
    raise BadAnswer(wrong)


def _subject(response: OneLogin_Saml2_Response, attributes: Mapping[str, list[str]], subject_in: str) -> str:
    """Return what names somebody for good: no name that is another one with each sign-in."""
    if subject_in:
        values = attributes.get(subject_in, [])
    elif response.get_nameid_format() == Names.NAMEID_TRANSIENT:
        values = []
    else:
        values = [response.get_nameid() or ""]
    if len(values) != 1 or not 0 < len(values[0]) <= LONGEST_SUBJECT or values[0] != values[0].strip():
        raise BadAnswer("subject")
    return values[0]


def _texts(attributes: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    return {name: [value for value in values if isinstance(value, str)] for name, values in attributes.items()}


def _seconds(time: str) -> float:
    return float(OneLogin_Saml2_Utils.parse_SAML_to_time(time))
