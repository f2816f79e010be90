"""Documents of configuration in the package table, kept by both adapters as `core.documents.Documents` promises."""

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from packages_app.core.documents import (
    LARGEST_TEXT,
    ConfigurationOutdated,
    ConfigurationTooLarge,
    Document,
    difference,
    of_package,
)
from packages_app.core.errors import TableMissing
from packages_app.core.locations import DynamoTable, SqliteTable
from packages_app.core.ports import Silent
from packages_app.package_table.backup_file import write_backup
from packages_app.package_table.open_table import open_documents, open_table
from packages_app.package_table.raw_table import RawTable
from packages_app.services.takeover.restore import restore
from tests.package_table.old_tables import REGION
from tests.records import make_record

TOOL = of_package("tool")
AT = "2026-01-02T03:04:05.000000Z"


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.outside)])
def place(request, tmp_path):
    if request.param == "sqlite":
        return SqliteTable(tmp_path / "table.sqlite3")
    return DynamoTable(f"t{uuid.uuid4().hex}", REGION, request.getfixturevalue("moto"))


@pytest.fixture
def table(place):
    table = open_table(place)
    table.create()
    return table


@pytest.fixture
def documents(place, table):
    return open_documents(place)


def version_of(number, text="name: tool\n", name=TOOL, who="ann"):
    return Document(name, number, text, AT, who)


def test_many_are_written_faster_and_of_one_whose_place_is_taken_nothing_changes(documents):
    texts = {of_package(f"p{number}"): f"name: p{number}\n" for number in range(60)}
    many = [version_of(1, text, name) for name, text in texts.items()]
    theirs = version_of(1, "name: p7\nenabled: false\n", many[7].name, who="ben")
    documents.put(theirs)
    before = documents.mark()
    assert documents.put_many(many) == [many[7]]
    assert documents.mark() != before
    assert {one.name: one for one in documents.documents()} == {one.name: one for one in many} | {theirs.name: theirs}
    assert documents.put_many(many) == [many[7]]
    assert documents.versions_of(many[8].name) == [many[8]]
    large = version_of(1, "x" * LARGEST_TEXT + "x", of_package("large"))
    with pytest.raises(ConfigurationTooLarge):
        documents.put_many([version_of(1, name=of_package("small")), large])
    quotes = [version_of(1, '"' * LARGEST_TEXT, of_package(f"q{number}")) for number in range(9)]
    assert documents.put_many(quotes) == documents.put_many([]) == []
    assert documents.document(of_package("small")) is None


def test_each_version_stays_a_removal_too_and_the_newest_is_what_counts(documents, table):
    assert (documents.mark(), documents.documents(), documents.document(TOOL), documents.versions_of(TOOL)) == (
        "", [], None, [],
    )  # fmt: skip
    table.put_new(make_record())
    first, second, gone = version_of(1), version_of(2, "name: tool\nüml: „x“\n", who="ben"), version_of(3, "")
    other = version_of(1, "origin: Acme\n", "repository")
    marks = [documents.mark()]
    for document in (first, other, second):
        documents.put(document)
        marks.append(documents.mark())
    assert documents.documents() == [second, other]
    assert documents.document(TOOL) == second
    documents.put(gone)
    assert (documents.documents(), documents.removed(), documents.document(TOOL)) == ([other], [gone], gone)
    assert documents.versions_of(TOOL) == [first, second, gone]
    assert documents.versions_of("repository") == [other]
    again = version_of(4)
    documents.put(again)
    assert documents.versions_of(TOOL)[-1] == documents.document(TOOL) == again
    assert documents.removed() == []
    assert len({*marks, documents.mark()}) == 5
    assert [*table.all_records()] == [*table.records_of("stable")] == [make_record()]


def test_of_two_who_change_one_document_the_second_is_told_what_the_first_wrote(documents):
    documents.put(version_of(1))
    mine, theirs = version_of(2, "name: mine\n"), version_of(2, "name: theirs\n", who="ben")
    documents.put(theirs)
    documents.put(theirs)  # as after an answer that was lost
    before = documents.mark()
    for refused in (mine, version_of(1), version_of(4), version_of(2, "x: 1\n", of_package("new"))):
        with pytest.raises(ConfigurationOutdated) as caught:
            documents.put(refused)
        assert caught.value.current == documents.document(refused.name)
    with pytest.raises(ConfigurationTooLarge):
        documents.put(version_of(3, "x" * (LARGEST_TEXT + 1)))
    assert documents.mark() == before
    assert documents.versions_of(TOOL) == [version_of(1), theirs]
    assert difference(theirs.text, mine.text) == ["@@ -1 +1 @@", "-name: theirs", "+name: mine"]
    largest = version_of(3, "x" * LARGEST_TEXT)
    documents.put(largest)
    assert documents.document(TOOL) == largest


def test_of_many_who_write_at_once_one_wins_and_other_documents_do_not_mind(documents):
    won, lost = [], []

    def write(number):
        name = TOOL if number % 2 else of_package(f"p{number}")
        try:
            documents.put(version_of(1, f"name: p{number}\n", name, who=str(number)))
            won.append(name)
        except ConfigurationOutdated:
            lost.append(name)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == sorted([TOOL, *(of_package(f"p{number}") for number in (0, 2, 4, 6))])
    assert lost == [TOOL] * 3
    assert len(documents.versions_of(TOOL)) == 1


def test_without_a_table_there_are_no_documents(place):
    with pytest.raises(TableMissing):
        open_documents(place).mark()
    with pytest.raises(TableMissing):
        open_documents(place).put(version_of(1))


def test_a_backup_brings_documents_back_with_their_history(moto, tmp_path):
    place = DynamoTable(f"t{uuid.uuid4().hex}", REGION, moto)
    open_table(place).create()
    ours, raw = open_documents(place), RawTable(place)
    for document in (version_of(1), version_of(2, "name: other\n"), version_of(1, "origin: A\n", "repository")):
        ours.put(document)
    path = tmp_path / "backup.jsonl"
    backup = write_backup(path, place.name, raw.shape(), raw.items(), datetime(2026, 1, 2, tzinfo=UTC))
    copy = replace(place, name=f"{place.name}-copy")
    restore(backup.path, copy, place, Silent())
    restored = open_documents(copy)
    assert (restored.documents(), restored.mark()) == (ours.documents(), ours.mark())
    assert restored.versions_of(TOOL) == ours.versions_of(TOOL)
    restored.put(version_of(3))
