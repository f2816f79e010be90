"""Both stores, and a server between us and S3 that fails on demand."""

import uuid

import pytest

from packages_app.core.locations import FolderStore, S3Store
from packages_app.stores.open_store import open_store
from tests.stores.failing_server import failing_server


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.outside)])
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
