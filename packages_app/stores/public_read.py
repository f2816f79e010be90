"""What of a bucket is public: what clients fetch, and nothing else (docs/REQUIREMENTS.md R11.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from packages_app.core.aws_models import share_models
from packages_app.core.errors import StoreMissing
from packages_app.core.locations import S3Store

_FOLDERS = ("dists/*", "pool/*")


def public_read_policy(bucket: str, prefix: str, root_files: Iterable[str]) -> dict[str, Any]:
    """Return the bucket policy that lets anybody read indexes, pool and the named root files.

    Root files are named one by one, since `*` in a resource spans slashes: `*.deb` would open staging/ too (S3 user
    guide, "Policy resources for Amazon S3").
    """
    below = f"{prefix}/" if prefix else ""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ClientsReadTheRepository",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": [f"arn:aws:s3:::{bucket}/{below}{key}" for key in (*_FOLDERS, *root_files)],
            }
        ],
    }


def allow_public_read(location: S3Store, root_files: Iterable[str]) -> None:
    """Set the bucket's policy; raise `StoreMissing` when that is refused. boto3 is imported only for this."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    policy = public_read_policy(location.bucket, location.prefix, root_files)
    share_models()
    client = boto3.Session().client("s3", region_name=location.region or None, endpoint_url=location.endpoint or None)
    try:
        client.put_bucket_policy(Bucket=location.bucket, Policy=json.dumps(policy))
    except (ClientError, BotoCoreError) as error:
        raise StoreMissing(
            f"The policy of bucket {location.bucket} can't be set: {error}.",
            remedy="Allow s3:PutBucketPolicy, or let Terraform set it (deploy/terraform).",
        ) from error
