"""moto with a way in of the bench's own: `python -m tests.benchmarks.filled_moto` serves as repomgr's does.

Its request path takes many milliseconds for each item and object. A POST of a file's path to `FILL` puts all that the
file holds where such requests would have put it; table and buckets are there by then, made by the product over HTTP.
Each line of the file is JSON: `{"region", "table", "item"}`, the item as DynamoDB's API has it, or
`{"bucket", "key", "file", "headers"}` with the headers of a PutObject. The server shares the files with whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from repomgr.servers.moto import Dispatcher, serve
from tests.benchmarks.distributed import FILL

_ACCOUNT = "123456789012"
"""moto's own."""


class Fillable:
    """moto's application, and `FILL`."""

    def __init__(self) -> None:
        self._moto = Dispatcher()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != FILL:
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        _take_in(Path(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()))
        start_response("204 No Content", [])
        return []


def _take_in(file: Path) -> None:
    with file.open() as stream:
        for line in stream:
            one = json.loads(line)
            if "item" in one:
                _put_item(one["region"], one["table"], one["item"])
            else:
                _put_object(one["bucket"], one["key"], Path(one["file"]).read_bytes(), one["headers"])


def _put_item(region: str, table: str, item: dict[str, Any]) -> None:
    """Do what moto does for each item of a BatchWriteItem."""
    from moto.dynamodb.models import dynamodb_backends

    dynamodb_backends[_ACCOUNT][region].put_item(table, item)


def _put_object(bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Do what moto does for a PutObject with these headers."""
    from moto.s3.models import s3_backends
    from moto.s3.responses import metadata_from_headers

    backend = s3_backends[_ACCOUNT]["aws"]
    stored = backend.put_object(bucket, key, body, storage="STANDARD")
    stored.set_metadata(metadata_from_headers(headers))
    stored.set_acl(backend.get_bucket(bucket).acl)
    backend.put_object_tagging(stored, None)


if __name__ == "__main__":
    serve(Fillable())
