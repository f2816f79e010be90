"""Buckets and their policies on an S3 server that knows accounts and no IAM, such as the Versity gateway.

Each account gets of the buckets what `iam-policy-NAME.json` gives its process on AWS, and everybody what clients read.
Run with the server's root account, which nothing else needs: `python s3_rights.py ENDPOINT BUCKET STAGING`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = Path(__file__).resolve().parent
PROCESSES = ("web", "worker", "publisher", "sweeper")
_TABLE = "arn:aws:dynamodb:::table"
_STAGING = "/staging/"
_NAMES = {"KEYRING": "kiro-archive-keyring", "BOOTSTRAP": "kiro-repo"}
"""What the environment says of a repository with a name of its own, without endings, and the shipped names."""


def account_of(process: str) -> str:
    """Return the access key of a process: the gateway's accounts are known by it."""
    return f"repomgr-{process}"


def policies(bucket: str, staging: str) -> dict[str, dict[str, Any]]:
    """Return the policy of the bucket and of the one that is staging, by their names.

    Where staging is a folder of the bucket on AWS it is a bucket of its own here.
    """
    made: dict[str, dict[str, Any]] = {
        bucket: _read("bucket-policy.json", bucket),
        staging: {"Version": "2012-10-17", "Statement": []},
    }
    for process in PROCESSES:
        for statement in _read(f"iam-policy-{process}.json", bucket)["Statement"]:
            if not statement["Action"][0].startswith("s3:"):
                continue
            for where, resources in _placed(statement["Resource"], bucket, staging).items():
                named = {**statement, "Sid": process.title() + statement["Sid"], "Principal": account_of(process)}
                made[where]["Statement"].append({**named, "Resource": resources})
    return made


def _placed(resources: list[str], bucket: str, staging: str) -> Mapping[str, list[str]]:
    """Return what of each bucket is meant: all of it is both, and its folder staging is the other one."""
    placed: dict[str, list[str]] = {}
    for place, resource in (pair for each in resources for pair in _places(each, bucket, staging)):
        placed.setdefault(place, []).append(resource)
    return placed


def _places(resource: str, bucket: str, staging: str) -> Iterator[tuple[str, str]]:
    start = f"arn:aws:s3:::{bucket}"
    within = resource.removeprefix(start)
    if within.startswith(_STAGING):
        yield staging, f"arn:aws:s3:::{staging}/{within.removeprefix(_STAGING)}"
        return
    yield bucket, resource
    if within in ("", "/*") or within.startswith("/probe-"):
        yield staging, f"arn:aws:s3:::{staging}{within}"


def _read(name: str, bucket: str) -> dict[str, Any]:
    names = {name.lower(): os.environ.get(name) or shipped for name, shipped in _NAMES.items()}
    values = {**names, "bucket": bucket, "table_arn": _TABLE}
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], (HERE / name).read_text(encoding="utf-8"))
    document: dict[str, Any] = json.loads(text)
    return document


def main(endpoint: str, bucket: str, staging: str) -> None:
    """Make the buckets where they are missing, and set their policies; safe to repeat."""
    path_style = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    region = os.environ.get("AWS_DEFAULT_REGION", "eu-central-1")
    client: Any = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=path_style)
    for name, policy in policies(bucket, staging).items():
        try:
            client.head_bucket(Bucket=name)
        except ClientError:
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        sys.stdout.write(f"{name}: {len(policy['Statement'])} statements\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
