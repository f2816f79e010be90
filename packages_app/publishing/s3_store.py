"""A bucket of S3, or of a server that speaks it, over django-storages; conditional writes through its client."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from packages_app.core.errors import ObjectChanged, ObjectExists, ObjectNotFound, StoreMissing, StoreUnavailable
from packages_app.core.layout import cache_control, content_type
from packages_app.core.locations import S3Store
from packages_app.core.ports import ObjectInfo

_TRIES = 3
_MISSING = ("404", "NoSuchKey", "NotFound")
_REFUSED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_DENIED = ("403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_MADE_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")

log = structlog.get_logger(__name__)


class S3ObjectStore:
    """Fulfils `core.ports.ObjectStore` for a bucket, or for what lies below a prefix of it."""

    def __init__(self, location: S3Store) -> None:
        self._location = location
        self._prefix = f"{location.prefix}/" if location.prefix else ""

    @cached_property
    def _storage(self) -> Any:
        # S3-compatible servers often know neither virtual hosts nor the newer default checksums.
        own_server = bool(self._location.endpoint)
        checksums: Literal["when_required", "when_supported"] = "when_required" if own_server else "when_supported"
        return S3Storage(
            bucket_name=self._location.bucket,
            location=self._location.prefix,
            region_name=self._location.region or None,
            endpoint_url=self._location.endpoint or None,
            default_acl=self._location.acl or None,
            querystring_auth=False,
            file_overwrite=True,
            client_config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=60,
                retries={"total_max_attempts": _TRIES, "mode": "standard"},
                request_checksum_calculation=checksums,
                response_checksum_validation=checksums,
                max_pool_connections=16,
                s3={"addressing_style": "path" if own_server else "auto"},
            ),
        )

    @property
    def _client(self) -> Any:
        client = self._storage.connection.meta.client
        if not getattr(client, "logs_failed_tries", False):  # django-storages keeps one client a thread
            client.meta.events.register("needs-retry.s3", _log_failed_try)
            client.logs_failed_tries = True
        return client

    def create(self) -> bool:
        """Make the bucket where it is missing."""
        bucket = self._location.bucket
        with self._call("create_bucket", ""):
            try:
                self._client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if _code(error) not in ("404", "NoSuchBucket"):
                    raise
            else:
                return False
            region = self._client.meta.region_name
            where = {} if region in (None, "us-east-1") else {"LocationConstraint": region}
            try:
                self._client.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
            except ClientError as error:
                if _code(error) not in _MADE_ALREADY:
                    raise
                return False
        return True

    def probe(self) -> str:
        """Write, read and delete a probe object."""
        key = f".probe/{os.getpid()}"
        self.put(key, b"probe")
        self.read(key)
        self.delete(key)
        return f"bucket {self._location.bucket} can be written"

    def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object from bytes or a file."""
        conditions = {"IfNoneMatch": "*"} if if_none_match else {"IfMatch": if_match} if if_match else {}
        with self._call("put_object", key):
            try:
                self._put(key, body, metadata or {}, conditions)
            except ClientError as error:
                if _code(error) not in (*_REFUSED, *_MISSING) or not conditions:
                    raise
                # A write that was repeated may have met its own first try, whose answer was lost.
                repeated = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
                if not (repeated and self._is_written(key, body)):
                    raise _refused(key, exists=if_none_match) from error
        return self._there(key)

    def _put(self, key: str, body: bytes | Path, metadata: Mapping[str, str], conditions: Mapping[str, Any]) -> None:
        options = {**self._target(key), **conditions, "Metadata": dict(metadata)}
        if isinstance(body, Path):
            with body.open("rb") as stream:
                self._client.put_object(Body=stream, **options)
        else:
            self._client.put_object(Body=body, **options)

    def _is_written(self, key: str, body: bytes | Path) -> bool:
        """Say whether the object there has these bytes."""
        if isinstance(body, Path):
            return False  # callers of large immutable objects compare the stored bytes themselves
        info = self.head(key)
        return info is not None and info.etag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()

    def head(self, key: str) -> ObjectInfo | None:
        """Tell of an object, or None."""
        with self._call("head_object", key):
            try:
                answer = self._client.head_object(Bucket=self._location.bucket, Key=self._prefix + key)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                return None
        return ObjectInfo(
            key=key,
            size=answer["ContentLength"],
            etag=answer["ETag"],
            content_type=answer.get("ContentType", ""),
            cache_control=answer.get("CacheControl", ""),
            modified=answer["LastModified"],
            metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        )

    def read(self, key: str) -> bytes:
        """Give an object's bytes."""
        with self.open(key) as stream, self._call("read_object", key):
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        """Open an object."""
        with self._call("get_object", key):
            answer = self._client.get_object(Bucket=self._location.bucket, Key=self._prefix + key)
        return cast("BinaryIO", answer["Body"])

    def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Copy within the bucket, on its side."""
        with self._call("copy_object", source):
            self._client.copy_object(
                CopySource={"Bucket": self._location.bucket, "Key": self._prefix + source},
                MetadataDirective="REPLACE",
                Metadata=dict(metadata),
                **self._target(target),
            )
        return self._there(target)

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._call("delete_object", key):
            self._client.delete_object(Bucket=self._location.bucket, Key=self._prefix + key)

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Give (key, size) of objects below a prefix, sorted by key."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._call("list_objects", prefix):
            for page in pages.paginate(Bucket=self._location.bucket, Prefix=self._prefix + prefix):
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self._prefix), found["Size"]

    def _target(self, key: str) -> dict[str, Any]:
        acl = {"ACL": self._location.acl} if self._location.acl else {}
        return {
            "Bucket": self._location.bucket,
            "Key": self._prefix + key,
            "ContentType": content_type(key),
            "CacheControl": cache_control(key),
            **acl,
        }

    def _there(self, key: str) -> ObjectInfo:
        info = self.head(key)
        if info is None:
            raise _not_found(key)
        return info

    @contextmanager
    def _call(self, operation: str, key: str) -> Iterator[None]:
        """Name the operation and its key in logs, and turn botocore's errors into ours."""
        with structlog.contextvars.bound_contextvars(store_operation=operation, key=key):
            try:
                yield
            except ClientError as error:
                log.warning("store_call_gave_up", code=_code(error))
                raise self._error(operation, key, error) from error
            except (BotoCoreError, OSError) as error:
                log.warning("store_call_gave_up", error=str(error))
                raise self._unavailable(operation, key, str(error)) from error

    def _error(self, operation: str, key: str, error: ClientError) -> Exception:
        code = _code(error)
        if code == "NoSuchBucket" or (code == "404" and operation == "head_bucket"):
            return StoreMissing(
                f"There is no bucket {self._location.bucket}.",
                remedy="Run manage.py create_storage, or correct the URL.",
            )
        if code in _MISSING:
            return _not_found(key)
        if code in _DENIED:
            return StoreMissing(
                f"{operation} of {key or self._location.bucket} is not allowed ({code}).",
                remedy=f"Check the credentials and their rights on the bucket {self._location.bucket}.",
            )
        return self._unavailable(operation, key, code)

    def _unavailable(self, operation: str, key: str, why: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The bucket {self._location.bucket} failed at {operation} of {key}: {why}.",
            remedy="Check that the endpoint answers, then try again.",
        )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"There is no object {key}.", remedy="Check the key.")


def _refused(key: str, *, exists: bool) -> ObjectExists | ObjectChanged:
    if exists:
        return ObjectExists(f"{key} is there already.", remedy="Objects of this key are never replaced.")
    return ObjectChanged(f"{key} is another object by now.", remedy="Read it again and start anew.")


def _log_failed_try(
    attempts: int, response: Any = None, caught_exception: Exception | None = None, **_rest: Any
) -> None:
    """Log a failed try (a botocore event handler; gives None, so that botocore decides about the retry)."""
    status = response[0].status_code if response else 0
    if caught_exception is not None or status >= 500 or status == 429:
        log.warning("store_call_failed", attempt=attempts, status=status, error=str(caught_exception or ""))
