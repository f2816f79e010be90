"""Configuration is the files over the documents of the package table, asked for seldom, and where it matters."""

import shutil

import pytest

from packages_app.core.configuration import Configuration
from packages_app.core.definition import UNREAD
from packages_app.core.documents import REPOSITORY, Document, of_package
from packages_app.core.errors import DefinitionError, TableUnavailable
from packages_app.core.kept_documents import SECONDS, KeptDocuments
from packages_app.core.locations import SqliteTable
from packages_app.package_table.open_table import open_documents, open_table
from packages_app.sources.registry import settings_readers
from tests.core.test_configuration import much_later
from tests.core.test_definitions import CONFIG, GOOD


class Hands:
    """A clock that is set by hand."""

    at = 1000.0

    def __call__(self):
        return self.at


class World:
    """A folder, a table's documents, and a process that reads both."""

    def __init__(self, folder):
        self.folder, self.file, self.clock = folder, folder / "table.sqlite3", Hands()
        (folder / "packages").mkdir()
        shutil.copy(CONFIG / "repository.yaml", folder)
        open_table(SqliteTable(self.file)).create()
        self.documents = open_documents(SqliteTable(self.file))
        self.process = self.another_process()

    def another_process(self):
        kept = KeptDocuments(self.documents, self.clock)
        return Configuration(self.folder, settings_readers(), much_later, kept)

    def save(self, name, text):
        before = self.documents.document(name)
        self.documents.put(Document(name, before.version + 1 if before else 1, text, "2026-01-02T03:04:05Z", "ann"))

    def define(self, name, **changes):
        text = GOOD.replace("name: tool", f"name: {changes.get('named', name)}")
        self.save(of_package(name), text.replace("A tool", changes.get("description", "A tool")))

    def later(self):
        self.clock.at += SECONDS

    @property
    def found(self):
        return {name: one.description for name, one in self.process.definitions().by_name.items()}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_file_counts_before_a_document_of_the_same_package_also_when_it_is_broken(world):
    for name in ("tool", "other", "third"):
        world.define(name, description="of the table")
    (world.folder / "packages/tool.yaml").write_text(GOOD)
    (world.folder / "packages/of-another-name.yaml").write_text(GOOD.replace("name: tool", "name: other"))
    definitions = world.process.definitions()
    assert world.found == {"tool": "A tool", "other": "A tool", "third": "of the table"}
    assert [name for name, one in definitions.by_name.items() if one.is_document] == ["third"]
    assert (definitions.overruled, definitions.problems) == (("other", "tool"), ())
    (world.folder / "packages/tool.yaml").write_text("name: [")
    assert world.found == {"other": "A tool", "third": "of the table"}
    (world.folder / "packages/tool.yaml").unlink()
    assert world.found["tool"] == "of the table"


def test_what_a_document_says_is_measured_as_a_file_is(world):
    world.define("tool", named="other")
    world.save(of_package("broken"), "name: broken\ncolour: blue\n")
    world.save(of_package("torn"), "name: [")
    problems = world.process.definitions().problems
    assert {(one.file, one.field) for one in problems} >= {
        (of_package("tool"), "name"), (of_package("broken"), "colour"), (of_package("torn"), "(file)"),
    }  # fmt: skip
    assert world.found == {}


def test_a_change_counts_some_seconds_later_and_at_once_where_it_is_looked_for(world):
    assert world.found == {}
    world.define("tool")
    assert world.found == {}, "the table is not asked each time"
    world.later()
    assert world.found == {"tool": "A tool"}
    same = world.process.definitions()
    world.later()
    assert world.process.definitions() is same, "nothing is read anew that is the same"
    world.define("tool", description="Renewed")
    world.process.look()
    assert world.found == {"tool": "Renewed"}
    world.save(of_package("tool"), "")
    world.process.look()
    assert world.found == {}


def test_the_repository_is_a_document_where_there_is_no_file(world):
    text = (world.folder / "repository.yaml").read_text()
    world.save(REPOSITORY, text.replace("origin: Kiro", "origin: Acme"))
    assert world.process.repository().origin == "Kiro"
    (world.folder / "repository.yaml").unlink()
    assert world.process.repository().origin == "Acme"
    world.save(REPOSITORY, "")
    world.process.look()
    with pytest.raises(DefinitionError):
        world.process.repository()


def test_while_the_table_is_away_what_was_read_counts_and_what_never_was_is_a_problem(world):
    world.define("tool")
    assert world.found == {"tool": "A tool"}
    (world.folder / "packages/other.yaml").write_text(GOOD.replace("name: tool", "name: other"))
    kept = world.file.read_bytes()
    world.file.write_bytes(b"no database" * 100)
    world.later()
    assert set(world.found) == {"tool", "other"}
    assert world.process.definitions().are_all
    with pytest.raises(TableUnavailable):
        world.process.look()
    fresh = world.another_process()
    assert (set(fresh.definitions().by_name), fresh.definitions().are_all) == ({"other"}, False)
    assert [one.file for one in fresh.definitions().problems] == [UNREAD]
    (world.folder / "repository.yaml").rename(world.folder / "aside")
    with pytest.raises(TableUnavailable):
        fresh.repository()
    world.file.write_bytes(kept)
    (world.folder / "aside").rename(world.folder / "repository.yaml")
    world.later()
    assert (set(fresh.definitions().by_name), fresh.definitions().are_all) == ({"tool", "other"}, True)


def test_a_table_that_is_not_there_yet_has_no_documents(world):
    world.file.unlink()
    fresh = world.another_process()
    fresh.look()
    assert (fresh.definitions().by_name, fresh.definitions().problems) == ({}, ())
