"""A vendor's feed on a free loopback port: metadata in both forms, signed files, and faults to switch on."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tests.loopback import LoopbackServer, QuietHandler

METADATA = "/metadata.json"


@dataclass(frozen=True)
class VendorKey:
    """A vendor's key and its self-signed certificate."""

    key: Any
    certificate: bytes
    fingerprint: str
    scheme: str

    @classmethod
    def make(cls, scheme: str = "pkcs1", *, bits: int = 2048, valid_for: timedelta = timedelta(days=365)) -> Self:
        """Make a key; `scheme` is pkcs1, pss or ecdsa."""
        key = ec.generate_private_key(ec.SECP256R1()) if scheme == "ecdsa" else rsa.generate_private_key(65537, bits)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vendor")])
        now = datetime.now(UTC)
        begins = now - timedelta(days=1) if valid_for > timedelta() else now + valid_for - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, now + valid_for)
        ).sign(key, hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return cls(key, pem, certificate.fingerprint(hashes.SHA256()).hex(), scheme)

    def sign(self, body: bytes) -> bytes:
        if self.scheme == "ecdsa":
            return self.key.sign(body, ec.ECDSA(hashes.SHA256()))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
        return self.key.sign(body, pss if self.scheme == "pss" else padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Fault:
    """What goes wrong for a path, `times` times: a status, a cut after some bytes, a wrong length, a slow answer."""

    status: int = 0
    cut_after: int | None = None
    length: int | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


class Feed(LoopbackServer):
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, Fault] = {}
        self.requests: list[tuple[str, str]] = []
        self.releases: list[dict[str, Any]] = []
        self.send_etags = True
        self.heeds_if_range = True
        self.names_rest = True
        self.most_of_rest = 0
        self.says_length = True
        feed = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                feed._answer(self)

        super().__init__(Handler)

    @property
    def endpoint(self) -> str:
        return self.url + METADATA

    def publish(self, deb: Path, version: str, *, key: VendorKey | None = None, **details: Any) -> str:
        """Offer a package in the nested form, with certificate and signature when a key is given; gives its path."""
        folder = f"/{version}"
        body = deb.read_bytes()
        files = {deb.name: body}
        if key is not None:
            files |= {"certificate.pem": key.certificate, "signature.bin": key.sign(body)}
        for name, content in files.items():
            self.files[f"{folder}/{name}"] = content
            extra = details if name == deb.name else {}
            update = {
                "version": version, "pub_date": "2026-01-02", "notes": f"Notes of {version}", "name": name,
                "url": f"{self.url}{folder}/{name}", **extra,
            }  # fmt: skip
            self.releases.append({"version": version, "updateTo": update})
        self.serve({"currentRelease": version, "releases": self.releases})
        return f"{folder}/{deb.name}"

    def serve(self, document: Any, path: str = METADATA) -> None:
        """Serve a JSON document."""
        self.files[path] = json.dumps(document).encode()

    def fetched(self, ending: str) -> list[str]:
        """Give the paths asked for that end so."""
        return [path for path, _ in self.requests if path.endswith(ending)]

    def _answer(self, request: Any) -> None:
        path = unquote(request.path)
        self.requests.append((path, request.headers.get("Range", "")))
        fault = self.faults.get(path)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self.faults[path]
            time.sleep(fault.delay)
        body = self.files.get(path)
        if fault is not None and fault.status:
            return _send(request, fault.status, b"<html>fault</html>", fault.headers)
        if body is None:
            return _send(request, 404, b"<html>not found</html>", {})
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        headers = {"ETag": etag} if self.send_etags else {}
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if wanted and (request.headers.get("If-Range", etag) == etag or not self.heeds_if_range):
            start = int(wanted[1])
            end = min(start + self.most_of_rest, len(body)) if self.most_of_rest else len(body)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
            body, status = body[start:end], 206
            if not self.names_rest:
                headers.pop("ETag", None)
        return _send(request, status, body, headers, fault, says_length=self.says_length)


def _send(request: Any, status: int, body: bytes, headers: dict[str, str], fault: Fault | None = None, *,
          says_length: bool = True) -> None:  # fmt: skip
    length = len(body) if fault is None or fault.length is None else fault.length
    request.send_response(status)
    said = {"Content-Length": str(length)} if says_length else {"Connection": "close"}
    for name, value in {**headers, **said}.items():
        request.send_header(name, value)
    request.end_headers()
    cut = fault.cut_after if fault is not None else None
    request.wfile.write(body if cut is None else body[:cut])
    if cut is not None or length != len(body):
        request.close_connection = True
