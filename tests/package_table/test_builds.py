"""Builds of a version in the table: records of their own, and never two of them in a suite, in either adapter."""

import threading
from datetime import UTC, datetime

import pytest

from packages_app.core.builds import OtherBuild
from packages_app.core.document import record_in
from packages_app.core.layout import pool_path
from packages_app.core.moving import NewSuites
from packages_app.core.ports import Written
from packages_app.core.suite_change import VersionPurged, What, change_of, taken_in
from tests.package_table.test_contract import table, unmade  # noqa: F401 - fixtures
from tests.records import make_record

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def build(label, *suites, version="1.0", architecture="amd64"):
    sha256 = f"{len(label):064x}"
    path = pool_path("main", "hello", f"hello_{version}_{architecture}.deb", label)
    return make_record(
        "hello", version, architecture, build=label, suites=suites or (label,), sha256_hash=sha256, pool_path=path
    )


def put(table, record):  # noqa: F811
    return table.put_new(record, taken_in(record, who="ann", way="upload", when=AT))


def leave(table, record):  # noqa: F811
    return table.set_suites(record, [], change_of(record, [], What.WITHDRAWN, who="ann", when=AT))


def test_builds_are_records_of_their_own_beside_one_without(table):  # noqa: F811
    plain, noble, bookworm = make_record(suites=("stable",)), build("noble"), build("bookworm", "bookworm", "old")
    assert [put(table, record) for record in (plain, noble, bookworm)] == [Written.ADDED] * 3
    assert noble.key == ("hello#1.0", "amd64#noble")
    assert (noble.architecture, noble.named) == ("amd64", "hello 1.0 amd64#noble")
    assert table.get("hello", "1.0", "amd64#noble") == noble
    assert table.get("hello", "1.0", "amd64") == plain
    assert table.get_many([noble.key, plain.key]) == {noble.key: noble, plain.key: plain}
    assert list(table.versions_of("hello")) == [plain, bookworm, noble]
    assert {suite: list(table.records_of(suite)) for suite in ("stable", "noble", "bookworm", "old")} == {
        "stable": [plain], "noble": [noble], "bookworm": [bookworm], "old": [bookworm],
    }  # fmt: skip
    assert list(map(record_in, table.documents_of("noble"))) == [noble]
    assert {change.key for change in table.pending_changes_of("noble")} == {noble.key}
    assert put(table, noble) is Written.ALREADY_THERE
    history = {change.architecture for change in table.suite_changes_of("hello", "1.0")}
    assert history == {"amd64", "amd64#noble", "amd64#bookworm"}


@pytest.mark.parametrize("first", ["", "noble"])
@pytest.mark.parametrize("withdrawn", [False, True], ids=["there", "withdrawn"])
def test_a_suite_never_gets_another_build_of_what_it_has_or_had(table, first, withdrawn):  # noqa: F811
    has = build(first, "stable", "apart") if first else make_record(suites=("stable", "apart"))
    put(table, has)
    if withdrawn:
        leave(table, has)
    for other in [build("bookworm", "stable"), *([make_record(suites=("stable",))] if first else [])]:
        with pytest.raises(OtherBuild):
            put(table, other)
        with pytest.raises(OtherBuild):
            table.put_many_new([make_record("new"), other])
        assert table.get_many([other.key]) == {}
        elsewhere = other.in_suites([f"of-{other.build}"])
        assert put(table, elsewhere) is Written.ADDED
        with pytest.raises(OtherBuild):
            table.set_suites(elsewhere, [*elsewhere.suites, "stable"])
        assert table.get_many([other.key]) == {other.key: elsewhere}
    assert put(table, build("bookworm", "stable", version="1.1")) is Written.ADDED
    assert put(table, build("bookworm", "stable", architecture="arm64")) is Written.ADDED


def test_of_many_moves_none_brings_a_second_build_into_a_suite(table):  # noqa: F811
    noble, bookworm, other = build("noble"), build("bookworm"), make_record("other", suites=("noble",))
    for record in (noble, bookworm, other):
        put(table, record)
    for moves in (
        [(other, "stable"), (noble, "bookworm")],  # another is there
        [(other, "stable"), (noble, "stable"), (bookworm, "stable")],  # two come together
    ):
        with pytest.raises(OtherBuild):
            table.set_suites_of_many([NewSuites(record, (*record.suites, suite)) for record, suite in moves])
        assert list(table.records_of("stable")) == []
    moved = table.set_suites_of_many([NewSuites(noble, ("stable",)), NewSuites(other, ("stable",))])
    assert sorted(table.records_of("stable"), key=lambda one: one.package_name) == moved


def test_a_build_that_left_comes_back_to_its_suite(table):  # noqa: F811
    noble = build("noble", "stable")
    put(table, noble)
    out = leave(table, noble)
    assert list(table.records_of("stable")) == []
    assert table.set_suites(out, ["stable"]) == noble
    assert list(table.records_of("stable")) == [noble]


def test_of_builds_that_come_at_once_a_suite_gets_one(table):  # noqa: F811
    builds = [build(f"b{'x' * number}", "stable") for number in range(4)]
    outcomes = []
    begin = threading.Barrier(len(builds))

    def come(record):
        begin.wait()
        try:
            outcomes.append(put(table, record))
        except OtherBuild as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=come, args=[record]) for record in builds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == sorted(["Written.ADDED", *["other_build"] * 3])
    assert len(list(table.records_of("stable"))) == 1


def test_one_build_is_purged_and_its_suites_stay_closed_to_others(table):  # noqa: F811
    noble, bookworm = build("noble", "stable"), build("bookworm", "old")
    put(table, noble)
    put(table, bookworm)
    table.purge(leave(table, noble), change_of(noble, [], What.PURGED, who="ann", when=AT))
    assert [*table.all_records()] == [bookworm]
    with pytest.raises(VersionPurged):
        put(table, noble)
    for other in (make_record(suites=("stable",)), build("trixie", "stable")):
        with pytest.raises(OtherBuild):
            put(table, other)
