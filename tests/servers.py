"""The servers of `repomgr.servers` as fixtures, one of each for a test process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from repomgr.servers.process import ServerMissing
from repomgr.servers.start import moto_server, postgresql_server, redis_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of S3 and DynamoDB as moto plays them."""
    yield from _started(moto_server)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis of its own."""
    yield from _started(redis_server)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL of its own, with an empty database."""
    yield from _started(postgresql_server)


def _started(server: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    try:
        started = server()
        url = started.__enter__()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    try:
        yield url
    finally:
        started.__exit__(None, None, None)
