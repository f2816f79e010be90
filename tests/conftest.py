"""What every test shares; its environment is `tests.environment`."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from coverage import Coverage
from django.conf import settings as live_settings
from django.core.servers.basehttp import WSGIRequestHandler
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from tests.measured import measured

# Nothing here asserts on time, and the machine may be busy.
hypothesis_settings.register_profile(
    "repomgr",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
hypothesis_settings.load_profile("repomgr")

# Django's own hasher is slow on purpose, a third of a second each time; no test is about how strong a hash is.
live_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# That of `live_server` sends head and body by two writes: the second would wait 40 ms for the delayed acknowledgement.
WSGIRequestHandler.disable_nagle_algorithm = True

# The settings have it by now; what is started by tests of SQLite has a database of its own.
os.environ.pop("DATABASE_URL", None)

pytest_plugins = [f"tests.{name}" for name in ("servers", "postgresql", "database", "stack", "verified", "members")]

UNTRACED = pytest.StashKey[bool]()

SERVERS = {
    "moto", "redis_url", "postgres_url", "on_postgresql", "ministack", "s3rver", "dynalite", "live_server", "standing",
}  # fmt: skip
SLOW = (
    "tests/deploy/test_rights_of_processes.py",
    "tests/api/test_schema.py",
    "tests/client/",
    "tests/test_processes.py",
    "tests/faults",
    "tests/apt",
    "tests/browser",
    "tests/commands/test_killed_migrations.py",
    "tests/commands/test_migrate_package_table.py",
    "tests/services/test_properties.py",
    "tests/services/jobs/test_workers.py",
    "tests/package_table/test_suites.py",
    "tests/services/repair",
    "tests/services/test_sweep.py",
    "tests/adoption",
    "tests/admin",
    "tests/commands",
    "tests/package_table",
    "tests/indexes",
    "tests/debian/test_hostile.py",
    "tests/services",
)
"""Folders and files in the order in which they begin, before all others: the longest tests must not come last."""

TOGETHER = (
    "tests/admin/test_saml.py",
    "tests/admin/test_second_factor.py",
    "tests/admin/test_single_sign_on.py",
    "tests/browser/",
    "tests/client/",
    "tests/apt/test_trusted_client.py",
    "tests/deploy/test_rights_of_processes.py",
    "tests/debian/test_hostile.py",
    "tests/core/test_version.py",
    "tests/commands/test_private_home.py",
    "tests/test_docs.py",
    "tests/test_house.py",
)
"""Files, or folders of them, whose tests share what is dear to make, so that one process runs them."""


class OneByOne(LoadScopeScheduling):
    """Gives each test, in the order above, to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((each for each in TOGETHER if file.startswith(each)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute by that scheduler (a hook of pytest-xdist)."""
    config.option.loadscopereorder = False
    return OneByOne(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the longest tests begin, and mark those that need a server, and those that coverage is not measured by."""
    if os.environ.get("COVER") == "some":
        names = measured(items)
        for item in items:
            item.stash[UNTRACED] = item.nodeid not in names
    items.sort(key=lambda item: next((at for at, path in enumerate(SLOW) if item.nodeid.startswith(path)), len(SLOW)))
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.outside)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Trace nothing of a test that coverage is not measured by, nor of what it sets up."""
    cover = Coverage.current() if item.stash.get(UNTRACED, False) else None
    if cover is not None:
        cover.stop()
    try:
        return (yield)
    finally:
        if cover is not None:
            cover.start()


def pytest_collection_finish() -> None:
    """Let the collector pass over what is there for all tests, and come less often: a tenth of all time was its."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
