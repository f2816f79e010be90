"""What a folder of the machine adds: files that a web server may read, and disks that fail."""

import os
import resource
import threading

import pytest

from packages_app.core.errors import ObjectExists, ObjectNotFound, StoreMissing, StoreUnavailable
from packages_app.core.locations import FolderStore
from packages_app.stores.open_store import open_store


@pytest.fixture
def root(tmp_path):
    return tmp_path / "bucket"


@pytest.fixture
def folder(root):
    store = open_store(FolderStore(root))
    store.create()
    return store


def drafts(root):
    return list((root / ".repomgr/tmp").iterdir())


def test_files_can_be_read_by_a_web_server_whatever_the_umask(root):
    before = os.umask(0o077)
    try:
        folder = open_store(FolderStore(root))
        folder.create()
        folder.put("dists/stable/InRelease", b"x")
        folder.copy("dists/stable/InRelease", "copy/InRelease", metadata={})
    finally:
        os.umask(before)
    for path in (root / "dists/stable/InRelease", root / "copy/InRelease"):
        assert path.stat().st_mode & 0o777 == 0o644
        for parent in path.relative_to(root).parents:
            assert (root / parent).stat().st_mode & 0o777 == 0o755
    assert drafts(root) == []


def test_no_key_or_prefix_leads_out_of_the_folder(tmp_path, folder):
    (tmp_path / "secret").write_text("x")
    assert list(folder.keys("../")) == []
    assert list(folder.keys("")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bucket", "secret"]


def test_a_copy_keeps_the_pool_file_as_it_is(root, folder):
    info = folder.put("pool/tool.deb", b"bytes")
    folder.copy("pool/tool.deb", "tool.deb", metadata={"version": "1"})
    folder.copy("pool/tool.deb", "tool.deb", metadata={"version": "2"})
    assert folder.head("pool/tool.deb") == info
    assert folder.head("tool.deb").metadata == {"version": "2"}
    folder.put("tool.deb", b"other")
    assert folder.read("pool/tool.deb") == b"bytes"
    assert drafts(root) == []


def test_pool_files_have_no_second_file_beside_them(root, folder):
    folder.put("pool/tool.deb", b"bytes", if_none_match=True)
    assert {path.name for path in root.rglob("*") if path.is_file()} == {"lock", "tool.deb"}


def test_bytes_and_metadata_belong_together_for_every_reader(folder):
    """Each body names its version; a reader must never see one version's size with another's metadata."""
    versions = [(b"x" * size, {"size": str(size)}) for size in range(1, 9)]
    folder.put("tool.deb", versions[0][0], metadata=versions[0][1])
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            info = folder.head("tool.deb")
            seen.add((str(info.size), info.metadata["size"]))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for body, metadata in versions * 10:
            folder.put("tool.deb", body, metadata=metadata)
    finally:
        stop.set()
        reader.join()
    assert seen
    assert all(size == told for size, told in seen)


def test_an_object_is_no_folder(root, folder):
    folder.put("a", b"object")
    folder.put("b/c", b"object")
    for key in ("a/x", "a/x/y", "b"):
        with pytest.raises(ObjectExists):
            folder.put(key, b"x")
        with pytest.raises(ObjectExists):
            folder.put(key, b"x", if_none_match=True)
        assert folder.head(key) is None
        folder.delete(key)
    assert [key for key, _ in folder.keys("")] == ["a", "b/c"]
    assert drafts(root) == []


def test_a_full_disk_leaves_the_old_object_whole(root, folder):
    folder.put("Packages", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreUnavailable) as full:
            folder.put("Packages", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "space" in full.value.remedy
    assert folder.read("Packages") == b"old"
    assert drafts(root) == []


def test_a_folder_of_another_user_is_named_with_the_remedy(root, folder):
    folder.put("a", b"x")
    root.chmod(0o000)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        for call in (lambda: folder.put("a", b"y"), lambda: folder.read("a"), lambda: list(folder.keys(""))):
            with pytest.raises(StoreMissing) as forbidden:
                call()
            assert "user" in forbidden.value.remedy
    finally:
        os.seteuid(user)
        root.chmod(0o755)
    assert folder.read("a") == b"x"


def test_a_metadata_file_that_was_corrupted_does_not_hide_the_object(root, folder):
    folder.put("a", b"x", metadata={"version": "1"})
    for path in (root / ".repomgr/metadata").iterdir():
        path.write_text("{")
    assert folder.head("a").metadata == {}
    assert folder.put("a", b"y", metadata={"version": "2"}).metadata == {"version": "2"}
    assert folder.head("a").metadata == {"version": "2"}


def inode(path):
    return path.stat().st_ino


def another_folder(tmp_path):
    store = open_store(FolderStore(tmp_path / "staging"))
    store.create()
    return store


def test_a_staged_file_becomes_the_pool_file_with_nothing_copied(tmp_path, root, folder):
    staging = another_folder(tmp_path)
    staging.put("uploads/1/tool.deb", b"bytes")
    with staging.as_local_file("uploads/1/tool.deb") as path:
        assert path.name == "tool.deb"
        folder.put("pool/tool.deb", path, if_none_match=True)
    assert inode(root / "pool/tool.deb") == inode(tmp_path / "staging/uploads/1/tool.deb")
    staging.put("uploads/1/tool.deb", b"other")
    assert folder.read("pool/tool.deb") == b"bytes"
    assert drafts(root) == drafts(tmp_path / "staging") == []


def test_a_staged_file_can_be_read_and_put_though_it_is_removed_meanwhile(tmp_path, folder):
    staging = another_folder(tmp_path)
    staging.put("uploads/1/tool.deb", b"bytes")
    with staging.as_local_file("uploads/1/tool.deb") as path:
        staging.delete("uploads/1/tool.deb")
        assert path.read_bytes() == b"bytes"
        folder.put("pool/tool.deb", path)
    assert folder.read("pool/tool.deb") == b"bytes"
    with pytest.raises(ObjectNotFound), staging.as_local_file("uploads/1/tool.deb"):
        pass


def test_a_file_from_outside_is_copied_so_that_writing_to_it_changes_no_object(tmp_path, root, folder):
    outside = tmp_path / "tool.deb"
    outside.write_bytes(b"bytes")
    folder.put("pool/tool.deb", outside)
    with outside.open("r+b") as stream:
        stream.write(b"other")
    assert folder.read("pool/tool.deb") == b"bytes"


def test_an_object_that_was_moved_is_as_young_as_the_move(tmp_path, root, folder):
    staging = another_folder(tmp_path)
    staging.put("uploads/1/tool.deb", b"bytes")
    os.utime(tmp_path / "staging/uploads/1/tool.deb", ns=(0, 0))
    with staging.as_local_file("uploads/1/tool.deb") as path:
        folder.put("pool/tool.deb", path)
    assert folder.head("pool/tool.deb").modified.year > 1970


def test_many_new_objects_are_written_and_none_is_replaced(root, folder):
    folder.put("pool/a/1.deb", b"there")
    many = [(f"pool/{name}/{number}.deb", f"{name} {number}".encode()) for name in "ab" for number in range(150)]
    written = folder.put_many_new(many)
    assert [key for (key, _), new in zip(many, written, strict=True) if not new] == ["pool/a/1.deb"]
    assert folder.read("pool/a/1.deb") == b"there"
    assert {key: folder.read(key) for key, _ in many if key != "pool/a/1.deb"} == dict(many[:1] + many[2:])
    assert (root / "pool/b/149.deb").stat().st_mode & 0o777 == 0o644
    assert folder.put_many_new(many) == [False] * 300
    assert folder.put_many_new([]) == []
    assert drafts(root) == []


def test_many_new_objects_have_no_way_out_of_the_folder_and_none_through_an_object(root, folder):
    folder.put("pool/a", b"object")
    with pytest.raises(ObjectExists):
        folder.put_many_new([("pool/a/1.deb", b"x")])
    with pytest.raises(ObjectNotFound):
        folder.put_many_new([("pool/../../secret", b"x")])
    assert [key for key, _ in folder.keys("")] == ["pool/a"]
    assert drafts(root) == []


def test_a_full_disk_stops_many_with_no_object_cut_short(root, folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreUnavailable):
            folder.put_many_new([("pool/1", b"x"), ("pool/2", b"x" * 200_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert all(size == 1 for _, size in folder.keys(""))
    assert drafts(root) == []
