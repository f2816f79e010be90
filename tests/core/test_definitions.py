"""Definitions and repository.yaml: what is wrong is named with file, line, field and remedy (R6, P20, P21)."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.definition import load_definitions
from packages_app.core.errors import DefinitionError
from packages_app.core.repository import DEBIANS_KEYRING, load_repository
from packages_app.sources.registry import settings_readers, source_types

CONFIG = Path(__file__).resolve().parents[2] / "config"
REPOSITORY = load_repository(CONFIG / "repository.yaml")
GOOD = """\
name: tool
description: A tool
maintainer: Some One <one@example.org>
homepage: https://example.org
section: misc
priority: optional
architecture: amd64
source:
  type: external_download
  endpoint: https://example.org/feed.json
"""


def load(folder):
    return load_definitions(folder, REPOSITORY, settings_readers())


def problems_of(tmp_path, text):
    (tmp_path / "tool.yaml").write_text(text)
    definitions = load(tmp_path)
    assert not definitions.by_name
    return [(p.line, p.field, p.message, p.remedy) for p in definitions.problems]


def test_p20_p21_shipped_definitions_are_sound():
    definitions = load(CONFIG / "packages")
    assert definitions.problems == ()
    assert set(definitions.by_name) >= {"kiro", "kiro-repo"}
    assert definitions.by_name["kiro"].source_type == "external_download"
    assert definitions.by_name["kiro-repo"].architectures == ("all",)
    assert [d.bootstrap.copy for d in definitions.bootstrap_packages()] == ["kiro-repo.deb"]


def test_source_types_are_found_through_entry_points():
    assert set(source_types()) >= {"external_download", "build_script"}


@pytest.mark.parametrize(
    ("change", "line", "field", "said"),
    [
        (("name: tool", "name: Tool"), 1, "name", "'Tool'"),
        (("priority: optional", "priority: high"), 6, "priority", "'high'"),
        (("architecture: amd64", "architecture: sparc"), 7, "architecture", "sparc "),
        (("external_download", "carrier_pigeon"), 9, "source.type", "carrier_pigeon "),
        (("https://example.org/feed.json", "ftp://x"), 10, "source.endpoint", "'ftp://x'"),
        (("section: misc", "sektion: misc"), 5, "sektion", "not known"),
        (("section: misc", "section: 7"), 5, "section", "7 "),
        (("<one@example.org>", ""), 3, "maintainer", "e-mail"),
        (("priority: optional", "suites: [nowhere]\npriority: optional"), 6, "suites", "nowhere "),
        (("priority: optional", "component: extra\npriority: optional"), 6, "component", "extra "),
        (("priority: optional", "enabled: maybe\npriority: optional"), 6, "enabled", "'maybe'"),
        (("priority: optional", "bootstrap: {copy: a/b}\npriority: optional"), 6, "bootstrap.copy", "'a/b'"),
        (("priority: optional", "allow: [version_jump]\npriority: optional"), 6, "allow", "'version_jump'"),
        (("homepage: https://example.org\n", ""), 1, "homepage", "missing"),
        (("section: misc", "name: again"), 5, "(file)", "YAML: name "),
        (("section: misc", "section: [unclosed"), 6, "(file)", "YAML: "),
    ],
)
def test_a_fault_is_named_with_line_field_and_remedy(tmp_path, change, line, field, said):
    found = problems_of(tmp_path, GOOD.replace(*change))
    matching = [p for p in found if p[1] == field and said in p[2]]
    assert matching, found
    assert matching[0][0] == line
    assert matching[0][3]


def test_all_faults_of_a_file_are_named_at_once(tmp_path):
    found = problems_of(tmp_path, "name: tool\n")
    assert {field for _, field, _, _ in found} >= {"description", "maintainer", "section", "architecture", "source"}


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "\x00", "{1: 2}"])
def test_what_is_no_mapping_is_one_problem(tmp_path, text):
    assert len(problems_of(tmp_path, text)) == 1


def test_a_bad_file_does_not_hide_the_good_ones(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: [")
    (tmp_path / "good.yaml").write_text(GOOD)
    definitions = load(tmp_path)
    assert list(definitions.by_name) == ["tool"]
    assert definitions.problems[0].file == "bad.yaml"


def test_a_name_defined_twice_corrupts_the_later_file_only(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    definitions = load(tmp_path)
    assert definitions.by_name["tool"].file == "a.yaml"
    assert definitions.problems[0].file == "b.yaml"


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(GOOD.split()), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6,
)))  # fmt: skip
def test_whatever_a_file_holds_it_is_problems_and_never_a_crash(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "x.yaml").write_text(
        yaml.safe_dump({**yaml.safe_load(GOOD), **{k.strip(":"): v for k, v in values.items()}})
    )
    definitions = load(folder)
    assert len(definitions.by_name) + bool(definitions.problems) >= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("architectures: [amd64, arm64]", "architectures: [all]"), "architecture"),
        (("valid_days: 14", "valid_days: 0"), "at least 1"),
        (("- name: stable", "- name: ../x"), "can't be a folder"),
        (("components: [main]", "components: [Main/x]"), "is no component"),
        (("keyring: kiro-archive-keyring", "keyring: /etc/x"), "is no file name"),
        (("suites:", "suits:"), "suites: It is missing"),
        (("origin: Kiro", "origin:"), "origin: It is missing"),
        (("valid_days: 14", "installability: maybe"), "'maybe' is no choice"),
        (("valid_days: 14", "installability: true"), "installability: True is not text"),
        (("suites:", "bases: [{uri: ftp://x, suite: s, components: [main]}]\nsuites:"), "'ftp://x' is no web address"),
        (("suites:", "bases: [{uri: /x, suite: ../s, components: [main]}]\nsuites:"), "can't be a folder"),
        (("suites:", "bases: [{uri: /x, suite: s}]\nsuites:"), "components: It is missing"),
        (("suites:", "bases: {uri: /x}\nsuites:"), "bases: It is not a list"),
    ],
)
def test_a_fault_of_the_repository_is_named(tmp_path, change, said):
    path = tmp_path / "repository.yaml"
    path.write_text((CONFIG / "repository.yaml").read_text().replace(*change))
    with pytest.raises(DefinitionError, match="repository.yaml:") as refused:
        load_repository(path)
    assert said in refused.value.message


@pytest.mark.parametrize("said", ["off", "false", "warn", "hold", ""])
def test_a_suite_says_whether_packages_must_be_installable_and_beside_which_others(tmp_path, said):
    path = tmp_path / "repository.yaml"
    bases = (
        "bases:\n  - {uri: 'https://deb.example.org/debian/', suite: bookworm, components: [main]}\n"
        "  - {uri: /srv/base, suite: a/b, components: [main, x], signed_by: base.gpg}\nsuites:"
    )
    text = (CONFIG / "repository.yaml").read_text().replace("suites:", bases, 1)
    path.write_text(text.replace("valid_days: 14", f"installability: {said}" if said else ""))
    repository = load_repository(path)
    assert repository.default_suite.installability == (said if said in ("warn", "hold") else "off")
    assert [(base.uri, str(base.signed_by)) for base in repository.bases] == [
        ("https://deb.example.org/debian", DEBIANS_KEYRING), ("/srv/base", str(tmp_path / "base.gpg")),
    ]  # fmt: skip


def test_a_missing_repository_file_is_named(tmp_path):
    with pytest.raises(DefinitionError, match=r"repository.yaml:1: \(file\): "):
        load_repository(tmp_path / "repository.yaml")
