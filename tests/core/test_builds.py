"""Labels of builds, what a definition says of them, and documents, which are as before without one."""

import json
from dataclasses import replace

import pytest
import yaml

from packages_app.core.builds import Build, check_build, is_build
from packages_app.core.definition import load_definitions
from packages_app.core.document import document_of, record_in
from packages_app.core.errors import PackageRefused
from packages_app.core.layout import pool_path
from packages_app.core.record import PackageRecord, key_named, named_key
from packages_app.core.repository import load_repository
from packages_app.sources.registry import settings_readers
from tests.records import make_record
from tests.stack import REPOSITORY, write_definition

SOURCE = {"type": "build_script", "staging_prefix": "tool"}


@pytest.mark.parametrize("label", ["noble", "ubuntu24.04", "el9+fips", "2", "a-b"])
def test_labels(label):
    check_build(label)
    record = make_record(build=label)
    assert key_named(named_key(record.key)) == record.key
    assert pool_path("main", "tool", "tool_1.0_amd64.deb", label) == f"pool/main/t/tool/{label}/tool_1.0_amd64.deb"


@pytest.mark.parametrize(
    "label", ["", "Noble", "a b", "a/b", "..", "a..b", "a#b", "a_b", "-a", ".a", "é", "a\n", "a" * 41, "a%2f", "<b>"]
)
def test_what_reaches_keys_paths_and_pages_is_no_label(label):
    assert not is_build(label)
    with pytest.raises(PackageRefused):
        check_build(label)


def test_a_document_without_a_build_has_the_bytes_that_it_always_had():
    record = make_record(notes='ends so: ,"build":""}')
    fields = {name: value for name, value in vars(record).items() if name != "build"}
    before = json.dumps({"package_id": "hello#1.0", **fields}, separators=(",", ":"), ensure_ascii=False)
    assert document_of(record) == before.encode()
    read = record_in(document_of(record))
    assert (read, document_of(read), read.as_dict()) == (record, document_of(record), record.as_dict())
    noble = replace(record, build="noble")
    assert json.loads(document_of(noble)) == {**json.loads(before), "build": "noble"}
    assert record_in(document_of(noble)) == noble
    assert PackageRecord.from_dict(noble.as_dict()) == noble


@pytest.fixture
def read(tmp_path):
    (tmp_path / "packages").mkdir()
    text = (REPOSITORY / "config" / "repository.yaml").read_text()
    path = tmp_path / "repository.yaml"
    path.write_text(text)

    def read_one(configured, **fields):

        repository = yaml.safe_load(text)
        first = repository["suites"][0]
        repository["suites"] = [{**first, "name": name, "codename": name} for name in configured]
        path.write_text(yaml.safe_dump(repository))
        write_definition(tmp_path, "tool", SOURCE, **fields)

        return load_definitions(tmp_path / "packages", load_repository(path), settings_readers())

    return read_one


def test_a_definition_says_which_files_are_which_build_and_where_they_go(read):
    found = read(
        ("stable", "noble", "old"),
        suites=["stable"],
        builds={"noble": "*_noble_*.deb", "bookworm": {"files": "*_bookworm_*.deb", "suites": ["old"]}},
    )
    assert found.problems == ()
    tool = found.by_name["tool"]
    assert tool.builds == (
        Build("noble", "*_noble_*.deb", ("noble",)), Build("bookworm", "*_bookworm_*.deb", ("old",)),
    )  # fmt: skip
    assert [tool.build_of(name) for name in ("sub/tool_1_noble_amd64.deb", "tool_1_amd64.deb")] == ["noble", ""]
    assert [tool.suites_for(label) for label in ("noble", "bookworm", "", "other")] == [
        ("noble",), ("old",), ("stable",), ("stable",),
    ]  # fmt: skip
    assert tool.every_suite == ("stable", "noble", "old")


@pytest.mark.parametrize(
    ("builds", "field"),
    [
        ({"noble": "*n*", "jammy": "*j*"}, "builds.jammy"),
        ({"Noble": "*n*"}, "builds.Noble"),
        ({"noble": {"files": "*n*", "suites": ["nowhere"]}}, "builds.noble"),
        ({"noble": {"suites": ["stable"]}}, "builds.noble.files"),
        ({"noble": {"files": "*n*", "suits": ["stable"]}}, "builds.noble.suits"),
        ({"noble": "a/*"}, "builds.noble"),
        ({"noble": 7}, "builds.noble"),
        (["noble"], "builds"),
    ],
)
def test_a_fault_of_its_builds_is_named(read, builds, field):
    found = read(("stable",), suites=["stable"], builds=builds)
    assert field in {problem.field for problem in found.problems}
    assert not found.by_name
