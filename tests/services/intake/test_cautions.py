"""What needs a person's word is held back before any client gets it, and let go by the definition or by approval."""

import tarfile

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Job
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.publish import publish
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.debs import COMPRESS, ar_archive, build_deb, tar_archive
from tests.reader import read_suite
from tests.verified import copy_of, made_once

KEYRING = "usr/share/keyrings/kiro-archive-keyring.gpg"
SOURCE = "etc/apt/sources.list.d/kiro-repo.sources"
TEXT = (
    "Types: deb\nURIs: https://apt.example.org\nSuites: stable\nComponents: main\n"
    "Signed-By: /usr/share/keyrings/kiro-archive-keyring.gpg\n"
)


@pytest.fixture(scope="session")
def tool_once(tmp_path_factory, django_db_setup, django_db_blocker):
    """Make what `tool` copies."""

    def fill(stack):
        stack.define_uploads("tool")
        upload(build_deb(tmp_path_factory.mktemp("debs"), "tool", "1.0"))
        assert states(stack.run_jobs()) == [("intake_upload", ""), ("publish", "")]

    return made_once(django_db_blocker, tmp_path_factory.mktemp("tool"), fill)


@pytest.fixture
def tool(tool_once, tmp_path, settings, db):
    """A repository that shows tool 1.0."""
    return copy_of(*tool_once, tmp_path / "home", settings)


@pytest.fixture
def user(db):
    return get_user_model().objects.create_superuser("ann")


def upload(deb):
    return stage_upload(deb, deb.name)


def states(jobs):
    return [(job.kind, job.error_code) for job in jobs]


def shown(suite="stable"):
    return {key[:2] for key in read_suite(adapters.bucket(), adapters.signer().public_keyring(), suite)}


def held_for(stack, deb):
    """Upload a package; give the codes that hold it back, none when it is published."""
    before = stack.dists(), list(stack.bucket.keys(""))
    upload(deb)
    jobs = stack.run_jobs()
    assert jobs[0].state == "done", jobs[0].error
    waiting = HeldCandidate.objects.filter(state="waiting").first()
    if waiting is None:
        assert jobs[-1].state == "done"
        return set()
    assert jobs[-1].error_code == "candidate_held"
    assert stack.dists() == before[0]
    assert {key for key, _ in stack.bucket.keys("")} - {key for key, _ in before[1]} <= {
        record.pool_path for record in stack.records()
    }
    return {finding["code"] for finding in waiting.findings}


def deb_of(folder, data, *, ending=".xz", name="tool", version="2.0"):
    """Build a package around a data member that is packed already."""
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n"
        "Section: misc\nPriority: optional\nDescription: x\n"
    )
    packed = COMPRESS[".gz"](tar_archive({"./control": control.encode()}))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_{version}_amd64.deb"
    path.write_bytes(ar_archive(("debian-binary", b"2.0\n"), ("control.tar.gz", packed), (f"data.tar{ending}", data)))
    return path


def member(name, mode, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.mode, info.type = mode, kind
    info.linkname = "./usr/bin/x" if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE) else ""
    return info


@pytest.mark.parametrize("flag", ["Essential", "Important", "Protected"])
def test_what_installs_itself_on_every_client_is_held(tool, tmp_path, flag):
    assert held_for(tool, build_deb(tmp_path, "tool", "2.0", **{flag: "yes"})) == {flag.lower()}
    tool.define_uploads("tool", allow=[flag.lower()])
    assert held_for(tool, build_deb(tmp_path, "tool", "2.1", **{flag: "yes"})) == set()
    assert shown() == {("tool", version) for version in ("1.0", "2.0", "2.1")}


def test_what_says_no_is_not(tool, tmp_path):
    assert held_for(tool, build_deb(tmp_path, "tool", "2.0", Essential="no")) == set()


@pytest.mark.parametrize("ending", sorted(COMPRESS))
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.LNKTYPE])
def test_a_setuid_file_is_held_wherever_it_stands(tool, tmp_path, ending, kind):
    files = {"./usr/bin/x": b"x", **{f"./usr/share/doc/tool/{number}": bytes(number) for number in range(300)}}
    data = tar_archive(files, member(f"./usr/{'l' * 200}/su", 0o4755, kind))
    assert held_for(tool, deb_of(tmp_path, COMPRESS[ending](data), ending=ending)) == {"setuid"}
    [caution] = HeldCandidate.objects.get(state="waiting").findings
    assert caution["items"] == [f"tool 2.0 amd64 setuid: /usr/{'l' * 200}/su has mode 4755"]


def test_a_setuid_file_in_a_second_stream_is_held(tool, tmp_path):
    data = tar_archive({"./usr/share/x": b"x" * 5000}, member("./usr/bin/su", 0o2755))
    halves = b"".join(COMPRESS[".gz"](part) for part in (data[:4096], data[4096:]))
    assert held_for(tool, deb_of(tmp_path, halves, ending=".gz")) == {"setuid"}


def test_other_modes_are_not(tool, tmp_path):
    odd = [
        member("./usr/bin/x", 0o755),
        member("./var/mail", 0o2775, tarfile.DIRTYPE),
        member("./usr/bin/y", 0o7777, tarfile.SYMTYPE),
    ]
    assert held_for(tool, deb_of(tmp_path, COMPRESS[".xz"](tar_archive({}, *odd)))) == set()


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("dpkg-divert --add --rename --divert /bin/ls.old /bin/ls", {"diversion"}),
        ("chmod 4755 /usr/bin/tool", {"setuid"}),
        ("chmod u+s /usr/bin/tool", {"setuid"}),
        ("chmod a+rxs,g-w /usr/bin/tool", {"setuid"}),
        ("dpkg-statoverride --add root crontab 2755 /usr/bin/tool", {"setuid"}),
        ("setcap cap_net_raw+ep /usr/bin/tool", {"setuid"}),
        ("chmod 0755 /usr/bin/tool; chmod 2775 /var/lib/tool; chmod -R u+rwX,go-s /var/lib/tool", set()),
    ],
)
def test_scripts_that_divert_files_or_give_rights_are_held(tool, tmp_path, line, codes):
    deb = build_deb(tmp_path, "tool", "2.0", scripts={"postinst": f"#!/bin/sh\nset -e\n{line}\n"})
    assert held_for(tool, deb) == codes


@pytest.mark.parametrize(
    ("before", "version", "held"),
    [
        ((), "2147483647:9", True),
        ((), "1:9.0", True),
        ((), "99999999999.0", True),
        (("1:1.5",), "1:2.0", False),
        (("1:1.5",), "2:0.1", True),
        ((), "20261127120000.0", True),
        ((), "20261127-1", False),
        ((), "1000.0", False),
    ],
)
def test_a_version_beyond_all_others_is_held(tool, tmp_path, user, before, version, held):
    for number, known in enumerate(before):
        held_for(tool, build_deb(tmp_path / str(number), "tool", known))
        approve(HeldCandidate.objects.get(state="waiting"), user)
        tool.run_jobs()
    assert held_for(tool, build_deb(tmp_path / "x", "tool", version)) == ({"version_jump"} if held else set())


def test_what_was_approved_is_no_jump_any_more(tool, tmp_path, user):
    pairs = (("20261127120000.0", "20261128120000.0"), ("7:5.0", "7:5.1"), ("7:20261127120000", "7:20261128120000"))
    for first, later in pairs:
        assert held_for(tool, build_deb(tmp_path, "tool", first)) == {"version_jump"}
        approve(HeldCandidate.objects.get(state="waiting"), user)
        assert states(tool.run_jobs()) == [("publish", "")]
        assert held_for(tool, build_deb(tmp_path, "tool", later)) == set()


def test_a_new_package_may_have_an_epoch_like_those_of_debian(tool, tmp_path):
    for name, version, held in (("vim", "2:9.1", set()), ("odd", "2147483647:9", {"version_jump"})):
        tool.define_uploads(name)
        assert held_for(tool, build_deb(tmp_path, name, version)) == held


def test_what_is_approved_once_is_approved_of_later_versions(tool, tmp_path, user):
    assert held_for(tool, build_deb(tmp_path, "tool", "3:7.0", Essential="yes")) == {"essential", "version_jump"}
    approve(HeldCandidate.objects.get(state="waiting"), user)
    assert states(tool.run_jobs()) == [("publish", "")]
    assert ("tool", "3:7.0") in shown()
    assert held_for(tool, build_deb(tmp_path, "tool", "3:7.1", Essential="yes")) == set()
    assert held_for(tool, build_deb(tmp_path, "tool", "4:7.2", Protected="yes")) == {"protected", "version_jump"}


def test_what_is_rejected_leaves_the_suite_and_holds_up_nothing(tool, tmp_path, user):
    assert held_for(tool, build_deb(tmp_path, "tool", "9:5.0", Essential="yes"))
    upload(build_deb(tmp_path, "tool", "1.1"))
    upload(build_deb(tmp_path, "tool", "9:5.2"))  # beyond what is held, and no less a jump
    assert states(tool.run_jobs())[-1] == ("publish", "candidate_held")
    assert reject_candidate(HeldCandidate.objects.get(state="waiting"), user) == [
        "tool 9:5.0 amd64", "tool 9:5.2 amd64",
    ]  # fmt: skip
    assert states(tool.run_jobs()) == [("publish", "")]
    assert shown() == {("tool", "1.0"), ("tool", "1.1")}
    # What was rejected paves no way for another.
    assert held_for(tool, build_deb(tmp_path, "tool", "9:5.1")) == {"version_jump"}


def test_a_whole_draft_and_a_force_rebuild_hold_it_too(tool, tmp_path):
    assert held_for(tool, build_deb(tmp_path, "tool", "2.0", Essential="yes")) == {"essential"}
    before = tool.dists()
    for whole in ({"rebuild": True}, {"whole": True}, {"resign": True}):
        _publish(**whole)
        assert shown() == {("tool", "1.0")}
    assert {key for key in tool.dists() if "by-hash" not in key} == {key for key in before if "by-hash" not in key}


def _publish(**options):
    if options == {"resign": True}:
        publish("stable", Silent(), options=PublicationOptions(**options))
        return
    with pytest.raises(CandidateHeld) as held:
        publish("stable", Silent(), options=PublicationOptions(**options))
    assert [finding.code for finding in held.value.findings] == ["essential"]


# Bootstrap packages


def bootstrap(folder, version="9.9", *, files=None, scripts=None):
    return build_deb(folder, "kiro-repo", version, "all", files=files, scripts=scripts)


def sound():
    return {KEYRING: adapters.signer().public_keyring(), SOURCE: TEXT.encode()}


def another():
    return OpenPgpSigner(generate_key("Another"))


def changed(old, new):
    return {**sound(), SOURCE: TEXT.replace(old, new).encode()}


@pytest.fixture(scope="session")
def started_once(tmp_path_factory, django_db_setup, django_db_blocker):
    """Make what `started` copies."""

    def fill(stack):
        queue.enqueue(Job.Kind.BUILD, {"name": "kiro-repo", "version": "1.0.0"})
        assert states(stack.run_jobs()) == [("build_bootstrap", ""), ("publish", "")]
        assert not HeldCandidate.objects.exists()

    return made_once(django_db_blocker, tmp_path_factory.mktemp("started"), fill)


@pytest.fixture
def started(started_once, tmp_path, settings, db):
    """A repository whose first bootstrap package was built from the template, and published."""
    return copy_of(*started_once, tmp_path / "home", settings)


LIST = "etc/apt/sources.list.d/kiro.list"
LINE = f"deb [signed-by=/{KEYRING}] https://apt.example.org/ stable main\n".encode()
SHIPPED = "usr/share/kiro-repo/kiro-repo.sources"
SECOND = f"{TEXT}\nTypes: deb\nURIs: https://e.example\n".encode()


def with_keyring(body):
    return {**sound(), KEYRING: body}


def with_key_and(files):
    return {KEYRING: adapters.signer().public_keyring(), **files}


CASES = {
    "the readme only": (lambda: None, None, {"bootstrap_key", "bootstrap_source"}),
    "no keyring": (lambda: {SOURCE: TEXT.encode()}, None, {"bootstrap_key"}),
    "another keyring": (lambda: with_keyring(another().public_keyring()), None, {"bootstrap_key"}),
    "no keyring at all": (lambda: with_keyring(b"\xffkey"), None, {"bootstrap_key"}),
    "an armored keyring": (lambda: with_keyring(adapters.signer().public_armored()), None, {"bootstrap_key"}),
    "no source": (lambda: with_key_and({}), None, {"bootstrap_source"}),
    "another address": (lambda: changed("apt.example.org", "apt.example.net"), None, {"bootstrap_source"}),
    "a second address": (lambda: changed("URIs: ", "URIs: https://e.example "), None, {"bootstrap_source"}),
    "without a key": (lambda: changed("Signed-By: /usr", "X-Signed-By: /usr"), None, {"bootstrap_source"}),
    "trusted": (lambda: changed("Types: deb", "Types: deb\nTrusted: yes"), None, {"bootstrap_source"}),
    "switched off": (lambda: changed("Types: deb", "Types: deb\nEnabled: no"), None, {"bootstrap_source"}),
    "another suite": (lambda: changed("Suites: stable", "Suites: nosuch"), None, {"bootstrap_source"}),
    "sources alone": (lambda: changed("Types: deb", "Types: deb-src"), None, {"bootstrap_source"}),
    "a line for another suite": (
        lambda: with_key_and({LIST: LINE.replace(b"stable", b"nosuch")}),
        None,
        {"bootstrap_source"},
    ),
    "conffiles of others": (sound, {"conffiles": "remove-on-upgrade /etc/apt/sources.list\n"}, {"bootstrap_scripts"}),
    "a second repository": (lambda: with_key_and({SOURCE: SECOND}), None, {"bootstrap_source"}),
    "a second file": (lambda: {**sound(), LIST: b"deb https://e.example x y\n"}, None, {"bootstrap_source"}),
    "shipped and not written": (lambda: with_key_and({SHIPPED: TEXT.encode()}), None, {"bootstrap_source"}),
    "a script": (sound, {"postinst": "#!/bin/sh\nrm -rf /\n"}, {"bootstrap_scripts"}),
    "a configuration of apt": (lambda: {**sound(), "etc/apt/apt.conf.d/99x": b"x"}, None, {"bootstrap_files"}),
    "sound": (sound, None, set()),
    "sound, a line": (lambda: with_key_and({LIST: LINE}), None, set()),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bootstrap_package_is_for_our_repository_and_key_or_held(started, tmp_path, case):
    files, scripts, codes = CASES[case]
    copy = started.bucket.read("kiro-repo.deb")
    assert held_for(started, bootstrap(tmp_path, files=files(), scripts=scripts)) == codes
    assert (started.bucket.read("kiro-repo.deb") == copy) is bool(codes)


def test_a_definition_may_allow_other_scripts_and_files_but_no_other_key(started, tmp_path):
    started.define(
        "kiro-repo", {"type": "build_script", "staging_prefix": "kiro-repo", "templates": "kiro-repo"},
        architecture="all", bootstrap={"copy": "kiro-repo.deb"}, allow=["bootstrap_scripts", "bootstrap_files"],
    )  # fmt: skip
    odd = {"etc/apt/preferences.d/kiro": b"x"}
    scripts = {"postinst": "#!/bin/sh\n"}
    assert held_for(started, bootstrap(tmp_path, "2.0", files={**sound(), **odd}, scripts=scripts)) == set()
    assert held_for(started, bootstrap(tmp_path, "3.0", files={SOURCE: TEXT.encode()})) == {"bootstrap_key"}


def test_approving_one_without_key_says_nothing_of_the_next(started, tmp_path, user):
    assert held_for(started, bootstrap(tmp_path, "2.0", files={SOURCE: TEXT.encode()})) == {"bootstrap_key"}
    approve(HeldCandidate.objects.get(state="waiting"), user)
    started.run_jobs()
    assert ("kiro-repo", "2.0") in shown()
    assert held_for(started, bootstrap(tmp_path, "2.1", files={SOURCE: TEXT.encode()})) == {"bootstrap_key"}


def test_a_build_for_another_address_or_beyond_all_versions_is_held(started):
    for arguments, codes in (
        ({"version": "2.0", "repository_url": "https://new.example.org"}, {"bootstrap_source"}),
        ({"version": "2147483647:9"}, {"bootstrap_source", "version_jump"}),
    ):
        queue.enqueue(Job.Kind.BUILD, {"name": "kiro-repo", **arguments})
        assert states(started.run_jobs()) == [("build_bootstrap", ""), ("publish", "candidate_held")]
        assert {one["code"] for one in HeldCandidate.objects.get(state="waiting").findings} == codes
