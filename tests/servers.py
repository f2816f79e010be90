"""The servers of `repomgr.servers` as fixtures, one of each for all processes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repomgr.servers.process import ServerMissing
from tests.shared_server import shared_server


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def moto(run_folder: Path) -> Iterator[str]:
    """The address of S3 and DynamoDB as moto plays them; names of buckets and tables are for a test to make up."""
    yield from _shared("moto", run_folder)


@pytest.fixture(scope="session")
def redis_url(run_folder: Path, worker_id: str) -> Iterator[str]:
    """The address of a Redis, in a database of this process: a worker would take messages of others."""
    database = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    for url in _shared("redis", run_folder):
        yield f"{url.rpartition('/')[0]}/{database}"


@pytest.fixture(scope="session")
def postgres_url(run_folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL with an empty database, for one test that uses it; others make their own there."""
    yield from _shared("postgresql", run_folder)


@pytest.fixture(scope="session")
def ministack(run_folder: Path) -> Iterator[str]:
    """The address of S3 and DynamoDB as MiniStack plays them."""
    yield from _shared("ministack", run_folder)


@pytest.fixture(scope="session")
def dynalite(run_folder: Path) -> Iterator[str]:
    """The address of a DynamoDB without transactions."""
    yield from _shared("dynalite", run_folder)


@pytest.fixture(scope="session")
def _s3rver(run_folder: Path) -> Iterator[str]:
    yield from _shared("s3rver", run_folder)


@pytest.fixture
def s3rver(_s3rver: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an S3 that ignores conditions; it knows one access key alone, which the environment has then."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "S3RVER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S3RVER")
    return _s3rver


def _shared(name: str, run: Path) -> Iterator[str]:
    try:
        with shared_server(name, run) as url:
            yield url
    except ServerMissing as missing:
        pytest.skip(str(missing))
