"""A signing key in AWS KMS: `awskms:///alias/apt?region=eu-central-1`, or a key's ID or ARN in the alias's place.

KMS signs digests; of Ed25519 it takes them as a message (KMS API reference, "Sign"; the pre-hashed Ed25519ph would be
another signature). The rights that are needed are kms:GetPublicKey, kms:DescribeKey and kms:Sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from packages_app.core.errors import RepomgrError
from packages_app.signing.external import asked_again
from packages_app.signing.packets import PublicKey
from packages_app.signing.public_keys import read_public_key
from packages_app.signing.signer_errors import (
    KeyDenied,
    KeyDisabled,
    KeyMissing,
    KeyUnsupported,
    SignerAddressRefused,
    SignerFailed,
    SignerUnavailable,
)

_OPTIONS = ("region", "endpoint")
_RIGHTS = "Give the workers' role kms:GetPublicKey, kms:DescribeKey and kms:Sign on this key, in its policy too."
_DISABLED = frozenset({"DisabledException", "KMSInvalidStateException"})
_DENIED = frozenset(
    {
        "AccessDeniedException", "NotAuthorized", "UnrecognizedClientException", "InvalidClientTokenId",
        "InvalidSignatureException", "SignatureDoesNotMatch", "ExpiredTokenException", "IncompleteSignature",
        "MissingAuthenticationToken", "OptInRequired",
    }
)  # fmt: skip
_UNSUPPORTED = frozenset({"InvalidKeyUsageException", "UnsupportedOperationException"})
_NOT_FOUND = frozenset({"NotFoundException", "InvalidArnException", "ValidationException"})
_AWAY = frozenset(
    {
        "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "ThrottlingException",
        "LimitExceededException", "RequestLimitExceeded", "ServiceUnavailableException", "InternalFailure",
    }
)  # fmt: skip
_NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoRegionError", "ProfileNotFound",
        "InvalidRegionError", "TokenRetrievalError", "UnauthorizedSSOTokenError",
    }
)  # fmt: skip


@dataclass(frozen=True)
class KmsKey:
    """An asymmetric key of KMS for SIGN_VERIFY; fulfils `external.ExternalKey`."""

    name: str
    region: str = ""
    endpoint: str = ""

    @property
    def place(self) -> str:
        """The address without its options."""
        return f"awskms:///{self.name}"

    def public_key(self) -> PublicKey:
        """Return what KMS tells of it, read once."""
        return self._public

    def made(self) -> datetime | None:
        """Return when KMS made it."""
        created: datetime = self._ask("describe_key")["KeyMetadata"]["CreationDate"]
        return created.astimezone(UTC)

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return the raw signature that KMS makes of a digest."""
        bits = hash_name.removeprefix("sha")
        algorithm, form = f"RSASSA_PKCS1_V1_5_SHA_{bits}", "DIGEST"
        if isinstance(self._public, ec.EllipticCurvePublicKey):
            algorithm = f"ECDSA_SHA_{bits}"
        elif not isinstance(self._public, rsa.RSAPublicKey):
            algorithm, form = "ED25519_SHA_512", "RAW"
        signature: bytes = self._ask("sign", Message=digest, MessageType=form, SigningAlgorithm=algorithm)["Signature"]
        return signature

    @cached_property
    def _public(self) -> PublicKey:
        told = self._ask("get_public_key")
        if told.get("KeyUsage") != "SIGN_VERIFY":
            raise self._unsupported()
        return read_public_key(told["PublicKey"], self.place)

    @cached_property
    def _client(self) -> Any:
        # Here alone: installations with another signer need not wait for them.
        import boto3
        from botocore.config import Config

        from packages_app.core.aws_models import share_models

        share_models()
        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
        return boto3.Session().client(
            "kms", region_name=self.region or None, endpoint_url=self.endpoint or None, config=config
        )

    def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        return asked_again(self._ask_once, operation, arguments)

    def _ask_once(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(KeyId=self.name, **arguments)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise self._error(error.response["Error"]["Code"], away=status >= 500) from error
        except BotoCoreError as error:
            # What is not the credentials' fault is the connection's.
            raise self._error(type(error).__name__, away=type(error).__name__ not in _NO_CREDENTIALS) from error
        return answer

    def _error(self, code: str, *, away: bool) -> RepomgrError:
        """Return the error of a code of KMS's; what KMS says beside it may name the account, and is left out."""
        if away or code in _AWAY:
            return SignerUnavailable(
                f"AWS KMS does not answer for {self.place} ({code}).",
                remedy="See the network, region and endpoint, and the health of KMS; it is tried again.",
            )
        for codes, error in self._errors.items():
            if code in codes:
                return error(code)
        return SignerFailed(f"AWS KMS does not sign with {self.place} ({code}).", remedy=_RIGHTS)

    @property
    def _errors(self) -> Mapping[frozenset[str], Callable[[str], RepomgrError]]:
        return {
            _DISABLED: lambda code: KeyDisabled(
                f"The key {self.place} is disabled, or waits to be deleted ({code}).",
                remedy="Enable it in KMS, or cancel its deletion: clients know no other key.",
            ),
            _NOT_FOUND: lambda code: KeyMissing(
                f"AWS KMS has no key {self.place} ({code}).", remedy="Check alias, region and account of the address."
            ),
            _DENIED: lambda code: KeyDenied(f"AWS KMS does not let us use {self.place} ({code}).", remedy=_RIGHTS),
            _NO_CREDENTIALS: lambda code: KeyDenied(
                f"AWS KMS is not asked for {self.place}: {code}.",
                remedy="Give the workers a role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and a region.",
            ),
            _UNSUPPORTED: lambda _code: self._unsupported(),
        }

    def _unsupported(self) -> KeyUnsupported:
        return KeyUnsupported(
            f"The key {self.place} is not for signing.",
            remedy="Make one of usage SIGN_VERIFY: ECC_NIST_EDWARDS25519, ECC_NIST_P256 or RSA_3072.",
        )


def kms_key(rest: str) -> KmsKey:
    """Return the key of an address behind `awskms:`; raise `SignerAddressRefused`."""
    try:
        parts = urlsplit(rest)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        fault = bool(parts.netloc) or not rest.startswith("///") or not {*options} <= {*_OPTIONS}
        fault = fault or urlsplit(options.get("endpoint", "https:")).scheme not in ("http", "https")
    except ValueError:
        fault = True
    name = "" if fault else unquote(parts.path).strip("/")
    if not name:
        raise SignerAddressRefused(
            "SIGNING_KEY names no key of AWS KMS.",
            remedy="Write awskms:///alias/NAME, awskms:///KEY-ID or awskms:///ARN, and ?region=…&endpoint=… if needed.",
        )
    return KmsKey(name, options.get("region", ""), options.get("endpoint", ""))
