"""The same records at the same dates are published as the same bytes, from one release of the code to the next.

`stored_table/` holds the records, and what the history of publications put into the bucket when it was stored, by the
code before the rooms were moved. Whoever means to change a byte of it has to say why.
"""

import hashlib
import json

import pytest

from packages_app.indexes.compression import FORMAT, xz_block
from tests.publishing.stored_publications import STORED, publish_history, stored_history, stored_records

# Compressors of other releases write other bytes for the same text; the rest is compared in any case.
_PROBE = b"".join(b"Package: p%d\n" % number for number in range(3000))


def compressors():
    """Name the compressors of this machine by what they write."""
    return {"format": FORMAT, "xz": hashlib.sha256(xz_block(_PROBE).body).hexdigest()}


def comparable(publication, *, all_bytes):
    """Leave out what depends on the compressors where they are others: xz and gzip forms, and what names them."""
    if all_bytes:
        return publication
    objects = {
        key: sha256
        for key, sha256 in publication["objects"].items()
        if key.endswith("/Packages") and "/by-hash/" not in key
    }
    return {**publication, "objects": objects}


def test_the_stored_table_is_published_in_the_stored_bytes(embedded):
    all_bytes = compressors() == json.loads((STORED / "compressors.json").read_text())
    published = [comparable(one, all_bytes=all_bytes) for one in publish_history(embedded)]
    stored = [comparable(one, all_bytes=all_bytes) for one in stored_history()]
    assert [one["what"] for one in published] == [one["what"] for one in stored]
    for now, then in zip(published, stored, strict=True):
        assert now == then, now["what"]


def test_the_stored_history_has_what_it_is_to_guard():
    records, history = stored_records(), stored_history()
    assert len(records) > 300
    assert {record.architecture for record in records} == {"amd64", "arm64", "all"}
    assert all(one["signed"] for one in history)
    assert any(one["left_out"] for one in history)
    keys = {key for one in history for key in one["objects"]}
    for part in ("Packages", "Packages.gz", "Packages.xz", "Packages.diff/Index", "/by-hash/SHA256/", "/Release"):
        assert any(part in key for key in keys), part


@pytest.mark.parametrize("what", ["stable: nothing new", "edge: nothing new"])
def test_nothing_new_puts_nothing_in_place(what):
    [publication] = [one for one in stored_history() if one["what"] == what]
    assert publication["objects"] == {}
