"""What a folder of the machine has taken is there after a power cut: strace tells what the kernel was asked for."""

import shutil

import pytest

from tests.disk_calls import disk_of

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

BEGIN = """
from pathlib import Path
from packages_app.core.locations import FolderStore
from packages_app.stores.open_store import open_store
root = Path({root!r})
store = open_store(FolderStore(root))
store.create()
"""
WRITES = {
    "put": ('store.put("pool/main/t/tool.deb", b"bytes")', 1),
    "put once": ('store.put("pool/main/t/tool.deb", b"bytes", if_none_match=True)', 1),
    "put over": ('store.put("InRelease", b"old")\nstore.put("InRelease", b"new")', 2),
    "put on a condition": ('store.put("a", b"b", if_match=store.put("a", b"a").etag)', 2),
    "put with metadata": ('store.put("tool.deb", b"bytes", metadata={"version": "1"})', 1),
    "put a file": ('(root.parent / "file").write_bytes(b"x" * 3_000_000)\nstore.put("a/b", root.parent / "file")', 1),
    "put a draft": (
        'with store.draft_folder() as drafts:\n'
        '    (drafts / "file").write_bytes(b"bytes")\n'
        '    store.put("a/b", drafts / "file")',
        1,
    ),
    "copy": ('store.put("a/b", b"bytes")\nstore.copy("a/b", "c/d", metadata={})', 2),
    "put many": ('store.put_many_new([(f"pool/{n % 7}/{n}", b"bytes") for n in range(150)])', 150),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
def test_an_object_has_its_name_only_once_its_bytes_last_and_the_name_lasts_at_the_end(write, tmp_path):
    calls, objects = WRITES[write]
    root = tmp_path / "bucket"
    disk = disk_of(BEGIN.format(root=str(root)) + calls, root, tmp_path)
    assert len(disk.named) == objects
    assert disk.unsafe == []
    assert disk.left_to_chance() == []
