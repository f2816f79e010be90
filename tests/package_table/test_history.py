"""The history of versions, and their tombstones, kept by both adapters as the port promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.builds import OtherBuild
from packages_app.core.errors import ObjectChanged, RecordNotFound, VersionConflict
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Silent, Written
from packages_app.core.suite_change import VersionPurged, What, change_of, taken_in, withdrawn_from
from packages_app.package_table.backup_file import write_backup
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.raw_table import RawTable
from packages_app.services.takeover.restore import restore
from tests.package_table.old_tables import REGION
from tests.package_table.test_contract import table, unmade  # noqa: F401 - fixtures
from tests.records import make_record


def test_a_version_has_the_history_of_its_suites(table):  # noqa: F811
    assert table.suite_changes_of("hello", "1.0") == []
    record, other = make_record(), make_record(architecture="arm64")
    table.put_many_new([record, other, make_record(version="1.0.1")])
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    withdrawn = change_of(record, [], What.WITHDRAWN, who="ann", when=at, reason="it \u00fc breaks")
    gone = table.set_suites(record, [], withdrawn)
    restored = change_of(gone, ["stable"], What.RESTORED, who="ben", when=at + timedelta(microseconds=1))
    table.set_suites(gone, ["stable"], restored)
    of_other = change_of(other, [], What.WITHDRAWN, who="ann", when=at + timedelta(days=1))
    table.set_suites(other, [], of_other)
    assert table.suite_changes_of("hello", "1.0") == [withdrawn, restored, of_other]
    assert table.suite_changes_of("hello", "1.0.1") == []
    with pytest.raises(ObjectChanged):
        table.set_suites(gone, [], withdrawn)
    assert len(table.suite_changes_of("hello", "1.0")) == 3
    assert len([*table.all_records()]) == 3
    assert withdrawn_from([withdrawn, restored, of_other], "amd64") == {}
    assert withdrawn_from([withdrawn, restored, of_other], "arm64") == {"stable": of_other}


def test_a_new_record_has_its_first_entry_in_the_same_step_and_one_that_is_there_none(table):  # noqa: F811
    records = [make_record(), make_record(version="2.0")]
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    changes = [taken_in(record, who="ann", way="upload", when=at) for record in records]
    table.put_new(records[0], changes[0])
    assert table.put_many_new(records, changes) == [Written.ALREADY_THERE, Written.ADDED]
    assert table.suite_changes_of("hello", "1.0") == [changes[0]]
    [entry] = table.suite_changes_of("hello", "2.0")
    assert (entry.what, entry.before, entry.after) == (What.TAKEN_IN, (), ("stable",))
    with pytest.raises(VersionConflict):
        table.put_new(replace(records[0], sha256_hash="f" * 64), changes[0])
    assert len(table.suite_changes_of("hello", "1.0")) == 1


def test_what_was_purged_is_gone_and_refused_for_ever_with_any_bytes(table):  # noqa: F811
    record, other = make_record(), make_record(architecture="arm64")
    table.put_many_new([record, other])
    change = change_of(record, [], What.PURGED, who="ann", when=datetime(2026, 1, 2, tzinfo=UTC), reason="a key")
    with pytest.raises(ObjectChanged):
        table.purge(record, change)
    out = table.set_suites(record, [])
    table.purge(out, change)
    table.purge(out, change)
    assert table.get(*record.key[0].split("#"), "amd64") is None
    assert table.look_up([record.key, other.key, ("x#1", "all")]) == ({other.key: other}, {record.key: change})
    assert table.get_many([record.key]) == {}
    assert [*table.all_records()] == [*table.records_of("stable")] == [*table.versions_of("hello")] == [other]
    assert table.suite_changes_of("hello", "1.0") == [change]
    for again in (record, out, replace(record, sha256_hash="f" * 64)):
        with pytest.raises(VersionPurged, match="a key"):
            table.put_new(again)
        with pytest.raises(VersionPurged):
            table.put_many_new([make_record("new"), again])
    with pytest.raises(RecordNotFound):
        table.set_suites(out, ["stable"])
    with pytest.raises(RecordNotFound):
        table.purge(make_record("ghost"), change)
    assert table.newest_of("hello") == other


def test_a_backup_of_before_brings_nothing_back_that_was_purged_since(moto, tmp_path):
    place = DynamoTable(f"t{tmp_path.name}", REGION, moto)
    ours, raw = DynamoPackageTable(place), RawTable(place)
    ours.create()
    record, other = make_record(suites=()), make_record(version="2.0")
    ours.put_many_new([record, other])
    now = datetime(2026, 1, 2, tzinfo=UTC)
    backup = write_backup(tmp_path / "backup.jsonl", place.name, raw.shape(), raw.items(), now)
    ours.purge(record, change_of(record, [], What.PURGED, who="ann", when=now))
    copy = DynamoTable(f"{place.name}-copy", REGION, moto)
    restore(backup.path, copy, place, Silent())
    restored = DynamoPackageTable(copy)
    assert [*restored.all_records()] == [other]
    with pytest.raises(VersionPurged):
        restored.put_new(record)
    assert restore(backup.path, copy, place, Silent()).written == 0


def test_a_backup_brings_back_each_build_in_its_suite_and_none_into_anothers(moto, tmp_path):
    place = DynamoTable(f"t{tmp_path.name}", REGION, moto)
    ours, raw = DynamoPackageTable(place), RawTable(place)
    ours.create()
    plain, noble, bookworm, sid = (
        make_record(suites=(suite,), build=build, sha256_hash=letter * 64)
        for suite, build, letter in (
            ("stable", "", "a"), ("noble", "noble", "b"), ("bookworm", "bookworm", "c"), ("sid", "sid", "d"),
        )
    )  # fmt: skip
    now = datetime(2026, 1, 2, tzinfo=UTC)
    builds = [plain, noble, bookworm, sid]
    ours.put_many_new(builds, [taken_in(one, who="ann", way="upload", when=now) for one in builds])
    out = ours.set_suites(sid, [], change_of(sid, [], What.WITHDRAWN, who="ann", when=now + timedelta(seconds=1)))
    backup = write_backup(tmp_path / "backup.jsonl", place.name, raw.shape(), raw.items(), now)
    gone = ours.set_suites(bookworm, [])
    ours.purge(gone, change_of(gone, [], What.PURGED, who="ann", when=now))
    for fresh in (False, True):
        copy = DynamoTable(f"{place.name}-{fresh}", REGION, moto)
        restored = DynamoPackageTable(copy)
        if fresh:
            restored.create()
        restore(backup.path, copy, place, Silent())
        restored.create()  # lists its suites, as create_storage does
        assert {one.key: one for one in restored.all_records()} == {one.key: one for one in (plain, noble, out)}
        in_suites = {suite: [*restored.records_of(suite)] for suite in ("stable", "noble", "bookworm", "sid")}
        assert in_suites == {"stable": [plain], "noble": [noble], "bookworm": [], "sid": []}
        assert [one.architecture for one in restored.suite_changes_of("hello", "1.0")].count("amd64#sid") == 2
        with pytest.raises(VersionPurged):
            restored.put_new(bookworm)
        for suite in ("noble", "sid"):  # whose clients may have another build of it
            with pytest.raises(OtherBuild):
                restored.set_suites(plain, ["stable", suite])
        assert restored.set_suites(out, ["sid"]) == sid
