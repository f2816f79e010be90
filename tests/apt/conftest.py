"""What the client tests share; the head of their report says which apt it is that reads."""

import pytest

from packages_app.core.ports import Silent
from packages_app.services.intake.build_bootstrap import build_and_take_in
from tests.apt.apt_root import apt_root
from tests.apt.archive import BucketServer, make_archive
from tests.served import ServedBucket


def pytest_report_header() -> str:
    """Name the apt of this run."""
    apt = apt_root()
    if not apt.is_there:
        return "client: this machine has no apt"
    return f"client: apt {apt.version} of {apt.folder}, signatures checked by {apt.verifier}"


@pytest.fixture
def served(embedded, settings):
    """A repository with its bootstrap package, over HTTP."""
    with ServedBucket(embedded.bucket) as server:
        settings.PUBLIC_URL = server.url
        build_and_take_in("kiro-repo", "1.0.0", Silent())
        embedded.run_jobs()
        yield embedded


@pytest.fixture
def archive(embedded, tmp_path):
    """A published repository with one package, and a client that has seen it."""
    with BucketServer(embedded.bucket) as server:
        yield make_archive(embedded, server, tmp_path)
