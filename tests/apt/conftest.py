"""What the client tests share; the head of their report says which apt it is that reads."""

import pytest

from tests.apt.apt_root import apt_root
from tests.apt.archive import BucketServer, make_archive


def pytest_report_header() -> str:
    """Name the apt of this run."""
    apt = apt_root()
    if not apt.is_there:
        return "client: this machine has no apt"
    return f"client: apt {apt.version} of {apt.folder}, signatures checked by {apt.verifier}"


@pytest.fixture
def archive(embedded, tmp_path):
    """A published repository with one package, and a client that has seen it."""
    with BucketServer(embedded.bucket) as server:
        yield make_archive(embedded, server, tmp_path)
