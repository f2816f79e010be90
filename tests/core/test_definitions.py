"""Definitions and repository.yaml: what is wrong is named with file, line, field and remedy (R6, P20, P21)."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.definition import load_definitions
from packages_app.core.errors import DefinitionError
from packages_app.core.repository import DEBIANS_KEYRING, load_repository
from packages_app.core.snapshot import PERIODS, SnapshotSchedule, is_of_the_clock
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


def test_the_example_of_the_documentation_is_a_definition_and_may_say_that_it_allows_nothing(tmp_path):
    example = (CONFIG.parent / "docs" / "PACKAGES.md").read_text().split("```yaml\n")[1].split("```")[0]
    source = "type: build_script\n  staging_prefix: tool"
    promotes = next(line for line in example.splitlines() if line.startswith("promote:"))  # no such suites here
    text = example.replace(promotes, "").replace("type: …", source)
    (tmp_path / "tool.yaml").write_text(text)
    definitions = load(tmp_path)
    assert (definitions.problems, definitions.by_name["tool"].allow) == ((), ())
    assert problems_of(tmp_path, GOOD.replace("architecture: amd64", "architecture: []"))


@pytest.mark.parametrize(
    ("change", "line", "field", "said"),
    [
        (("name: tool", "name: Tool"), 1, "name", "'Tool'"),
        (("priority: optional", "priority: high"), 6, "priority", "'high'"),
        (("architecture: amd64", "architecture: sparc"), 7, "architecture", "sparc "),
        (("external_download", "carrier_pigeon"), 9, "source.type", "carrier_pigeon "),
        (("https://example.org/feed.json", "ftp://x"), 10, "source.endpoint", "'ftp://x'"),
        (("https://example.org/feed.json", "https://[x"), 10, "source.endpoint", "'https://[x'"),
        (("https://example.org/feed.json", "https://x:port/"), 10, "source.endpoint", "'https://x:port/'"),
        (("section: misc", "sektion: misc"), 5, "sektion", "not known"),
        (("section: misc", "section: 7"), 5, "section", "7 "),
        (("<one@example.org>", ""), 3, "maintainer", "e-mail"),
        (("priority: optional", "suites: [nowhere]\npriority: optional"), 6, "suites", "nowhere "),
        (("priority: optional", "component: extra\npriority: optional"), 6, "component", "extra "),
        (("priority: optional", "enabled: maybe\npriority: optional"), 6, "enabled", "'maybe'"),
        (("priority: optional", "bootstrap: {copy: a/b}\npriority: optional"), 6, "bootstrap.copy", "'a/b'"),
        (("priority: optional", "allow: [version_jump]\npriority: optional"), 6, "allow", "'version_jump'"),
        (("priority: optional", "retain: {}\npriority: optional"), 6, "retain", "neither newest nor days"),
        (("priority: optional", "retain: {newest: 0}\npriority: optional"), 6, "retain.newest", "0 "),
        (("priority: optional", "retain:\n  days: -1\npriority: optional"), 7, "retain.days", "-1 "),
        (("priority: optional", "retain: {days: 99999}\npriority: optional"), 6, "retain.days", "at most 36500"),
        (("priority: optional", "retain: {newest: 1, in: x}\npriority: optional"), 6, "retain.in", "not known"),
        (("priority: optional", "promote: {from: stable}\npriority: optional"), 6, "promote.to", "missing"),
        (("priority: optional", "promote: {from: a, to: b}\npriority: optional"), 6, "promote.from", "a is no suite"),
        (("priority: optional", "promote: {from: a, to: stable}\npriority: optional"), 6, "promote.to", "at once"),
        (
            ("priority: optional", "promote: {from: a, to: b, unless: [rain]}\npriority: optional"),
            6,
            "promote.unless",
            "'rain'",
        ),
        (("architecture: amd64\n", ""), 1, "architecture", "missing"),
        (("section: misc", "name: again"), 5, "(file)", "YAML: name "),
        (("section: misc", "section: [unclosed"), 5, "(file)", "YAML: "),
    ],
)
def test_a_fault_is_named_with_line_field_and_remedy(tmp_path, change, line, field, said):
    found = problems_of(tmp_path, GOOD.replace(*change))
    matching = [p for p in found if p[1] == field and said in p[2]]
    assert matching, found
    assert matching[0][0] == line
    assert matching[0][3]


def test_all_faults_of_a_file_are_named_at_once(tmp_path):
    found = problems_of(tmp_path, "maintainer: nobody\n")
    assert {field for _, field, _, _ in found} >= {"name", "maintainer", "architecture", "source"}
    built_here = "name: tool\narchitecture: all\nsource: {type: build_script, templates: x}\n"
    assert {field for _, field, _, _ in problems_of(tmp_path, built_here)} == {
        "description", "maintainer", "homepage", "section", "priority",
    }  # fmt: skip


def test_the_faults_of_a_text_that_is_no_yaml_are_named_at_once_with_those_of_what_can_be_read(tmp_path):
    text = (
        'description: "unclosed\nmaintainer: nobody\nhomepage: a: b\narchitecture: sparc\nname: tool\nname: again\n'
        "retain: {newest: 0}\nsource:\n  type: external_download\n  certificate_fingerprint: @x\n"
        "  endpoint: ftp://x\n  additional_files:\n    certificate: *.pem\n    signature: 7\n\tx: 1\n"
    )
    found = [(line, field) for line, field, _, _ in problems_of(tmp_path, text)]
    assert found == [
        (1, "(file)"), (2, "maintainer"), (3, "(file)"), (4, "architecture"), (6, "(file)"), (7, "retain.newest"),
        (10, "(file)"), (11, "source.endpoint"), (13, "(file)"), (15, "(file)"),
    ]  # fmt: skip
    # What is within a field that can't be read is not missing; nor is what another refers to read apart from it.
    assert [each[:2] for each in problems_of(tmp_path, GOOD.replace("source:", "source: {"))] == [(10, "(file)")]
    assert len(problems_of(tmp_path, GOOD.replace("misc", "&x [").replace("optional", "*x"))) == 1
    assert len(problems_of(tmp_path, GOOD.replace("misc", "[") + "#\n" * 2000)) == 1


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.sampled_from("\t{}[]'\"&*:@,\n -#%é\x00")), max_size=6))
def test_a_damaged_text_is_problems_or_sound_and_never_a_crash(tmp_path_factory, damage):
    folder, text = tmp_path_factory.mktemp("definitions"), GOOD
    for place, sign in damage:
        text = text[:place] + sign + text[place:]
    (folder / "x.yaml").write_text(text)
    definitions = load(folder)
    assert len(definitions.by_name) + bool(definitions.problems) >= 1


BOMB = "a: &a [x]\n" + "".join(f"{one}: &{one} [{f'*{chr(ord(one) - 1)},' * 10}]\n" for one in "bcdefghi")


@pytest.mark.parametrize(
    ("hostile", "line"),
    [
        ("section: " + "[" * 5000 + "]" * 5000, 5),
        ("section:\n" + "- " * 5000 + "x", 6),
        (f"{BOMB}section: *i", 6),
        ("section: 2024-13-45", 5),
        ("section: !!timestamp x", 5),
        ("section: !!bool x", 5),
        ("section: " + "9" * 5000, 5),
        ("2024-13-45: misc", 5),
        ("section: misc\n" + "#" * 1024 * 1024, 1),
    ],
)  # fmt: skip
def test_a_text_that_is_to_exhaust_its_reader_is_one_problem_at_its_line(tmp_path, hostile, line):
    [found] = problems_of(tmp_path, GOOD.replace("section: misc", hostile))
    assert (found[1], found[0]) == ("(file)", line)
    assert len(found[2]) < 300


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "\x00", "{1: 2}", "&a [*a]"])
def test_what_is_no_mapping_is_one_problem(tmp_path, text):
    assert len(problems_of(tmp_path, text)) == 1


def test_a_bad_file_does_not_hide_the_good_ones(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: [")
    (tmp_path / "good.yaml").write_text(GOOD)
    definitions = load(tmp_path)
    assert list(definitions.by_name) == ["tool"]
    assert definitions.problems[0].file == "bad.yaml"


def test_a_definition_of_several_packages_claims_each_of_their_names(tmp_path):
    several = f"packages: [tool-doc, tool, libtool1]\n{GOOD}"
    (tmp_path / "a.yaml").write_text(several)
    (tmp_path / "b.yaml").write_text(GOOD.replace("name: tool", "name: tool-doc"))
    (tmp_path / "c.yaml").write_text(several.replace("name: tool", "name: other").replace("tool-doc", "Tool_doc"))
    copied = "bootstrap: {copy: set.deb}\npackages: [more]\n"
    (tmp_path / "d.yaml").write_text(copied + GOOD.replace("name: tool", "name: set"))
    definitions = load(tmp_path)
    assert {name: one.file for name, one in definitions.by_package.items()} == {
        "libtool1": "a.yaml", "tool": "a.yaml", "tool-doc": "a.yaml",
    }  # fmt: skip
    assert definitions.by_name["tool"].names == ("tool", "tool-doc", "libtool1")
    found = [(problem.file, problem.field, problem.message.split()[0]) for problem in definitions.problems]
    assert found == [
        ("b.yaml", "name", "tool-doc"), ("c.yaml", "packages", "'Tool_doc'"), ("c.yaml", "packages", "libtool1"),
        ("c.yaml", "packages", "tool"), ("d.yaml", "packages", "A"),
    ]  # fmt: skip


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
        (("valid_days: 14", "valid_days: 9999999999"), "at most 36500"),
        (("origin: Kiro", 'origin: "Kiro\\nSuite: x"'), "origin: 'Kiro\\nSuite: x' is more than one line"),
        (("valid_days: 14", "valid_days: 14\n    retain: {newest: 0}"), "retain.newest"),
        (("- name: stable", "- name: ../x"), "can't be a folder"),
        (("- name: stable", f"- name: {'x' * 65}"), "can't be a folder"),
        (("components: [main]", "components: [Main/x]"), "is no component"),
        (("keyring: kiro-archive-keyring", "keyring: /etc/x"), "is no file name"),
        (("suites:", "suits:"), "suites: It is missing"),
        (("origin: Kiro", "origin:"), "origin: It is missing"),
        (("valid_days: 14", "installability: maybe"), "'maybe' is no choice"),
        (("valid_days: 14", "installability: true"), "installability: True is not text"),
        (("valid_days: 14", "but_automatic_upgrades: true"), "but_automatic_upgrades"),
        (("valid_days: 14", "signed_by: ABCD"), "'ABCD' is no fingerprint"),
        (("valid_days: 14", "changelogs: https://a.example/x"), "is no address of changelogs"),
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


SUITE_LINE = "suites:\n"


@pytest.mark.parametrize(
    ("field", "was", "written"),
    [
        ("snapshots_address", SUITE_LINE, f"snapshots_address: {address}\n{SUITE_LINE}")
        for address in ("https://apt.example.org/snapshots/", "apt.example.org/snapshots/@SNAPSHOTID@/", "'no'",
                        "https://apt.example.org/@SNAPSHOTID@/", "https://a@b/snapshots/@SNAPSHOTID@/",
                        "'https://apt.example.org/x y/snapshots/@SNAPSHOTID@/'")
    ] + [
        ("suites[0].snapshots.every", "    codename:", "    snapshots: {every: hour, keep: 8}\n    codename:"),
        ("suites[0].snapshots.every", "    codename:", "    snapshots: {keep: 8}\n    codename:"),
        ("suites[0].snapshots.keep", "    codename:", "    snapshots: {every: week, keep: 0}\n    codename:"),
        ("suites[0].snapshots", "    codename:", "    snapshots: week\n    codename:"),
        ("suites[0].snapshots.keeps", "    codename:", "    snapshots: {every: week, keeps: 1}\n    codename:"),
        ("suites[0].components", "components: [main]", "components: [main, snapshots]"),
    ],
)  # fmt: skip
def test_snapshots_that_cannot_be_are_refused_with_their_field(tmp_path, field, was, written):
    text = (CONFIG / "repository.yaml").read_text()
    assert was in text
    (tmp_path / "repository.yaml").write_text(text.replace(was, written, 1))
    with pytest.raises(DefinitionError, match=rf": {re.escape(field)}: "):
        load_repository(tmp_path / "repository.yaml")


def test_snapshots_are_read_as_they_are_written(tmp_path):
    text = (CONFIG / "repository.yaml").read_text()
    assert (REPOSITORY.snapshots_address, REPOSITORY.default_suite.snapshots) == ("", None)
    for line in ("snapshots_address: ", "snapshots: {"):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    (tmp_path / "repository.yaml").write_text(text)
    repository = load_repository(tmp_path / "repository.yaml")
    assert repository.snapshots_address == "https://apt.example.org/snapshots/@SNAPSHOTID@/"
    assert repository.default_suite.snapshots == SnapshotSchedule("week", 8)
    moment = datetime(2027, 1, 1, tzinfo=UTC)  # a Friday of the last week of 2026
    ids = [SnapshotSchedule(every, 1).id_at(moment) for every in PERIODS]
    assert ids == ["day-2027-01-01", "week-2026-W53", "month-2027-01"]
    assert [is_of_the_clock(one) for one in ids] == [True, True, True]
