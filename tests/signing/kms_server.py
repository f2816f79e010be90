"""AWS KMS as far as signing goes, over HTTP (KMS API reference).

moto's takes every message for RAW, so that it signs the digest of a digest, and has no Ed25519.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.loopback import LoopbackServer, QuietHandler
from tests.signing.keepers import MADE, Kept


class KmsServer(LoopbackServer):
    """Holds keys by their names. `fault` is the answer to all while it is set: a status and a code of KMS's.

    `asked` has the operations that were asked for, with the arguments of each.
    """

    def __init__(self, keys: Mapping[str, Kept]) -> None:
        self.fault: tuple[int, str] | None = None
        self.usage = "SIGN_VERIFY"
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        server = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append((operation, given))
                status, answer = server.answer(operation, given, keys)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(Handler)

    def answer(self, operation: str, given: Mapping[str, str], keys: Mapping[str, Kept]) -> tuple[int, object]:
        """Give status and document of the answer to an operation."""
        key = keys.get(given["KeyId"])
        status, code = self.fault or (400, "" if key else "NotFoundException")
        if key is None or code:
            return status, {"__type": code, "message": "arn:aws:kms:eu-central-1:123456789012:key/secret-account"}
        if operation == "DescribeKey":
            return 200, {"KeyMetadata": {"KeyId": given["KeyId"], "CreationDate": MADE.timestamp()}}
        if operation == "GetPublicKey":
            told = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return 200, {"PublicKey": base64.b64encode(told).decode(), "KeyUsage": self.usage}
        signed = _signed(key, given["SigningAlgorithm"], given["MessageType"], base64.b64decode(given["Message"]))
        return 200, {"Signature": base64.b64encode(signed).decode()}


def _signed(key: Kept, algorithm: str, form: str, message: bytes) -> bytes:
    """Give the signature by one of KMS's algorithms; a digest is one of the algorithm's length."""
    if algorithm == "ED25519_SHA_512":
        assert form == "RAW"
        return key.private.sign(message)
    name, _, bits = algorithm.rpartition("_")
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
    if form == "RAW":
        context = hashes.Hash(digest)
        context.update(message)
        message = context.finalize()
    if isinstance(key.private, rsa.RSAPrivateKey):
        assert name == "RSASSA_PKCS1_V1_5_SHA"
        return key.private.sign(message, padding.PKCS1v15(), Prehashed(digest))
    assert name == "ECDSA_SHA"
    return key.private.sign(message, ec.ECDSA(Prehashed(digest)))
