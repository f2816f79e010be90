"""repository.yaml over the document of the table beside it: each setting by itself, lists of places as sums."""

from pathlib import Path

import pytest

from packages_app.core.file_over_document import file_over_document
from packages_app.core.repository import repository_in
from packages_app.core.yaml_reader import plain, reader_of_text
from packages_app.core.yaml_writer import written_yaml

FILE = """\
origin: Acme
label: Acme
description: By the file
keyring: acme
suites:
  - name: stable
    codename: stable
    version: "1"
    description: Stable
    components: main
    architectures: [amd64]
    valid_days: 3
"""
DOCUMENT = """\
origin: Another
define: publishers
suites:
  - name: testing
    codename: testing
    version: "2"
    description: Testing
    components: [main]
    architectures: [riscv64]
  - {name: stable, valid_days: 99, not_automatic: true, components: [extra, main], architectures: [arm64, amd64]}
"""


def combined(document):
    reader = file_over_document(reader_of_text("repository.yaml", FILE), reader_of_text("repository", document))
    repository, _ = repository_in(reader, Path())
    return repository, [(problem.file, problem.line, problem.field) for problem in reader.problems], reader


def test_what_the_file_says_counts_and_the_document_adds_to_it():
    repository, problems, reader = combined(DOCUMENT)
    assert problems == []
    assert (repository.origin, repository.define) == ("Acme", "publishers")
    stable, testing = repository.suites
    assert (stable.name, stable.valid_for.days, stable.fields.not_automatic) == ("stable", 3, True)
    assert (stable.components, stable.architectures) == (("main", "extra"), ("amd64", "arm64"))
    assert (testing.name, testing.architectures, repository.default_suite.name) == ("testing", ("riscv64",), "stable")
    again = reader_of_text("repository.yaml", written_yaml(plain(reader.values)))
    assert repository_in(again, Path()) == (repository, ())


def test_a_fault_names_the_one_that_it_stands_in_and_its_line():
    said = DOCUMENT.replace("define: publishers", "define: all").replace("valid_days: 99", "retain: {oldest: 1}")
    problems = combined(said.replace("[riscv64]", "[all]").replace('version: "2"', "version: 2"))[1]
    assert sorted(problems) == [
        ("repository", 2, "define"), ("repository", 6, "suites[1].version"),
        ("repository", 9, "suites[1].architectures"),
        ("repository", 10, "suites[0].retain"), ("repository", 10, "suites[0].retain.oldest"),
    ]  # fmt: skip
    renamed = combined(DOCUMENT.replace("codename: testing", "codename: stable"))[1]
    assert renamed == [("repository.yaml", 5, "suites")]
    assert combined("suites: [")[1] == [("repository", 1, "(file)")]
    broken = file_over_document(reader_of_text("repository.yaml", "origin: ["), reader_of_text("repository", DOCUMENT))
    assert [problem.file for problem in broken.problems] == ["repository.yaml"]


@pytest.mark.parametrize("suites", ["suites: none", "suites: [none]", "suites: [{name: 3}]", "suites: [{version: a}]"])
def test_a_suite_of_the_document_without_a_name_is_its_fault(suites):
    assert {(file, line) for file, line, _ in combined(suites)[1]} == {("repository", 1)}
