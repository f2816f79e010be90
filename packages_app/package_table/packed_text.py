"""A record's long texts in one attribute, and the one limit of a record's size, for either adapter.

DynamoDB takes items of 400 KB (Service Quotas, "Items"). A record has its control paragraph, and the description and
relations of that paragraph once more, as fields of their own. Where these are long they are kept together, compressed
over all of them, so that what is said twice takes its room once. Short ones stand for themselves: most packages', which
releases before this one read too.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from typing import Any

from packages_app.core.errors import PackageRefused
from packages_app.core.record import PackageRecord

PACKED = "packed"
"""The name of the attribute."""
_TOGETHER = ("control", "depends", "description")
_SHORT_BYTES = 32 * 1024
_PRESET = 2
"""Its window of 2 MiB is wider than the three texts together (`debian.limits.LONGEST_PARAGRAPH`)."""
LARGEST_RECORD = 390_000
"""In bytes of names and values, of DynamoDB's 409,600: what is there besides (numbers, suites, keys) is small."""
_WIDEST = 4
"""Bytes of a character in UTF-8."""


def packed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's values with its long texts in `PACKED` alone; as they are where they are short."""
    texts = {name: values[name] for name in _TOGETHER}
    if sum(len(text.encode()) for text in texts.values()) <= _SHORT_BYTES:
        return dict(values)
    document = json.dumps(texts, ensure_ascii=False).encode()
    rest = {name: value for name, value in values.items() if name not in texts}
    return {**rest, PACKED: lzma.compress(document, preset=_PRESET)}


def unpacked(document: bytes) -> dict[str, str]:
    """Return the texts, by name, that `packed` put together."""
    texts: dict[str, str] = json.loads(lzma.decompress(document))
    return texts


def check_size(record: PackageRecord) -> None:
    """Raise `PackageRefused` for a record that is larger than what either table keeps."""
    # Its key, which `as_dict` has besides, is its name and version once more.
    characters = sum([len(value) for value in vars(record).values() if isinstance(value, str)])
    if _WIDEST * (characters + len(record.package_name) + len(record.version) + 1) <= LARGEST_RECORD:
        return
    size = sum(len(name) + _bytes_of(value) for name, value in packed(record.as_dict()).items())
    if size > LARGEST_RECORD:
        raise PackageRefused(
            f"The record of {record.named} would have {size:,} bytes, compressed; the package table keeps"
            f" {LARGEST_RECORD:,} at most.",
            remedy="Shorten the longest field of its control paragraph, or what upstream says in its notes.",
        )


def _bytes_of(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_bytes_of, value))
    return len(value) if isinstance(value, bytes) else len(str(value).encode())
