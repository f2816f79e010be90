"""What the bench puts past moto's requests is what the product would have put there by requests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from tests.benchmarks.deb_records import write_records
from tests.benchmarks.distributed import brought_to, distributed_settings, moto_to_fill
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository
from tests.benchmarks.tiny_debs import make_versions

CONTROL = """\
Package: {name}
Version: 1:1.2-3+b1
Maintainer: Zoë Example <zoe@example.org>
Architecture: {architecture}
Description: greets
Priority: optional"""
COUNT = 30
OF_REQUESTS = {"content-md5", "x-amz-content-sha256"}
"""Headers of a PutObject that moto gives back, and S3 does not."""
DIGEST = re.compile(r"(\d{8}T\d{6}Z-)?\b[0-9a-f]{16}\b")
DATED = re.compile(r"/(InRelease|Release|Release\.gpg)$|^(?!pool/|dists/)")
"""Of two publications these have other bytes: they hold the date, or are named by what holds it."""


def client(service: str, address: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}
    return boto3.client(service, endpoint_url=address, **keys)


def items_at(address: str) -> list[dict[str, Any]]:
    """Give the table's items, but for what each run has of its own."""
    items = client("dynamodb", address).scan(TableName="bench", ConsistentRead=True)["Items"]
    for item in items:
        item.pop("holder", None)
        item.pop("given_date", None)
        if "releases" in item:
            item["releases"] = len(item["releases"]["L"])
    return sorted(items, key=lambda item: (item["package_id"]["S"], item["architecture"]["S"]))


def objects_at(address: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give bucket, key and the headers of each object."""
    s3 = client("s3", address)
    for bucket in ("bench-bucket", "bench-staging"):
        for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
            head = s3.head_object(Bucket=bucket, Key=found["Key"], ChecksumMode="ENABLED")
            head["ResponseMetadata"] = sorted({*head["ResponseMetadata"]["HTTPHeaders"]} - OF_REQUESTS)
            del head["LastModified"]
            if DATED.search(found["Key"]):
                del head["ETag"], head["ContentLength"]
                head["Metadata"] = sorted(head["Metadata"])
            yield bucket, DIGEST.sub("*", found["Key"]), head


def test_a_repository_brought_to_moto_is_the_one_that_was_set_up_there_over_http(moto: str, tmp_path: Path) -> None:
    controls = [CONTROL.format(name=f"tool{number}", architecture=("amd64", "all")[number % 2]) for number in range(3)]
    (tmp_path / "debs").mkdir()
    records = tmp_path / "records.jsonl"
    write_records(records, make_versions(tmp_path / "debs", controls, COUNT))
    embedded = OurRepository(tmp_path / "embedded")
    embedded.configure(**GZ_AND_XZ)
    embedded.run("set_up", records=str(records), count=COUNT)
    over_http = OurRepository(tmp_path / "over-http")
    over_http.configure(**GZ_AND_XZ)
    shutil.copy(embedded.home / "signing-key.asc", over_http.home)
    with moto_to_fill() as filled, embedded.copied(tmp_path / "copy") as copy:
        there = OurRepository(over_http.home, distributed_settings(over_http, moto))
        there.run("set_up", records=str(records), count=COUNT)
        brought_to(filled, copy)
        items, objects = items_at(moto), sorted(objects_at(moto), key=str)
        assert items_at(filled) == items
        assert sorted(objects_at(filled), key=str) == objects
    assert len(items) > 2 * COUNT
    assert sum(key.startswith("pool/") for _, key, _ in objects) == COUNT
