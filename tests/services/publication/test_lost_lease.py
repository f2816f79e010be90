"""A publisher that another has overtaken finds it out, also at the very end."""

import time

import pytest

from packages_app.core.errors import LeaseLost, ObjectChanged
from packages_app.core.ports import Silent
from packages_app.package_table.sqlite_table import SqlitePackageTable
from packages_app.services.adapters import Ports, given
from packages_app.services.publication.publish import publish
from tests.faults.ports import Calls, Way, faulty
from tests.records import make_record

IN_RELEASE = "dists/stable/InRelease"


class _TakingTheLease:
    """A bucket at whose first write of the root's page another host takes the lease, for which it is over."""

    def __init__(self, bucket, take):
        self._bucket, self._take = bucket, take

    def __getattr__(self, name):
        return getattr(self._bucket, name)

    def put(self, key, *args, **options):
        info = self._bucket.put(key, *args, **options)
        if key == "index.html":
            self._take()
        return info


def test_who_has_lost_the_lease_while_the_root_was_renewed_does_it_all_again(embedded):
    record = make_record("other")
    embedded.table.put_new(record)
    embedded.bucket.put(record.pool_path, b"x" * record.file_size)
    ahead = SqlitePackageTable(embedded.table._path, clock=lambda: time.time() + 3600)
    taken = []
    bucket = _TakingTheLease(embedded.bucket, lambda: taken.append(ahead.take_lease("publish:stable", "other", 60)))
    with given(Ports(embedded.table, bucket, embedded.staging)), pytest.raises(LeaseLost):
        publish("stable", Silent())
    assert len(taken) == 1


def test_who_has_nothing_to_publish_and_is_overtaken_leaves_pending_what_the_other_has_not_read(embedded):
    """It read of a record that is as what was in place shows it; what the other has put there may show it otherwise."""
    record = make_record("other", suites=())
    embedded.table.put_new(record)
    publish("stable", Silent())

    def publish_what_changes_nothing(calls):
        embedded.table.set_suites(embedded.table.set_suites(record, ("stable",)), ())
        with given(faulty(Ports(embedded.table, embedded.bucket, embedded.staging), calls)):
            publish("stable", Silent())

    def another_publishes():
        embedded.bucket.put(IN_RELEASE, embedded.bucket.read(IN_RELEASE) + b"\n")

    publish_what_changes_nothing(calls := Calls())
    assert embedded.table.pending_changes_of("stable") == []
    before = calls.names.index(f"bucket.head {IN_RELEASE}")
    with pytest.raises(ObjectChanged):
        publish_what_changes_nothing(Calls(before, Way.OVERTAKEN, another_publishes))
    assert {change.key for change in embedded.table.pending_changes_of("stable")} == {record.key}
