"""Policies judged: what a recorded request needs of AWS, and whether a policy grants it.

What a request needs is in the service authorization references of S3 and DynamoDB, and in DynamoDB's "Using IAM policy
conditions". Actions and resources are matched by moto's IAM, conditions here, since moto knows those of roles alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.iam.access_control import IAMPolicy, PermissionResult

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/packages"
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_NAMES = re.compile(r"[#A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Need:
    """A right that a request needs: action and resource, and the values of condition keys."""

    action: str
    resource: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def needs_of(note: Mapping[str, Any]) -> Iterator[Need]:
    """Give the rights that a recorded request needs."""
    if note["target"]:
        yield from _of_dynamodb(note["target"], note["body"])
    else:
        yield from _of_s3(note)


def _of_s3(note: Mapping[str, Any]) -> Iterator[Need]:
    bucket, _, key = unquote(note["path"]).strip("/").partition("/")
    asked, method = parse_qs(note["query"], keep_blank_values=True), note["method"]
    arn = f"arn:aws:s3:::{bucket}"
    if not key:
        listed = "s3:ListBucketMultipartUploads" if "uploads" in asked else "s3:ListBucket"
        named = {"GET": listed, "HEAD": "s3:ListBucket"}
        yield Need(named.get(method, f"s3:{method} {note['query']}"), arn)
        return
    if note["copied"]:
        yield Need("s3:GetObject", f"arn:aws:s3:::{unquote(note['copied']).lstrip('/')}")
    actions = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "POST": "s3:PutObject"}
    if method == "GET" and "uploadId" in asked:
        actions["GET"] = "s3:ListMultipartUploadParts"
    if method == "DELETE":
        actions["DELETE"] = "s3:AbortMultipartUpload" if "uploadId" in asked else "s3:DeleteObject"
    yield Need(actions[method], f"{arn}/{key}")


def _of_dynamodb(target: str, body: Mapping[str, Any]) -> Iterator[Need]:
    if target == "TransactWriteItems":
        for write in body["TransactItems"]:
            [(kind, one)] = write.items()
            yield _need(_WRITES[kind], one, [one.get("Key") or one["Item"]])
    elif target == "BatchWriteItem":
        for writes in body["RequestItems"].values():
            items = [w["PutRequest"]["Item"] if "PutRequest" in w else w["DeleteRequest"]["Key"] for w in writes]
            yield _need(target, {}, items)
    elif target == "BatchGetItem":
        for asked in body["RequestItems"].values():
            yield _need(target, {}, asked["Keys"])
    else:
        keys = [body[name] for name in ("Key", "Item") if name in body]
        yield _need(target, body, keys)


def _need(action: str, body: Mapping[str, Any], keys: list[Mapping[str, Any]]) -> Need:
    leading = tuple(key["package_id"]["S"] for key in keys)
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    names = body.get("ExpressionAttributeNames", {}).values()
    attributes = tuple(sorted({*names, *(name for key in keys for name in key)}))
    return Need(
        f"dynamodb:{action}", TABLE + index, {"dynamodb:LeadingKeys": leading, "dynamodb:Attributes": attributes}
    )


def granted(policy: Mapping[str, Any], need: Need) -> bool:
    """Say whether a policy grants a right."""
    statements = [
        {name: value for name, value in statement.items() if name != "Condition"}
        for statement in policy["Statement"]
        if _holds(statement.get("Condition", {}), need)
    ]
    judge = IAMPolicy(json.dumps({"Version": policy["Version"], "Statement": statements}))
    return judge.is_action_permitted(need.action, need.resource) is PermissionResult.PERMITTED


def _holds(conditions: Mapping[str, Mapping[str, list[str]]], need: Need) -> bool:
    """Say whether all values of each key match one of the patterns ("For all values")."""
    for operator, keys in conditions.items():
        matches = {"ForAllValues:StringLike": fnmatchcase, "ForAllValues:StringEquals": str.__eq__}[operator]
        for key, patterns in keys.items():
            if not all(any(matches(value, pattern) for pattern in patterns) for value in need.values.get(key, ())):
                return False
    return True
