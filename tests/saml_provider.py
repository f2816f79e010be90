"""A SAML identity provider of our own over HTTP, which signs by signxml and can be told to say something wrong."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner

from tests.loopback import LoopbackServer, QuietHandler

SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
SPACES = {"saml": SAML, "samlp": SAMLP, "ds": "http://www.w3.org/2000/09/xmldsig#"}
_NAME = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def stamp(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Old(XMLSigner):
    """Signs by SHA-1, as nobody should."""

    def check_deprecated_methods(self) -> None:
        pass


def pair() -> tuple[rsa.RSAPrivateKey, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=9))
    return key, made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class IdentityProvider(LoopbackServer):
    """Signs in whoever comes. `said` changes what an assertion says; `change` an answer, which `signed` was."""

    def __init__(self) -> None:
        self.key, self.certificate = pair()
        self.other, self.others_certificate = pair()
        served = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                served._get(self)

        super().__init__(Handler)
        self.begin_anew()

    def begin_anew(self) -> None:
        self.said: dict[str, Any] = {}
        self.sign: Callable[[Any], Any] = self.signed
        self.asked: Any = None
        self.times_asked = 0

    def metadata(self) -> str:
        bare = "".join(self.certificate.splitlines()[1:-1])
        return (
            f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.url}/idp">'
            f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}" WantAuthnRequestsSigned="false">'
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{SPACES["ds"]}"><ds:X509Data><ds:X509Certificate>'
            f"{bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="{self.url}/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>'
        )

    def answer_to(self, address: str) -> tuple[str, str]:
        """Give where a request by redirect is answered, and the SAMLResponse."""
        asked = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
        self.asked = etree.fromstring(zlib.decompress(base64.b64decode(asked), -15))
        [issuer] = self.asked.iterfind("saml:Issuer", SPACES)
        at = self.asked.get("AssertionConsumerServiceURL")
        usual = {
            "id": f"a-{self.asked.get('ID')}", "issuer": f"{self.url}/idp", "name": "s-1", "format": _NAME,
            "audience": issuer.text, "recipient": at, "destination": at, "request": self.asked.get("ID"),
            "answers": self.asked.get("ID"), "before": stamp(-5), "after": stamp(300), "until": stamp(300),
            "instant": stamp(), "groups": ["staff"],
        }  # fmt: skip
        answer = self.sign(etree.fromstring(written({**usual, **self.said})))
        return at, base64.b64encode(etree.tostring(answer)).decode()

    def signed(self, answer: Any, *, part: str = "saml:Assertion", key: Any = None, signer: Any = None) -> Any:
        """Give an answer whose assertion, or which itself ("."), is signed."""
        whole = answer.find(part, SPACES) if part != "." else answer
        place = etree.SubElement(whole, f"{{{SPACES['ds']}}}Signature", {"Id": "placeholder"}, {"ds": SPACES["ds"]})
        whole.insert(1, place)
        signer = signer or XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
        certificate = self.others_certificate if key is self.other else self.certificate
        done = signer.sign(
            whole, key=key or self.key, cert=certificate, reference_uri=whole.get("ID"), id_attribute="ID"
        )
        if part == ".":
            return done
        answer.replace(answer.find(part, SPACES), done)
        return etree.fromstring(etree.tostring(answer))

    def by_sha1(self, answer: Any) -> Any:
        exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
        old = Old(
            signature_algorithm=SignatureMethod.RSA_SHA1,
            digest_algorithm=DigestAlgorithm.SHA1,
            c14n_algorithm=exclusive,
        )
        return self.signed(answer, signer=old)

    def _get(self, request: QuietHandler) -> None:
        path = urlsplit(request.path).path
        if path in ("/metadata", "/cut", "/slow"):
            self.times_asked += 1
            kind, body = "application/xml", self.metadata().encode()
        else:
            at, answer = self.answer_to(request.path)
            form = (
                f'<form method="post" action="{at}"><input name="SAMLResponse" value="{answer}"><button>Go on</button>'
            )
            kind, body = "text/html", f"{form}</form>".encode()
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body) + (path == "/cut")))
        request.close_connection = path == "/cut"
        request.end_headers()
        for part in (body[at : at + 200] for at in range(0, len(body), 200)) if path == "/slow" else [body]:
            request.wfile.write(part)
            time.sleep(0.5 * (path == "/slow"))


def written(said: dict[str, Any]) -> str:
    def attribute(name: str, value: Any) -> str:
        return f' {name}="{value}"' if value is not None else ""

    audience = said["audience"]
    restriction = (
        f"<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"
        if audience
        else ""
    )
    groups = "".join(f"<saml:AttributeValue>{escape(each)}</saml:AttributeValue>" for each in said["groups"])
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="r-{said["id"]}" Version="2.0"'
        f' IssueInstant="{stamp()}"{attribute("Destination", said["destination"])}'
        f"{attribute('InResponseTo', said['answers'])}><saml:Issuer>{said['issuer']}</saml:Issuer><samlp:Status>"
        '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
        f'<saml:Assertion ID="{said["id"]}" Version="2.0" IssueInstant="{stamp()}">'
        f"<saml:Issuer>{said['issuer']}</saml:Issuer>"
        f'<saml:Subject><saml:NameID Format="{said["format"]}">{said["name"]}</saml:NameID>'
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData'
        f"{attribute('Recipient', said['recipient'])}{attribute('InResponseTo', said['request'])}"
        f"{attribute('NotOnOrAfter', said['until'])}/></saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{said["before"]}" NotOnOrAfter="{said["after"]}">{restriction}</saml:Conditions>'
        f'<saml:AuthnStatement AuthnInstant="{said["instant"]}"><saml:AuthnContext><saml:AuthnContextClassRef>'
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
        f'<saml:AttributeStatement><saml:Attribute Name="groups">{groups}</saml:Attribute></saml:AttributeStatement>'
        "</saml:Assertion></samlp:Response>"
    )
