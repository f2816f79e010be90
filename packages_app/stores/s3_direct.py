"""A bucket to which the parts of a file are sent from outside, by addresses that are signed for one part each."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from packages_app.core.direct_upload import BegunUpload, Part, UploadGone, check_parts
from packages_app.core.locations import S3Store
from packages_app.stores.s3_connection import client_of, connect, error_code
from packages_app.stores.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ADDRESS_SECONDS = 300
"""A PUT has to begin within it, and may take longer; another try is given another address."""
_BLOCK_BYTES = 256 * 1024
_GONE = "NoSuchUpload"


class S3DirectUploads(S3ObjectStore):
    """Fulfils `core.direct_upload.DirectUploads`. `address` is where the bucket's server is reached from outside."""

    def __init__(self, location: S3Store, address: str) -> None:
        super().__init__(location)
        self._seen_from_outside = replace(location, endpoint=address)

    @cached_property
    def _signer(self) -> Any:
        return client_of(connect(self._seen_from_outside))

    def begin_parts(self, key: str) -> str:
        """Begin an upload; return its ID."""
        with self._call("create_multipart_upload", key):
            upload: str = self._client.create_multipart_upload(**self._target(key))["UploadId"]
        return upload

    def part_address(self, key: str, upload: str, number: int, size: int) -> str:
        """Return a part's address, whose signature covers the header Content-Length."""
        where = {**self._address(key), "UploadId": upload, "PartNumber": number, "ContentLength": size}
        with self._call("upload_part", key):
            address: str = self._signer.generate_presigned_url("upload_part", where, ExpiresIn=_ADDRESS_SECONDS)
        return address

    def put_part(self, key: str, upload: str, number: int, body: Path) -> None:
        """Keep a part that came through us."""
        with body.open("rb") as stream, self._of_upload("upload_part", key, upload):
            self._client.upload_part(**self._address(key), UploadId=upload, PartNumber=number, Body=stream)

    def complete_parts(self, key: str, upload: str, size: int) -> None:
        """Make the object, of what the server says is there."""
        where = self._address(key)
        try:
            parts = self.parts_there(key, upload)
            check_parts(parts, size)
            named = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
            with self._of_upload("complete_multipart_upload", key, upload):
                self._client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": named})
        except UploadGone:
            info = self.head(key)  # of an upload that is completed, no more is known than its object
            if info is None or info.size != size:
                raise

    @contextmanager
    def file_of_parts(self, key: str, upload: str, size: int) -> Iterator[Path]:
        """Let the block have the file: the object is made first, which is there until it is deleted."""
        self.complete_parts(key, upload, size)
        with self.as_local_file(key) as path:
            yield path

    def parts_there(self, key: str, upload: str) -> list[Part]:
        """Return the parts, by their numbers."""
        with self._of_upload("list_parts", key, upload):
            pages = self._client.get_paginator("list_parts").paginate(**self._address(key), UploadId=upload)
            found = [part for page in pages for part in page.get("Parts", ())]
        return [Part(part["PartNumber"], part["Size"], part["ETag"]) for part in found]

    def abort_parts(self, key: str, upload: str) -> None:
        """Remove an upload and its parts."""
        where = self._address(key)
        with self._call("abort_multipart_upload", key):
            try:
                self._client.abort_multipart_upload(**where, UploadId=upload)
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise

    def begun_below(self, prefix: str) -> list[BegunUpload]:
        """Return the uploads below a prefix."""
        with self._call("list_multipart_uploads", prefix):
            lister = self._client.get_paginator("list_multipart_uploads")
            pages = lister.paginate(Bucket=self._location.bucket, Prefix=self._prefix + prefix)
            found = [upload for page in pages for upload in page.get("Uploads", ())]
        return [BegunUpload(one["Key"].removeprefix(self._prefix), one["UploadId"], one["Initiated"]) for one in found]

    def open_anywhere(self, key: str, size: int) -> BinaryIO:
        """Open an object; each move to a place that was not just read is a request."""
        return io.BufferedReader(_Ranges(lambda start, end: self._range(key, start, end), size), _BLOCK_BYTES)

    def _range(self, key: str, start: int, end: int) -> bytes:
        where = self._address(key)
        with self._call("get_object", key):
            body: bytes = self._client.get_object(**where, Range=f"bytes={start}-{end - 1}")["Body"].read()
        return body

    @contextmanager
    def _of_upload(self, operation: str, key: str, upload: str) -> Iterator[None]:
        with self._call(operation, key):
            try:
                yield
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise
                raise UploadGone(
                    f"There is no upload {upload[:80]} of {key}: it was completed or aborted, or never begun.",
                    remedy="Send the file again.",
                ) from error


class _Ranges(io.RawIOBase):
    """Reads from anywhere, each time what `fetch` gives of the bytes from a start to an end."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._fetch, self._size, self._at = fetch, size, 0

    def readable(self) -> bool:
        """Return True: it can be read (`io.RawIOBase`)."""
        return True

    def seekable(self) -> bool:
        """Return True: from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; return where to."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Return where it is."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes into a buffer; return their number, 0 at the end."""
        into = memoryview(buffer).cast("B")
        end = min(self._at + len(into), self._size)
        if end <= self._at:
            return 0
        body = self._fetch(self._at, end)
        into[: len(body)] = body
        self._at += len(body)
        return len(body)
