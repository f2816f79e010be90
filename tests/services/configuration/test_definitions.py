"""Definitions made in the admin: in one wording, sound or refused, one version after another."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from packages_app.core.documents import ConfigurationOutdated, SetByFile
from packages_app.core.errors import DefinitionError, RightMissing
from packages_app.core.ports import Silent
from packages_app.models import DefinitionStatus
from packages_app.services import adapters
from packages_app.services.access.grants import add_grant
from packages_app.services.configuration.definition_form import MORE, field_of, fields_of, said_by, text_of
from packages_app.services.configuration.definitions import (
    definition_document,
    definition_in,
    remove_definition,
    save_definition,
)
from packages_app.services.configuration.saved_versions import history_of
from packages_app.services.intake.admit import admission_of
from packages_app.services.intake.take_in import StagedFile, take_in
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.setup.groups import ensure_groups
from packages_app.sources.registry import source_types
from tests.debs import build_deb
from tests.reader import read_stanzas

UPLOADED = {"name": "tool", "architecture": "amd64", "suites": "stable"}
VENDOR = {
    "name": "tool", "source.endpoint": "https://example.org/feed.json", "source.additional_files.signature": "x.bin",
    "source.size_limit_mb": "12", "source.signature_policy": "warn", "architecture": "amd64, arm64", "enabled": "false",
    "description": "100: a tool, and \"more\"", MORE: "retain: {newest: 3}\nrollout: [10, 100]\n",
}  # fmt: skip


@pytest.fixture
def root(db):
    return get_user_model().objects.create(username="root", is_superuser=True)


@pytest.fixture
def publisher(db):
    ensure_groups()
    user = get_user_model().objects.create(username="pub")
    user.groups.add(Group.objects.get(name="Publishers"))
    return user


UNFIT = ("Bad Name", "x" * 231, "../up", "a/b", "-tool", "t", "tööl", "tool\nname")
"""What makes no name of a package, or of its files."""


def upload_text(**more):
    text, problems = text_of("build_script", {**UPLOADED, **more})
    assert problems == ()
    return text


@pytest.mark.parametrize(("source_type", "said"), [
    ("external_download", VENDOR), ("build_script", UPLOADED),
    ("github_release", {"name": "tool", "architecture": "amd64", "source.repository": "o/r",
                        "source.prereleases": "true", "source.asset_pattern": "a_*.deb, b_*.deb",
                        MORE: "source: {later: 1}\n"}),
])  # fmt: skip
def test_a_form_and_its_text_say_the_same_in_one_wording(embedded, source_type, said):
    text, problems = text_of(source_type, said)
    assert problems == ()
    again, shown = said_by(text)
    assert (again, text_of(again, shown)[0]) == (source_type, text)
    assert {name: value for name, value in shown.items() if name in said and name != MORE} == {
        name: value for name, value in said.items() if name != MORE
    }
    assert text_of(source_type, {**said, "name": " tool "})[0] == text
    definition, faults = definition_in("tool", text)
    if "later" in text:
        assert [(fault.field, field_of(fault, source_type)) for fault in faults] == [("source.later", MORE)]
    else:
        assert (definition.name, faults) == ("tool", ())
    assert all(field.meaning and field.label for field in fields_of(source_type))


def test_faults_are_those_of_a_file_each_at_its_field(embedded):
    said = {**VENDOR, "source.endpoint": "ftp://x", "source.size_limit_mb": "many", "suites": "no-such",
            "source.signature_policy": "maybe", "priority": "high", MORE: "retain: 1\ncolour: blue\n"}  # fmt: skip
    text, _ = text_of("external_download", said)
    faults = definition_in("tool", text)[1]
    (embedded.config / "packages/tool.yaml").write_text(text)
    of_file = adapters.definitions().problems
    assert {(one.field, one.message, one.remedy) for one in faults} == {
        (one.field, one.message, one.remedy) for one in of_file
    }
    assert {field_of(one, "external_download") for one in faults} == {
        "source.endpoint", "source.size_limit_mb", "suites", "source.signature_policy", "priority", MORE,
    }  # fmt: skip
    assert [one.file for one in text_of("external_download", {**said, MORE: "a: ["})[1]] == [MORE]


@pytest.mark.parametrize("source_type", sorted(source_types()))
def test_what_the_control_paragraph_says_need_not_be_said_whatever_the_source(embedded, source_type, tmp_path):
    needed = {"external_download": {"endpoint": "https://example.org/x"}, "github_release": {"repository": "o/r"}}
    source = {"type": source_type, **needed.get(source_type, {})}
    (embedded.config / "packages/tool.yaml").write_text(f"name: tool\narchitecture: amd64\nsource: {source}\n")
    assert adapters.definitions().problems == ()
    said = {"Homepage": "https://tool.example.org", "Section": "editors", "Priority": "extra", "Description": "A tool"}
    deb = build_deb(tmp_path, "tool", "1.0", **said)
    [taken] = take_in([StagedFile(deb.name, deb)], admission_of(adapters.definitions().by_name["tool"]), Silent())
    record = taken.record
    assert (record.homepage, record.section, record.priority, record.description, record.maintainer) == (
        *said.values(), "Maintainer <maintainer@example.org>",
    )  # fmt: skip


def test_each_save_is_a_version_and_a_second_person_is_told(embedded, root):
    first = upload_text()
    save_definition("tool", first, read=0, user=root)
    assert adapters.definitions().by_name["tool"].is_document
    assert DefinitionStatus.objects.get(name="tool").file == "package/tool"
    assert save_definition("tool", first, read=1, user=root).version == 1
    renewed = upload_text(description="Renewed")
    save_definition("tool", renewed, read=1, user=root)
    for name, read in (("tool", 0), ("other", 2)):  # made by two at once; and made of another's form
        with pytest.raises(ConfigurationOutdated):
            save_definition(name, upload_text(name=name, description="Mine"), read=read, user=root)
    with pytest.raises(ConfigurationOutdated) as told:
        save_definition("tool", upload_text(description="Mine"), read=1, user=root)
    assert told.value.current.text == renewed
    for read in (0, 1):
        with pytest.raises(ConfigurationOutdated):
            remove_definition("tool", read=read, user=root)
    remove_definition("tool", read=2, user=root)
    assert (definition_document("tool"), "tool" in adapters.definitions().by_name) == (None, False)
    assert not DefinitionStatus.objects.filter(name="tool").exists()
    assert save_definition("tool", first, read=0, user=root).version == 4
    assert [(one.document.version, one.document.who, one.document.removed) for one in history_of("package/tool")] == [
        (4, "root", False), (3, "root", True), (2, "root", False), (1, "root", False),
    ]  # fmt: skip
    assert "+description: Renewed" in history_of("package/tool")[2].difference


def test_what_is_unsound_of_a_file_or_of_nobodys_right_is_refused_and_changes_nothing(embedded, root, publisher):
    (embedded.config / "packages/broken.yaml").write_text("name: [")
    embedded.define_uploads("filed")
    before = adapters.documents().mark()
    for name, text, error in (
        ("kiro-repo", upload_text(name="kiro-repo"), SetByFile), ("broken", upload_text(name="broken"), SetByFile),
        ("filed", upload_text(name="filed"), SetByFile), ("tool", upload_text(suites="none"), DefinitionError),
        ("tool", upload_text(name="other"), DefinitionError),
        *((name, upload_text(name=name), DefinitionError) for name in UNFIT),
        ("", upload_text(), DefinitionError),
    ):  # fmt: skip
        with pytest.raises(error):
            save_definition(name, text, read=0, user=root)
    with pytest.raises(RightMissing):
        save_definition("tool", upload_text(), read=0, user=publisher)
    assert adapters.documents().mark() == before
    embedded.configure(define="publishers")
    save_definition("tool", upload_text(), read=0, user=publisher)
    embedded.configure(define="nobody")
    for user in (root, publisher):
        with pytest.raises(RightMissing):
            remove_definition("tool", read=1, user=user)


def test_a_definition_gives_nobody_what_is_a_right_of_its_own(embedded, root):
    embedded.configure(define="publishers")
    user = get_user_model().objects.create(username="ann")
    add_grant(user, "publish", user=root)
    setup = "name: tool\narchitecture: all\nsuites: [stable]\ndescription: x\nmaintainer: A <a@example.org>\n"
    setup += "homepage: https://example.org\nsection: admin\npriority: optional\nbootstrap: {copy: tool.deb}\n"
    setup += "source: {type: build_script, staging_prefix: tool, templates: kiro-repo}\n"
    watched = "name: tool\narchitecture: amd64\nsuites: [stable]\nsource: {type: github_release, repository: a/b}\n"
    for own, needed in ((setup, "bootstrap"), (watched, "hotfix")):
        read = save_definition("tool", own, read=0, user=root).version
        if needed == "hotfix":
            read = remove_definition("tool", read=read, user=user).version
        for text in (upload_text(), *([setup] if needed == "bootstrap" else [])):
            with pytest.raises(RightMissing, match=f"right to {needed} of tool"):
                save_definition("tool", text + "# other\n", read=read, user=user)
        if needed == "bootstrap":
            with pytest.raises(RightMissing):
                remove_definition("tool", read=read, user=user)
        add_grant(user, needed, "tool", user=root)
        remove_definition("tool", read=save_definition("tool", upload_text(), read=read, user=user).version, user=user)


def test_a_definition_of_the_table_with_what_only_it_must_say_takes_a_build_in(embedded, root, tmp_path):
    save_definition("tool", upload_text(), read=0, user=root)
    deb = build_deb(tmp_path, "tool", "1.0", Homepage="https://tool.example.org")
    stage_upload(deb, deb.name)
    assert {(job.state, job.error) for job in embedded.run_jobs()} == {("done", "")}
    nobodys = build_deb(tmp_path / "nobodys", "tool", "2.0", Maintainer="")
    stage_upload(nobodys, nobodys.name)
    assert [(job.state, job.error_code) for job in embedded.run_jobs()] == [("failed", "package_refused")]
    [(_, stanza)] = read_stanzas(embedded.bucket, adapters.signer().public_keyring())
    assert stanza["Homepage"] == "https://tool.example.org"
