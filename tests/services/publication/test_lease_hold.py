"""A lease that is kept between steps is its holder's for as long as the work takes, and costs few writes."""

import random

import pytest

from packages_app.core.errors import LeaseBusy
from packages_app.package_table.sqlite_table import SqlitePackageTable
from packages_app.services.publication.lease_hold import lease_held

SECONDS = 60.0


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class CountingTable(SqlitePackageTable):
    """A table that counts the renewals of leases."""

    renewals = 0

    def renew_lease(self, lease, seconds):
        self.renewals += 1
        return super().renew_lease(lease, seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def table(tmp_path, clock, settings):
    settings.LEASE_SECONDS = SECONDS
    table = CountingTable(tmp_path / "table.sqlite3", clock=clock)
    table.create()
    return table


@pytest.mark.parametrize("longest", [0.1, 0.3, 0.66])
def test_nobody_can_take_a_lease_whose_holder_is_at_work(table, clock, longest):
    """Each step takes up to `longest` of the lease's time; another asks at the end of each."""
    dice = random.Random(15)
    with lease_held(table, "publish:stable", clock) as held:
        for _ in range(200):
            clock.now += SECONDS * dice.uniform(0, longest)
            with pytest.raises(LeaseBusy):
                table.take_lease("publish:stable", "another", SECONDS)
            held.keep_lease()
    assert table.take_lease("publish:stable", "another", SECONDS).fence == 2


def test_a_lease_is_not_renewed_at_each_of_many_short_steps(table, clock):
    with lease_held(table, "publish:stable", clock) as held:
        for _ in range(1000):
            clock.now += SECONDS / 100
            held.keep_lease()
    assert 10 <= table.renewals <= 30
