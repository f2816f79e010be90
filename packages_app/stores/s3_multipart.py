"""A large file written to S3 in parts, several at once (S3 API, CreateMultipartUpload): there whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.utils import ReadFileChunk

from packages_app.core.at_once import at_once

PART_BYTES = 16 * 1024 * 1024
"""S3 takes parts of 5 MiB to 5 GiB, 10,000 at most: files of up to 156 GiB."""
_AT_ONCE = 4


def put_in_parts(
    client: Any, where: Mapping[str, str], options: Mapping[str, Any], conditions: Mapping[str, str], path: Path
) -> Mapping[str, Any]:
    """Write a file to `where` (Bucket, Key); return the answer to the last call, which has the conditions.

    Raise botocore's errors; what was uploaded by then is removed.
    """
    upload = client.create_multipart_upload(**where, **options)["UploadId"]
    size = path.stat().st_size

    def put(number: int) -> dict[str, Any]:
        with ReadFileChunk.from_filename(str(path), (number - 1) * PART_BYTES, PART_BYTES) as part:
            answer = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    try:
        parts = at_once([partial(put, number) for number in range(1, -(-size // PART_BYTES) + 1)], _AT_ONCE)
        answer: Mapping[str, Any] = client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": parts}, **conditions
        )
    except BaseException:
        with suppress(ClientError, BotoCoreError):  # the first error is the one to tell
            client.abort_multipart_upload(**where, UploadId=upload)
        raise
    return answer
