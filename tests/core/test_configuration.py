"""The configuration folder is read once per change, and each change counts at the next call."""

import os
import shutil
import time

import pytest

from packages_app.core.configuration import Configuration
from packages_app.core.errors import DefinitionError
from packages_app.sources.registry import settings_readers
from tests.core.test_definitions import CONFIG, GOOD


def much_later():
    """A clock for which no file is young: what is unchanged is not read again."""
    return time.time_ns() + 10**10


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "packages").mkdir()
    shutil.copy(CONFIG / "repository.yaml", tmp_path)
    for name in ("tool", "other"):
        (tmp_path / f"packages/{name}.yaml").write_text(GOOD.replace("name: tool", f"name: {name}"))
    return tmp_path


@pytest.fixture
def configuration(folder):
    return Configuration(folder, settings_readers(), clock=much_later)


def replaced(path, text):
    """Put another file in a file's place, of the same time."""
    status, new = path.stat(), path.with_suffix(".new")
    new.write_text(text)
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(path)


def test_what_did_not_change_is_read_once(configuration):
    first = configuration.definitions()
    assert set(first.by_name) == {"tool", "other"}
    assert configuration.definitions() is first
    assert configuration.repository() is configuration.repository()


def test_a_file_that_changes_comes_or_goes_counts_at_once(folder, configuration):
    assert configuration.definitions().by_name["tool"].description == "A tool"
    replaced(folder / "packages/tool.yaml", GOOD.replace("A tool", "Renewed"))
    assert configuration.definitions().by_name["tool"].description == "Renewed"
    (folder / "packages/third.yaml").write_text(GOOD.replace("name: tool", "name: third"))
    assert set(configuration.definitions().by_name) == {"tool", "other", "third"}
    (folder / "packages/tool.yaml").unlink()
    assert set(configuration.definitions().by_name) == {"other", "third"}


def test_another_file_of_the_same_size_and_time_counts_at_once(folder, configuration):
    path = folder / "packages/tool.yaml"
    configuration.definitions()
    replaced(path, GOOD.replace("A tool", "A fool"))
    assert configuration.definitions().by_name["tool"].description == "A fool"


def test_a_file_written_in_place_is_read_again_while_its_time_can_not_tell(folder):
    configuration, path = Configuration(folder, settings_readers()), folder / "packages/tool.yaml"
    for word in ("fool", "pool", "wool") * 20:
        before = path.stat()
        path.write_text(GOOD.replace("A tool", f"A {word}"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert configuration.definitions().by_name["tool"].description == f"A {word}"


def test_a_file_that_goes_right_after_it_was_read_counts_no_more(folder):
    configuration = Configuration(folder, settings_readers())
    assert set(configuration.definitions().by_name) == {"tool", "other"}
    for name in ("tool", "other"):
        (folder / f"packages/{name}.yaml").unlink()
    assert configuration.definitions().by_name == {}
    (folder / "repository.yaml").unlink()
    with pytest.raises(DefinitionError):
        configuration.repository()


def test_a_broken_file_is_named_until_it_is_mended(folder, configuration):
    path = folder / "packages/tool.yaml"
    replaced(path, "name: [")
    assert [problem.file for problem in configuration.definitions().problems] == ["tool.yaml"]
    assert set(configuration.definitions().by_name) == {"other"}
    replaced(path, GOOD)
    assert configuration.definitions().problems == ()


def test_problems_of_a_file_that_is_kept_are_told_once_each(folder, configuration):
    replaced(folder / "packages/tool.yaml", GOOD + "colour: blue\n")
    replaced(folder / "packages/other.yaml", GOOD.replace("name: tool", "name: third"))
    for text in ("one", "two"):
        replaced(folder / "packages/other.yaml", GOOD.replace("name: tool", f"name: {text}"))
        assert [problem.field for problem in configuration.definitions().problems] == ["colour"]


def test_another_repository_changes_what_definitions_may_say(folder, configuration):
    path = folder / "repository.yaml"
    good = path.read_text()
    assert configuration.definitions().problems == ()
    replaced(path, good.replace("amd64", "riscv64"))
    assert {problem.field for problem in configuration.definitions().problems} == {"architecture"}
    path.write_text("origin: [")
    for _ in range(2):
        with pytest.raises(DefinitionError):
            configuration.definitions()
    replaced(path, good)
    assert configuration.definitions().problems == ()


def test_a_folder_without_packages_has_none(folder, configuration):
    shutil.rmtree(folder / "packages")
    assert configuration.definitions().by_name == {}
    assert configuration.repository().suites
