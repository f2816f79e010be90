"""The addresses of table and stores as settings give them: `sqlite:///…`, `dynamodb://…`, `file:///…`, `s3://…`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from packages_app.core.errors import SettingsError
from packages_app.core.redaction import redact


@dataclass(frozen=True)
class SqliteTable:
    """The embedded package table: one SQLite file."""

    path: Path


@dataclass(frozen=True)
class DynamoTable:
    """A DynamoDB table. `endpoint` is "" for AWS itself; `region` "" leaves it to the AWS configuration."""

    name: str
    region: str
    endpoint: str


@dataclass(frozen=True)
class FolderStore:
    """A local folder as an object store."""

    path: Path


@dataclass(frozen=True)
class S3Store:
    """A bucket, or what lies below a prefix of it (no slash at either end). `acl` is a canned ACL or ""."""

    bucket: str
    prefix: str
    region: str
    endpoint: str
    acl: str


TableLocation = SqliteTable | DynamoTable
StoreLocation = FolderStore | S3Store

_CANNED_ACLS = ("", "private", "public-read")


def parse_table_url(setting: str, url: str) -> TableLocation:
    """Read `sqlite:///path` or `dynamodb://TABLE?region=…&endpoint=…`; raise `SettingsError`."""
    parts = _split(setting, url)
    if parts.scheme == "sqlite":
        return SqliteTable(_path(setting, url, parts))
    if parts.scheme == "dynamodb" and parts.netloc and parts.path in ("", "/"):
        options = _options(setting, parts, ("region", "endpoint"))
        return DynamoTable(parts.netloc, options["region"], options["endpoint"])
    raise _bad(setting, url, "sqlite:///path or dynamodb://TABLE?region=…&endpoint=…")


def parse_store_url(setting: str, url: str) -> StoreLocation:
    """Read `file:///path` or `s3://BUCKET/prefix?region=…&endpoint=…&acl=…`; raise `SettingsError`."""
    parts = _split(setting, url)
    if parts.scheme == "file":
        return FolderStore(_path(setting, url, parts))
    if parts.scheme == "s3" and parts.netloc:
        options = _options(setting, parts, ("region", "endpoint", "acl"))
        if options["acl"] not in _CANNED_ACLS:
            raise _bad(setting, url, "acl=public-read, acl=private, or no acl where a bucket policy decides")
        prefix = unquote(parts.path).strip("/")
        return S3Store(parts.netloc, prefix, options["region"], options["endpoint"], options["acl"])
    raise _bad(setting, url, "file:///path or s3://BUCKET/prefix?region=…&endpoint=…&acl=public-read")


def check_not_served(bucket: StoreLocation, private: Mapping[str, Path | str]) -> None:
    """Raise `SettingsError` when a bucket's folder, all of which clients may read, is or holds what is private.

    `private` has the files and folders by the settings that name them; links are followed.
    """
    if not isinstance(bucket, FolderStore):
        return
    served = bucket.path.resolve()
    inside = [f"{path} ({name})" for name, path in private.items() if Path(path).resolve().is_relative_to(served)]
    if inside:
        raise SettingsError(
            f"BUCKET_URL names {bucket.path}, all of which is served to everybody: {', '.join(inside)} with it.",
            remedy="Give the bucket a folder of its own.",
        )


def place_of(location: TableLocation | StoreLocation) -> str:
    """Return where a table or store is, for people: a path, or its kind, name and server (no location has secrets)."""
    if isinstance(location, (SqliteTable, FolderStore)):
        return str(location.path)
    if isinstance(location, DynamoTable):
        name = f"dynamodb://{location.name}"
    else:
        name = f"s3://{location.bucket}" + (f"/{location.prefix}" if location.prefix else "")
    at = location.endpoint or location.region
    return f"{name} at {at}" if at else name


def _split(setting: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _bad(setting, "no URL", "a URL") from None  # the error may show what stands before an @
    _check_no_credentials(setting, parts)
    return parts


def _check_no_credentials(setting: str, parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise SettingsError(
            f"{setting} holds a user name or password.",
            remedy="Give credentials as AWS does: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role.",
        )


def _path(setting: str, url: str, parts: SplitResult) -> Path:
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query or not path.is_absolute() or path == Path("/"):
        raise _bad(setting, url, f"{parts.scheme}:/// and an absolute path")
    return path


def _options(setting: str, parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            raise SettingsError(
                f"{setting} has the option {name}, which is not known.", remedy=f"Use only: {', '.join(known)}."
            )
    endpoint = options.get("endpoint", "")
    if endpoint and _split(setting, endpoint).scheme not in ("http", "https"):
        raise SettingsError(
            f"{setting} has an endpoint that is no http(s) address.", remedy="Write http://host:port or https://host."
        )
    return {name: options.get(name, "") for name in known}


def _bad(setting: str, url: str, wanted: str) -> SettingsError:
    return SettingsError(f"{setting} is {redact(url)!r}.", remedy=f"Write {wanted}.")
