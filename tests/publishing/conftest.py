"""Both stores, a server between us and S3 that fails on demand, and candidates."""

import uuid

import pytest

from packages_app.core.locations import FolderStore, S3Store
from packages_app.publishing.candidate import make_candidate
from packages_app.publishing.open_store import open_store
from packages_app.publishing.whole_draft import Before, collect, whole_draft
from packages_app.services import adapters
from tests.publishing.failing_server import failing_server


@pytest.fixture(params=["folder", "s3"])
def location(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "bucket")
    server = request.getfixturevalue("moto")
    return S3Store(f"b{uuid.uuid4().hex}", "some/prefix", "eu-central-1", server, "public-read")


@pytest.fixture
def unmade(location):
    return open_store(location)


@pytest.fixture
def store(unmade):
    assert unmade.create() is True
    assert unmade.create() is False
    return unmade


@pytest.fixture
def between(moto):
    with failing_server(moto) as server:
        yield server


@pytest.fixture
def bucket(between):
    """A bucket that is reached through the failing server."""
    store = open_store(S3Store(f"b{uuid.uuid4().hex}", "", "eu-central-1", between.address, ""))
    store.create()
    return store


@pytest.fixture
def candidate_of(embedded, tmp_path):
    def make(records):
        suite, folder = adapters.repository().default_suite, tmp_path / "draft"
        draft = whole_draft(folder, suite, collect(suite, records), (), Before(), adapters.shard_cache(), rebuild=False)
        return make_candidate(adapters.repository(), suite, folder, draft, adapters.signer(), adapters.now())

    return make
