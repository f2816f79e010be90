"""A bucket of S3, or of a server that speaks it, over django-storages; conditional writes through its client."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy as shallow_copy
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from io import BytesIO
from os.path import commonpath
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from packages_app.core.at_once import at_once
from packages_app.core.checksums import chunks_of, sha256_of
from packages_app.core.errors import ObjectChanged, ObjectExists, ObjectNotFound
from packages_app.core.layout import cache_control, content_type
from packages_app.core.locations import S3Store
from packages_app.core.ports import ObjectInfo
from packages_app.stores.local_copy import copy_to_file
from packages_app.stores.object_key import checked_key, is_key
from packages_app.stores.promises import check_promises
from packages_app.stores.s3_body import ResumedBody, buffered
from packages_app.stores.s3_connection import (
    MISSING,
    NOT_KNOWN,
    client_of,
    connect,
    error_code,
    no_store,
    store_error,
    unavailable,
    unfit,
)
from packages_app.stores.s3_multipart import PART_BYTES, put_in_parts

_HEADS_AT_MOST = 100
_REFUSED = ("412", "PreconditionFailed")
_MADE_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")

log = structlog.get_logger(__name__)


class S3ObjectStore:
    """Fulfils `core.ports.ObjectStore` for a bucket, or for what lies below a prefix of it."""

    at_once = 16

    def __init__(self, location: S3Store) -> None:
        self._location = location
        self._prefix = f"{location.prefix}/" if location.prefix else ""
        self._bucket_seen = False
        self._parts_above = PART_BYTES

    @cached_property
    def _storage(self) -> Any:
        return connect(self._location)

    @cached_property
    def _client(self) -> Any:
        # One for all threads, which botocore allows: django-storages makes one for each, and making it is dear.
        return client_of(self._storage)

    def create(self) -> bool:
        """Make the bucket where it is missing."""
        bucket = self._location.bucket
        with self._call("create_bucket", ""):
            try:
                self._client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if error_code(error) not in ("NoSuchBucket", *MISSING):
                    raise
            else:
                return False
            region = self._client.meta.region_name
            # The API knows us-east-1 by no name of its own here (S3 API, CreateBucketConfiguration).
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            try:
                self._client.create_bucket(Bucket=bucket, **where)
            except ClientError as error:
                if error_code(error) not in _MADE_ALREADY:
                    raise
                return False
        return True

    def probe(self) -> str:
        """Try what we rely on, files in parts and reads on a condition too: about twenty-five requests."""
        in_parts = shallow_copy(self)
        in_parts._parts_above = 0
        read_if = partial(self._get, 1)
        try:
            check_promises(self, f"bucket {self._location.bucket}", in_parts=in_parts, read_if=read_if)
        except KeyError as error:  # any server of HTTP says 200, such as the console of one
            raise no_store(self._location, error.args[0]) from error
        return f"bucket {self._location.bucket} can be written, and keeps conditions"

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
        conditions = {"IfNoneMatch": "*"} if if_none_match else {} if if_match is None else {"IfMatch": if_match}
        metadata = {name.lower(): value for name, value in (metadata or {}).items()}
        options = {**self._target(key), **conditions, "Metadata": metadata}
        if isinstance(body, bytes):
            # The server checks what arrived. A file's bytes are covered by the request's signature.
            options["ContentMD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        with body.open("rb") if isinstance(body, Path) else BytesIO(body) as stream, self._call("put_object", key):
            try:
                answer = self._put(stream, body, options, conditions)
            except ClientError as error:
                if conditions and error_code(error) == NOT_KNOWN:
                    header = "If-None-Match" if if_none_match else "If-Match"
                    raise unfit(self._location, f"{header} of {error.operation_name}") from error
                if not conditions or error_code(error) not in (*_REFUSED, *MISSING):
                    raise
                # A write that was repeated may have met its own first try, whose answer was lost.
                repeated = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                written = self._written_already(key, body, metadata) if repeated else None
                if written is None:
                    raise _refused(key, exists=if_none_match) from error
                log.warning("store_write_found_done")
                return written
            size = stream.seek(0, 2)
        # Of this very write, as a head request would no longer tell when another write came after it.
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return ObjectInfo(key, size, answer["ETag"], content_type(key), cache_control(key), date, metadata)

    def put_many_new(self, objects: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Write small objects that are not there, several at once."""
        return at_once([partial(self._put_new, key, body) for key, body in objects], self.at_once)

    def _put_new(self, key: str, body: bytes) -> bool:
        try:
            self.put(key, body, if_none_match=True)
        except ObjectExists:
            return False
        return True

    def _put(
        self, stream: BinaryIO, body: bytes | Path, options: dict[str, Any], conditions: dict[str, str]
    ) -> Mapping[str, Any]:
        """Write an object; a large file in parts. What replaces a known object goes in one piece."""
        if isinstance(body, bytes) or "IfMatch" in conditions or body.stat().st_size <= self._parts_above:
            answer: Mapping[str, Any] = self._client.put_object(Body=stream, **options)
            return answer
        where = {name: options[name] for name in ("Bucket", "Key")}
        others = {name: value for name, value in options.items() if name not in (*where, *conditions)}
        return put_in_parts(self._client, where, others, conditions, body)

    def _written_already(self, key: str, body: bytes | Path, metadata: Mapping[str, str]) -> ObjectInfo | None:
        """Tell of the object in place if it is the one to be written, by its bytes: ETags are not always MD5s."""
        info = self.head(key)
        if info is None or info.metadata != metadata:
            return None
        try:
            with self.open(key) as stored, body.open("rb") if isinstance(body, Path) else BytesIO(body) as wanted:
                same = sha256_of(chunks_of(stored)) == sha256_of(chunks_of(wanted))
        except ObjectNotFound:
            return None
        return info if same else None

    def head(self, key: str) -> ObjectInfo | None:
        """Tell of an object, or None."""
        where = self._address(key)
        with self._call("head_object", key):
            try:
                answer = self._client.head_object(**where)
            except ClientError as error:
                if error_code(error) not in MISSING:
                    raise
                answer = None
        if answer is None:
            self._check_bucket()
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
        """Return an object's bytes."""
        return self.read_with_etag(key)[0]

    def read_with_etag(self, key: str) -> tuple[bytes, str]:
        """Return an object's bytes and their ETag."""
        with self._body(key) as body:
            return b"".join(chunks_of(buffered(body))), body.etag

    def open(self, key: str) -> BinaryIO:
        """Open an object; its stream goes on over a broken connection, and raise the store's errors."""
        return buffered(self._body(key))

    def _body(self, key: str) -> ResumedBody:
        return ResumedBody(
            lambda start, etag: self._get(start, key, etag),
            lambda error: unavailable(self._location, "get_object", key, str(error)),
        )

    def _get(self, start: int, key: str, etag: str) -> Mapping[str, Any]:
        """Ask for an object; with an ETag for the bytes of just this one from `start` on."""
        where = self._address(key)
        rest = {"Range": f"bytes={start}-", "IfMatch": etag} if etag else {}
        with self._call("get_object", key):
            try:
                answer: Mapping[str, Any] = self._client.get_object(**where, **rest)
            except ClientError as error:
                if error_code(error) not in _REFUSED:
                    raise
                raise _refused(key, exists=False) from error
        return answer

    @contextmanager
    def as_local_file(self, key: str) -> Iterator[Path]:
        """Return an object as a file: a copy."""
        with tempfile.TemporaryDirectory(prefix="repomgr-copy-") as folder:
            path = Path(folder) / checked_key(key).rpartition("/")[2]
            copy_to_file(self, key, path)
            yield path

    @contextmanager
    def draft_folder(self) -> Iterator[Path]:
        """Return a temporary folder."""
        with tempfile.TemporaryDirectory(prefix="repomgr-draft-") as name:
            yield Path(name)

    def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Copy within the bucket, on its side."""
        origin, options = self._address(source), self._target(target)
        with self._call("copy_object", source):
            self._client.copy_object(CopySource=origin, MetadataDirective="REPLACE", Metadata=dict(metadata), **options)
        info = self.head(target)
        if info is None:
            raise ObjectNotFound(f"The copy {target} was removed at once.", remedy="Find out who else writes here.")
        return info

    def delete(self, key: str) -> None:
        """Remove an object."""
        where = self._address(key)
        with self._call("delete_object", key):
            self._client.delete_object(**where)

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Return (key, size) of objects below a prefix, sorted by key."""
        with self._call("list_objects", prefix):
            lister = self._client.get_paginator("list_objects_v2")
            pages = iter(lister.paginate(Bucket=self._location.bucket, Prefix=self._prefix + prefix))
        while True:
            with self._call("list_objects", prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self._prefix)
                if is_key(key):  # folders that other tools have marked are none
                    yield key, found["Size"]

    def sizes_of(self, keys: Collection[str]) -> dict[str, int]:
        """Return the sizes of those that are there; of many, by listing: a thousand keys cost what one head costs."""
        wanted = set(filter(is_key, keys))
        if len(wanted) < _HEADS_AT_MOST:
            infos = at_once([partial(self.head, key) for key in wanted], self.at_once)
            return {info.key: info.size for info in infos if info is not None}
        return {key: size for key, size in self.keys(commonpath(list(wanted))) if key in wanted}

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self._location.bucket, "Key": self._prefix + checked_key(key)}

    def _target(self, key: str) -> dict[str, Any]:
        acl = {"ACL": self._location.acl} if self._location.acl else {}
        # No ContentEncoding, not for .gz either: clients would unpack what Release has the hash of.
        return {**self._address(key), "ContentType": content_type(key), "CacheControl": cache_control(key), **acl}

    def _check_bucket(self) -> None:
        """Raise `StoreMissing` without a bucket: a head request's 404 does not tell whether object or bucket lack."""
        if not self._bucket_seen:
            with self._call("head_bucket", ""):
                self._client.head_bucket(Bucket=self._location.bucket)
            self._bucket_seen = True

    @contextmanager
    def _call(self, operation: str, key: str) -> Iterator[None]:
        """Name the operation and its key in logs, and turn botocore's errors into ours."""
        with structlog.contextvars.bound_contextvars(store_operation=operation, key=key):
            try:
                yield
            except (ClientError, BotoCoreError, OSError) as error:
                raise store_error(self._location, operation, key, error) from error


def _refused(key: str, *, exists: bool) -> ObjectExists | ObjectChanged:
    if exists:
        return ObjectExists(f"{key} is there already.", remedy="Objects of this key are never replaced.")
    return ObjectChanged(f"{key} is another object by now.", remedy="Read it again and start anew.")
