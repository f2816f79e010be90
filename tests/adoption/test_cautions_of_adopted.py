"""What an adopted repository brings that needs a person's word: held where clients have it not yet, unless allowed."""

import json
import tarfile

import pytest

from packages_app.core.caution import Caution, cautions_of, with_cautions
from packages_app.models import HeldCandidate
from packages_app.services import adapters
from tests.adoption import existing
from tests.commands.calling import call, refused
from tests.debs import ar_archive, build_deb, tar_archive
from tests.reader import read_suite
from tests.records import make_record

ADOPT = "adopt_repository"
SCRIPT = "#!/bin/sh\nset -e\ndpkg-divert --add --rename /bin/ls\nchmod u+s /usr/bin/tool\n"


@pytest.fixture
def order(tmp_path):
    """A repository with a package that is essential, one that does more, and one of a high version, to be adopted."""
    debs = [
        build_deb(tmp_path / "debs", "base", "1.0", Essential="yes"),
        build_deb(tmp_path / "debs", "core", "1.0", Essential="YES", Protected="yes"),
        build_deb(tmp_path / "debs", "tool", "1.0", Important="no", scripts={"postinst": SCRIPT}),
        build_deb(tmp_path / "debs", "vim", "2147483647:99999999999"),
    ]
    theirs = existing.plain(tmp_path / "theirs", debs)
    return (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")


def kept(stack):
    """The codes of the cautions that records keep, by the names of packages."""
    return {record.package_name: {one.code for one in cautions_of(record)} for record in stack.records()}


def held():
    return {finding["code"]: finding["items"] for finding in HeldCandidate.objects.get(state="waiting").findings}


def shown():
    return {key[0] for key in read_suite(adapters.bucket(), adapters.signer().public_keyring(), "stable")}


ESSENTIAL = ["base 1.0 amd64 essential: Essential: yes", "core 1.0 amd64 essential: Essential: yes"]
FLAGGED = {"base": {"essential"}, "core": {"essential", "protected"}, "tool": set(), "vim": set()}


def test_flags_of_stanzas_are_held(embedded, order):
    said = call(ADOPT, *order, "--pool", "none")
    assert kept(embedded) == FLAGGED
    assert "essential: 2 packages" in said
    assert "base 1.0 amd64; core 1.0 amd64" in said
    assert refused("force_rebuild", "stable").code == "candidate_held"
    assert held() == {"essential": ESSENTIAL, "protected": ["core 1.0 amd64 protected: Protected: yes"]}
    assert not embedded.dists()


def test_of_files_that_are_copied_the_content_is_looked_at_too(embedded, order):
    assert refused(ADOPT, *order).code == "candidate_held"
    assert kept(embedded) == {**FLAGGED, "tool": {"setuid", "diversion"}}
    assert set(held()) == {"essential", "protected", "setuid", "diversion"}


def test_a_setuid_file_of_a_copy_is_held(embedded, tmp_path):
    deb = build_deb(tmp_path / "debs", "tool", "1.0")
    info = tarfile.TarInfo("usr/bin/su")
    info.mode = 0o4755
    _with_member(deb, info)
    theirs = existing.plain(tmp_path / "theirs", [deb])
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
    assert refused(ADOPT, *order).code == "candidate_held"
    assert held() == {"setuid": ["tool 1.0 amd64 setuid: /usr/bin/su has mode 4755"]}


def _with_member(deb, info):
    control = b"Package: tool\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: x\n"
    parts = ("control.tar", tar_archive({"./control": control})), ("data.tar", tar_archive({}, info))
    deb.write_bytes(ar_archive(("debian-binary", b"2.0\n"), *parts))


def test_a_dry_run_says_what_stanzas_tell_and_a_second_run_says_nothing_more(embedded, order):
    said = call(ADOPT, *order, "--dry-run")
    assert "essential: 2 packages" in said
    assert "protected: 1 packages" in said
    call(ADOPT, *order, "--no-publish")
    assert "packages say" not in call(ADOPT, *order, "--dry-run") + call(ADOPT, *order, "--no-publish")


def test_what_is_allowed_is_published_in_one_step(embedded, order):
    codes = ("essential", "protected", "setuid", "diversion")
    said = call(ADOPT, *order, *(text for code in codes for text in ("--allow", code)))
    assert "waits for a person" not in said
    assert shown() == {"base", "core", "tool", "vim"}
    assert {record.other_fields for record in embedded.records()} == {""}


def test_what_is_allowed_of_one_package_is_of_no_other(embedded, order):
    allowed = ("--allow", "essential:base", "--allow", "protected", "--allow", "setuid:tools")
    assert refused(ADOPT, *order, *allowed).code == "candidate_held"
    assert kept(embedded) == {"base": set(), "core": {"essential"}, "tool": {"setuid", "diversion"}, "vim": set()}


def test_of_stanzas_alone_it_is_the_same(embedded, order):
    allowed = ("--allow", "essential:base", "--allow", "protected")
    said = call(ADOPT, *order, "--pool", "none", *allowed)
    assert kept(embedded) == {"base": set(), "core": {"essential"}, "tool": set(), "vim": set()}
    assert "essential: 1 packages" in said
    assert "protected: " not in said


def test_a_definition_may_allow_it_as_well(embedded, order):
    for name in ("base", "core"):
        embedded.define_uploads(name, allow=["essential", "protected"])
    call(ADOPT, *order, "--pool", "none")
    call("force_rebuild", "stable")
    assert shown() == {"base", "core", "tool", "vim"}


@pytest.mark.parametrize("text", ["version_jump", "bootstrap_key", "bootstrap_source", "http", "Essential", ""])
def test_what_nobody_may_allow_in_advance_is_refused(embedded, order, text):
    said = refused(ADOPT, *order, "--allow", text)
    assert (said.code, said.returncode) == ("repository_refused", 2)
    assert embedded.records() == []


def test_what_clients_have_already_holds_nothing_up(embedded, order):
    """The same bucket: their indexes are in place, signed with the key that signs on."""
    theirs = existing.ExistingRepository(order[0])
    theirs.signer = adapters.signer()
    theirs.release("dists/stable")
    for path in theirs.root.rglob("*"):
        if path.is_file():
            embedded.bucket.put(path.relative_to(theirs.root).as_posix(), path)
    keyring = theirs.keyring(order[0].parent)
    refused(ADOPT, theirs.root, "--keyring", keyring, "--suite", "stable", "--pool", "keep")
    assert kept(embedded) == FLAGGED
    assert set(held()) == {"identity"}
    call("force_rebuild", "stable", "--new-identity")
    assert shown() == {"base", "core", "tool", "vim"}


def test_a_bootstrap_package_of_theirs_is_none_of_ours(embedded, tmp_path):
    theirs = existing.plain(tmp_path / "theirs", [build_deb(tmp_path / "debs", "kiro-repo", "0.9", "all")])
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
    assert refused(ADOPT, *order).code == "candidate_held"
    assert {"bootstrap_key", "bootstrap_source"} <= set(held())


def test_a_record_keeps_what_it_knew_besides():
    found = [Caution("essential", "Essential: yes")]
    for before, rest in (
        ('{"downloads": 7}', {"downloads": 7}),
        ("some text", {"other_fields": "some text"}),
        ("", {}),
    ):
        record = with_cautions(make_record("tool", "1.0", other_fields=before), found)
        assert cautions_of(record) == tuple(found)
        assert rest.items() <= json.loads(record.other_fields).items()
        assert cautions_of(with_cautions(record, [])) == ()
        assert cautions_of(with_cautions(record, cautions_of(record), ["essential:tools", "setuid"])) == tuple(found)
        assert cautions_of(with_cautions(record, cautions_of(record), ["essential:tool"])) == ()
    untouched = make_record("tool", "1.0", other_fields='{"downloads":  7}')
    assert with_cautions(untouched, found, ["essential"]) == untouched
