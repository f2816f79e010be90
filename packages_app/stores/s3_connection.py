"""How a bucket is reached: django-storages' S3Storage set up for our writes, and its faults in our words."""

from __future__ import annotations

from typing import Any, Literal

import structlog
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.utils import determine_content_length
from storages.backends.s3 import S3Storage

from packages_app.core.aws_models import share_models
from packages_app.core.errors import ObjectNotFound, RepomgrError, StoreMissing, StoreUnavailable, StoreUnfit
from packages_app.core.locations import S3Store

TRIES = 3
_SMALL_BYTES = 1024 * 1024
MISSING = ("404", "NoSuchKey", "NotFound")
NOT_KNOWN = "NotImplemented"
CONFLICT = "ConditionalRequestConflict"

_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed")
_DENIED = ("403", "AccessDenied", "Forbidden")
_WRONG_ADDRESS = ("301", "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidBucketName")
_NOT_SET_UP = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
_RIGHTS = {
    "create_bucket": "s3:ListBucket and s3:CreateBucket",
    "head_bucket": "s3:ListBucket",
    "put_object": "s3:PutObject, s3:GetObject for conditions, and s3:PutObjectAcl for acl=",
    "head_object": "s3:GetObject and s3:ListBucket",
    "get_object": "s3:GetObject and s3:ListBucket",
    "copy_object": "s3:GetObject and s3:PutObject, and s3:PutObjectAcl for acl=",
    "delete_object": "s3:DeleteObject",
    "list_objects": "s3:ListBucket",
    "create_multipart_upload": "s3:PutObject",
    "upload_part": "s3:PutObject",
    "list_parts": "s3:ListMultipartUploadParts",
    "complete_multipart_upload": "s3:PutObject",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
}
"""Actions of AWS policies by our operation (service authorization reference, "Amazon S3")."""

log = structlog.get_logger(__name__)


def connect(location: S3Store) -> Any:
    """Return the S3Storage of a location; nothing is asked of the server yet."""
    share_models()
    # S3-compatible servers often know neither virtual hosts nor the newer default checksums.
    own_server = bool(location.endpoint)
    checksums: Literal["when_required", "when_supported"] = "when_required" if own_server else "when_supported"
    return S3Storage(
        bucket_name=location.bucket,
        location=location.prefix,
        region_name=location.region or None,
        endpoint_url=location.endpoint or None,
        default_acl=location.acl or None,
        querystring_auth=False,
        file_overwrite=True,
        gzip=False,
        client_config=Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
            max_pool_connections=32,
            s3={"addressing_style": "path" if own_server else "auto"},
        ),
    )


def client_of(storage: Any) -> Any:
    """Return a client for all threads, which logs each failed try."""
    client = storage.connection.meta.client
    client.meta.events.register("needs-retry.s3", _after_try)
    client.meta.events.register_last("before-call.s3", _send_small_body_at_once)
    return client


def error_code(error: ClientError) -> str:
    """Return the server's code: a word, or the HTTP status where the answer had no body (head requests)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def store_error(location: S3Store, operation: str, key: str, error: Exception) -> RepomgrError:
    """Return our error for a fault of the client that no retry has cured, and log it."""
    if not isinstance(error, ClientError):
        log.warning("store_call_gave_up", operation=operation, key=key, error=str(error))
        if isinstance(error, _NOT_SET_UP):
            return StoreMissing(
                f"The bucket {location.bucket} can't be asked for {operation}: {error}.",
                remedy="Check the store's URL, its region, and the AWS credentials of this process.",
            )
        return unavailable(location, operation, key, str(error))
    code = error_code(error)
    if code in MISSING and operation != "head_bucket":
        return ObjectNotFound(f"There is no object {key}.", remedy="Check the key.")
    log.warning("store_call_gave_up", operation=operation, key=key, code=code)
    if code in ("NoSuchBucket", *MISSING):
        return StoreMissing(
            f"There is no bucket {location.bucket}.", remedy="Run manage.py create_storage, or correct the URL."
        )
    remedy = _remedy(location, operation, code)
    if remedy:
        return StoreMissing(f"{operation} of {key or location.bucket} is refused: {code}.", remedy=remedy)
    return unfit(location, operation) if code == NOT_KNOWN else unavailable(location, operation, key, code)


def unavailable(location: S3Store, operation: str, key: str, why: str) -> StoreUnavailable:
    """Return the error of a call that may succeed later."""
    return StoreUnavailable(
        f"The bucket {location.bucket} failed at {operation} of {key}: {why}.",
        remedy="Check that the endpoint answers, then try again.",
    )


def unfit(location: S3Store, call: str) -> StoreUnfit:
    """Return the error of a server that says itself that it does not know what we rely on."""
    return StoreUnfit(
        f"server of the bucket {location.bucket}",
        [f"{call} is not known ({NOT_KNOWN})"],
        remedy="Use another server, or a newer release of this one, then run manage.py doctor.",
    )


def no_store(location: S3Store, lacking: str) -> StoreUnfit:
    """Return the error of a server that answers, and not as S3 does: an answer is `lacking` what it must have."""
    return StoreUnfit(
        f"server of the bucket {location.bucket}",
        [f"an answer lacks {lacking}"],
        remedy="Check the endpoint in the store's URL: another service may listen there.",
    )


def fault_of_body(error: BotoCoreError, at: int) -> None:
    """Log that an answer's body broke off at a byte."""
    log.warning("store_body_broken", at=at, error=str(error))


def _remedy(location: S3Store, operation: str, code: str) -> str:
    """Return what cures a refusal that no retry can; "" when a later try may succeed."""
    if code in _DENIED:
        return f"Allow {_RIGHTS[operation]} on the bucket {location.bucket} to the credentials in use."
    if code in _CREDENTIALS:
        return "Check the access key, its secret, their expiry, and this machine's clock."
    if code in _WRONG_ADDRESS:
        return f"Check bucket name and region in the store's URL ({location.bucket}, {location.region or 'no region'})."
    if code == "AccessControlListNotSupported":
        return "Take acl= out of the store's URL and use a bucket policy, or enable ACLs on the bucket."
    return ""


def _send_small_body_at_once(params: dict[str, Any], **_rest: Any) -> None:
    """Take "Expect: 100-continue" from a request whose body is small (an event handler of botocore).

    With it the headers go ahead, and the body follows when the server has said so: a round trip more, which pays where
    a refusal saves sending much.
    """
    size = determine_content_length(params.get("body"))
    if size is not None and size <= _SMALL_BYTES:
        params["headers"].pop("Expect", None)


def _after_try(
    attempts: int, response: Any = None, caught_exception: Exception | None = None, **_rest: Any
) -> float | None:
    """Log a failed try, and ask for another (gives seconds to wait) where botocore by itself would not.

    An event handler of botocore. A 409 ConditionalRequestConflict says that another write was under way, and not how
    it ended: the request shall be sent again (S3 user guide, "Conditional writes").
    """
    status = response[0].status_code if response else 0
    code = response[1].get("Error", {}).get("Code", "") if response else ""
    if caught_exception is not None or status >= 500 or status == 429 or code == CONFLICT:
        log.warning("store_call_failed", attempt=attempts, status=status, code=code, error=str(caught_exception or ""))
    return 0.1 * attempts if code == CONFLICT and attempts < TRIES else None
