"""What a held candidate names: counts and the first names in its row, all of them beside it, compressed.

Tens of thousands of packages may vanish at once; rows and pages stay small. Decisions are about all of them, so they
are kept in the same transaction, not in staging.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from packages_app.core.storable_text import storable_json
from packages_app.models import HeldCandidate, HeldLists
from packages_app.services.publication.publication_lists import FIRST

Whole = Mapping[str, Sequence[Any]]
"""`findings`, each {"code", "text", "remedy", "items"}, and `added` and `removed`, `name version architecture`."""
_PACKAGES = ("added", "removed")


def row_values(whole: Whole) -> dict[str, Any]:
    """Return what a candidate's row holds of its lists."""
    findings = [
        {**finding, "items": list(finding["items"][:FIRST]), "count": len(finding["items"])}
        for finding in whole["findings"]
    ]
    values: dict[str, Any] = {"findings": findings, "codes": [finding["code"] for finding in findings]}
    for name in _PACKAGES:
        values |= {name: list(whole[name][:FIRST]), f"{name}_count": len(whole[name])}
    return {name: storable_json(value) for name, value in values.items()}


def keep_whole(held: HeldCandidate, whole: Whole) -> None:
    """Keep all that a saved candidate names where its row does not; forget what it named before."""
    HeldLists.objects.filter(held=held).delete()
    each_list = [whole[name] for name in _PACKAGES] + [finding["items"] for finding in whole["findings"]]
    if any(len(each) > FIRST for each in each_list):
        HeldLists.objects.create(held=held, packed=zlib.compress(json.dumps(dict(whole)).encode()))


def whole_of(held: HeldCandidate) -> dict[str, list[Any]]:
    """Return all that a candidate names."""
    in_row = {name: list(getattr(held, name)) for name in ("findings", *_PACKAGES)}
    packed = HeldLists.objects.filter(held=held).values_list("packed", flat=True).first()
    return in_row if packed is None else {**in_row, **json.loads(zlib.decompress(packed))}
