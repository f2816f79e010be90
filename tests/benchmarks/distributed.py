"""A repository of ours on S3 and DynamoDB, both played by moto: an embedded one that is brought there in seconds.

Items and objects are many, and moto takes many milliseconds for a request. So table and buckets are made by the product
over HTTP, and filled past moto's requests. `test_distributed.py` compares with a repository that was filled by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import Request, urlopen

from repomgr.servers.start import moto_server
from tests.benchmarks.ours import OurRepository

FILL = "/bench/fill"
"""Where `filled_moto` is told of a file to take in."""


@contextmanager
def moto_to_fill() -> Iterator[str]:
    """Play S3 and DynamoDB for the block; gives their endpoint."""
    with moto_server("tests.benchmarks.filled_moto") as address:
        yield address


def brought_to(address: str, embedded: OurRepository) -> OurRepository:
    """Give an embedded repository's table and stores at an address; its home, with Django's database, is shared."""
    file = embedded.home / "items-and-objects.jsonl"
    there = replace(embedded, settings={**embedded.settings, **distributed_settings(embedded, address)})
    embedded.run("hand_out", file=str(file), there=there.settings)
    there.run("empty")
    with urlopen(Request(address + FILL, str(file).encode(), method="POST")) as answer:
        answer.read()
    file.unlink()
    return there


def distributed_settings(ours: OurRepository, address: str) -> dict[str, str]:
    """Return the settings of this repository with table and stores at an address; its signing key stays."""
    where = f"region=eu-central-1&endpoint={address}"
    return {
        "PACKAGE_TABLE_URL": f"dynamodb://bench?{where}",
        "BUCKET_URL": f"s3://bench-bucket?{where}",
        "STAGING_URL": f"s3://bench-staging?{where}",
        "SIGNING_KEY_FILE": str(ours.home / "signing-key.asc"),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
