"""The contract of parts: in any order, again and again, until they are the file that was said, whatever the store."""

import os
import uuid

import pytest

from packages_app.core.direct_upload import PART_BYTES, PartsDiffer, PartsMissing, UploadGone, part_sizes
from packages_app.core.locations import FolderStore, S3Store
from packages_app.stores.open_store import open_direct_uploads, open_store
from packages_app.stores.parts_as_objects import PartsAsObjects

FOLDER = "uploads/parts-token-1/"
KEY = f"{FOLDER}a/tool_1.0_amd64.deb"
SIZE = PART_BYTES + 1000


@pytest.fixture(params=["folder", "s3", "s3 itself, moto", "s3 itself, ministack"])
def store(request, tmp_path):
    """What takes parts, and the object store that it stands on."""
    if request.param == "folder":
        objects = open_store(FolderStore(tmp_path / "staging"), private=True)
        objects.create()
        return PartsAsObjects(objects)
    server = request.getfixturevalue("ministack" if "ministack" in request.param else "moto")
    made = open_direct_uploads(S3Store(f"b{uuid.uuid4().hex}", "some/prefix", "eu-central-1", server, ""), server)
    made.create()
    return made if "itself" in request.param else PartsAsObjects(made)


@pytest.fixture
def put(store, tmp_path):
    def make(upload, number, body):
        path = tmp_path / "part"
        path.write_bytes(body)
        store.put_part(KEY, upload, number, path)

    return make


def there(store, upload):
    return [(part.number, part.size) for part in store.parts_there(KEY, upload)]


def whole(store, upload, size=SIZE):
    with store.file_of_parts(KEY, upload, size) as path:
        return path.name, path.read_bytes()


def test_parts_are_there_until_they_are_the_file(store, put):
    body = os.urandom(SIZE)
    upload, other = store.begin_parts(KEY), store.begin_parts(f"{FOLDER}b/tool.deb")
    begun = [(one.key, one.upload) for one in store.begun_below(FOLDER)]
    assert sorted(begun) == sorted([(KEY, upload), (f"{FOLDER}b/tool.deb", other)])
    assert [one.upload for one in store.begun_below(f"{FOLDER}a/")] == [upload]
    assert (there(store, upload), store.begun_below("uploads/parts-token-2/")) == ([], [])
    put(upload, 2, b"x")
    put(upload, 2, body[PART_BYTES:])  # in place of the one that is there
    assert there(store, upload) == [(2, SIZE - PART_BYTES)]
    with pytest.raises(PartsMissing):
        whole(store, upload)
    put(upload, 1, body[:PART_BYTES])
    assert there(store, upload) == [(1, PART_BYTES), (2, SIZE - PART_BYTES)]
    for _ in range(2):  # the answer to the first may have been lost
        assert whole(store, upload) == ("tool_1.0_amd64.deb", body)


@pytest.mark.parametrize("said", [SIZE - 1, SIZE + 1, PART_BYTES])
def test_parts_of_another_size_are_no_file_and_what_is_aborted_is_gone(store, put, said, request):
    fails_at_unknown = "itself, moto" in request.node.name  # moto answers 500 where S3 says NoSuchUpload
    upload = store.begin_parts(KEY)
    for number, size in enumerate(part_sizes(SIZE), start=1):
        put(upload, number, bytes(size))
    with pytest.raises(PartsDiffer):
        whole(store, upload, said)
    for _ in range(2):
        store.abort_parts(KEY, upload)
    calls = [lambda: whole(store, upload), lambda: whole(store, "0" * 32), lambda: there(store, upload)]
    if not fails_at_unknown:
        calls.append(lambda: put(upload, 1, b"x"))
    for call in calls:
        with pytest.raises(UploadGone):
            call()
    objects = getattr(store, "_store", store)
    assert (store.begun_below(""), list(objects.keys(""))) == ([], [])
