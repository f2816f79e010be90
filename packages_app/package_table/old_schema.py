"""Records of the two older tables, made into records of ours (docs/REQUIREMENTS.md R15).

The first old table had the partition key `version` and one package, so no package's name; the second, the flat one,
had the partition key `package_id` alone. Both hold what their writers gave: numbers as strings or floats, fields that
are absent, empty or null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer

from packages_app.core.errors import InvalidVersion, MigrationRefused
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.record import PackageRecord
from packages_app.core.version import version_key
from packages_app.package_table.packed_text import PACKED, unpacked
from packages_app.package_table.raw_table import RawItem, TableShape

_TEXTS = frozenset(field.name for field in fields(PackageRecord)) - {"suites", "file_size", "other_fields", "build"}
_OURS = _TEXTS | {"suites", "file_size", "other_fields", "package_id", "version_key"}
_HASHES = ("md5_hash", "sha1_hash", "sha256_hash", "sha512_hash")


class OldSchema(Enum):
    """Which of the older tables one is, by its key."""

    BY_VERSION = ("version",)
    FLAT = ("package_id",)


@dataclass(frozen=True)
class Fallback:
    """What a record lacks, as the package's definition says it."""

    architecture: str
    package_type: str
    component: str
    suites: tuple[str, ...]
    texts: Mapping[str, str]


def schema_of(table: str, shape: TableShape) -> OldSchema:
    """Return a table's schema; raise `MigrationRefused` for one that is neither of the old ones."""
    try:
        return OldSchema(shape.keys)
    except ValueError as error:
        if shape.keys == ("package_id", "architecture"):
            raise MigrationRefused(
                f"The table {table} has the new schema already.", remedy="Point PACKAGE_TABLE_URL at it."
            ) from error
        raise MigrationRefused(
            f"The table {table} has the key {', '.join(shape.keys)}; version or package_id is understood.",
            remedy="Name the table that held the packages: --from-table.",
        ) from error


def record_of_item(item: RawItem, default_name: str, fallback_of: Callable[[str], Fallback]) -> PackageRecord:
    """Make a record of an old item; the item's own values count, the definition fills in what it lacks.

    `default_name` is the package of items that name none. What we have no field for is kept in `other_fields`. Raises
    `MigrationRefused` that names the item and the fault.
    """
    values = {name: _plain(value) for name, value in plain_item(item).items() if name != PACKED}
    if PACKED in item:
        values |= unpacked(item[PACKED]["B"])
    name, version = _name_and_version(values, default_name)
    try:
        version_key(version)
    except InvalidVersion as error:
        raise _fault(values, f"its version {version[:60]!r} is no Debian version") from error
    fallback = fallback_of(name)
    texts = {field: _text(values.get(field)) or fallback.texts.get(field, "") for field in _TEXTS}
    texts |= {field: texts[field].lower() for field in _HASHES}
    texts |= {"package_name": name, "version": version}
    for field in ("architecture", "package_type", "component"):
        texts[field] = _text(values.get(field)) or getattr(fallback, field)
    texts["actual_filename"] = texts["actual_filename"] or deb_filename(name, version, texts["architecture"])
    texts["pool_path"] = texts["pool_path"] or pool_path(texts["component"], name, texts["actual_filename"])
    other = {field: value for field, value in values.items() if field not in _OURS and value not in (None, "")}
    return PackageRecord(
        **texts,
        suites=_names(values.get("suites")) or fallback.suites,
        file_size=_size(values),
        other_fields=_text(values.get("other_fields"))
        or (json.dumps(other, ensure_ascii=False, sort_keys=True) if other else ""),
    )


def plain_item(item: RawItem) -> dict[str, Any]:
    """Return an item's values without their types: text, `Decimal`, bool, None, list, dict, set."""
    deserialize: Callable[[Any], Any] = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def _name_and_version(values: Mapping[str, Any], default_name: str) -> tuple[str, str]:
    identity, version = _text(values.get("package_id")), _text(values.get("version"))
    name = _text(values.get("package_name"))
    before, mark, after = identity.partition("#")
    if mark:
        name, version = name or before, version or after
    name = name or default_name
    if not version and identity.startswith((f"{name}-", f"{name}_")):
        version = identity[len(name) + 1 :]
    if not version:
        raise _fault(values, "it has no version")
    return name, version


def _size(values: Mapping[str, Any]) -> int | None:
    value = values.get("file_size")
    if value in (None, ""):
        return None
    try:
        number = Decimal(str(value).strip())
        size = int(number)
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise _fault(values, f"its file_size {value!r} is no number") from error
    if size != number or size < 0:
        raise _fault(values, f"its file_size {value!r} is no number of bytes")
    return size


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(str(name) for name in value) if isinstance(value, (list, tuple)) else ()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip("\n") if "\n" in value else value.strip()
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; numbers as they were written."""
    if isinstance(value, Decimal):
        number = int(value) if value == value.to_integral_value() else float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(one) for one in value), key=str)
    if isinstance(value, Binary):
        return bytes(value.value).hex()  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _fault(values: Mapping[str, Any], what: str) -> MigrationRefused:
    identity = _text(values.get("package_id")) or _text(values.get("version")) or "without a key"
    return MigrationRefused(
        f"The old record {identity} can't be taken over: {what}.", remedy="Correct it in the old table, then try again."
    )
