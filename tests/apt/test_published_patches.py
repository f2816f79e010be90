"""Patches of indexes as publications make them: the real apt comes on by them, to the bytes of the index."""

from pathlib import Path

import pytest

from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.apt.client import AptClient
from tests.records import make_record
from tests.served import ServedBucket

INDEX = "dists/stable/main/binary-amd64/Packages"


def add(embedded, *names):
    for name in names:
        record = make_record(name, description=f"the package {name}\n With lines\n of its own")
        embedded.bucket.put(record.pool_path, b"package")
        embedded.table.put_new(record)
    publish("stable", Silent())


@pytest.fixture
def served(embedded):
    embedded.configure(suites=[{"architectures": ["amd64"], "pdiff_above": 300, "pdiff_history": 3}])
    add(embedded, *(f"p{number}" for number in range(300)))
    with ServedBucket(embedded.bucket) as server:
        yield server


@pytest.fixture
def client(served, tmp_path):
    client = AptClient(tmp_path / "client")
    (client.root / "key.gpg").write_bytes(adapters.signer().public_keyring())
    line = f"deb [signed-by={client.root}/key.gpg] {served.url} stable main\n"
    (client.root / "etc/apt/sources.list.d/tool.list").write_text(line)
    return client


def asked_for_by(client, served, *, lost=False):
    """What a client asks for, by its folders; one that no patch leads on says so, and takes the index instead."""
    served.asked.clear()
    if lost:
        assert "Couldn't find the start of the patch series" in client.apt_get("update").stdout
    else:
        client.update()
    [held] = (client.root / "var/lib/apt/lists").glob("*_binary-amd64_Packages")
    assert held.read_bytes() == served.store.read(INDEX)
    return [Path(key).parent.name for key in served.asked]


def test_a_client_that_is_behind_comes_on_by_patches(embedded, served, client):
    assert "Packages.diff" not in asked_for_by(client, served)  # 300 packages are not above 300
    add(embedded, "p77x")
    assert asked_for_by(client, served) == ["stable", "SHA256", "Packages.diff"]
    for name in ("p0a", "p299z", "zz"):
        add(embedded, name)
    record = embedded.table.get("p5", "1.0", "amd64")
    embedded.table.set_suites(record, [])
    assert asked_for_by(client, served) == ["stable", "SHA256", "Packages.diff"]


def test_a_client_that_is_behind_all_patches_fetches_the_index(embedded, served, client):
    asked_for_by(client, served)
    for name in ("a", "b", "c", "d", "e"):
        add(embedded, name)
    assert "binary-amd64" not in asked_for_by(client, served, lost=True)
    assert "Packages.diff" not in asked_for_by(client, served)


def test_patches_outlive_a_rebuild_that_changes_nothing_and_end_where_all_changed(embedded, served, client):
    add(embedded, "a")
    asked_for_by(client, served)
    add(embedded, "b")
    force_rebuild(["stable"], Silent())
    assert "Packages.diff" in asked_for_by(client, served)
    for record in embedded.records()[:280]:
        embedded.table.set_suites(record, [])
    add(embedded, *(f"q{number}" for number in range(300)))
    assert embedded.bucket.read("dists/stable/InRelease").count(b"Packages.diff") == 0
    assert "Packages.diff" not in asked_for_by(client, served)
