"""What dpkg and apt themselves complain of is found, named, and costs no other package its place."""

import itertools
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.debian.real_readers import Offered, complaint_of_apt, complaints_of, spoilers
from packages_app.models import Job
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.intake.uploads import stage_upload
from tests.debs import build_deb
from tests.programs import put_before

pytestmark = pytest.mark.outside
ARCHITECTURES = ("amd64", "arm64")


def offered(name="tool", version="1.0", architecture="amd64", **fields):
    """Return a package; fields by keyword, `Pre_Depends` for `Pre-Depends`."""
    control = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "Maintainer <maintainer@example.org>",
        "Description": f"the package {name}",
        **{field.replace("_", "-"): value for field, value in fields.items()},
    }
    text = "\n".join(f"{field}: {value}" for field, value in control.items())
    stanza = f"{text}\nFilename: pool/main/t/{name}/x.deb\nSize: 4\nSHA256: {'a' * 64}\n"
    return Offered(name, version, architecture, text, stanza)


SOUND = [
    offered("aa", Depends="libc6 (>= 2.36), bb | cc:any (<< 1:2~rc1-1)", Provides="virtual (= 1.0), other"),
    offered("aa", "2:1.0", "arm64", Multi_Arch="same"),
    offered("aa", "0.9", Conflicts="zz", Essential="no"),
    offered("data", "1", "all", Multi_Arch="foreign", Description="x\n more\n .\n text"),
]
BAD = {
    "boolean": {"Essential": "maybe"},
    "quadstate": {"Multi_Arch": "maybe"},
    "alternatives": {"Conflicts": "foo | bar", "Provides": "foo:i386"},
    "a comma at the end": {"Depends": "foo,"},
    "an empty member": {"Depends": "libc6,, x"},
    "an architecture": {"Depends": "libc6 [amd64]"},
    "a version in a relation": {"Depends": "foo (>= v1.2)"},
    "the version": {"Version": "v1.2.3"},
    "the status": {"Status": "install ok installed"},
    "a range that is provided": {"Provides": "foo (>= 1)"},
    "a length": {"Section": "x" * 70_000},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_a_package_that_a_client_can_not_read_is_found_among_sound_ones(fields):
    assert complaints_of(SOUND, ARCHITECTURES) == {}
    for place in range(len(SOUND) + 1):
        packages = [*SOUND[:place], offered("bad", **fields), *SOUND[place:]]
        assert complaints_of(packages, ARCHITECTURES).keys() == {place}


def test_several_are_found_at_once_each_with_its_own_reason():
    packages = [SOUND[0], *(offered(f"bad{number}", **fields) for number, fields in enumerate(BAD.values())), SOUND[3]]
    found = complaints_of(packages, ARCHITECTURES)
    assert found.keys() == set(range(1, len(BAD) + 1))
    assert len(set(found.values())) == len(BAD) - 1  # dpkg has one sentence for a comma too many, wherever it stands


@pytest.mark.parametrize("fields", [{"Depends": "tool (< 1)"}, {"Revision": "3"}])
def test_what_dpkg_only_warns_of_it_unpacks(fields):
    assert complaints_of([offered("odd", **fields)], ("amd64",)) == {}


def test_who_has_no_maintainer_and_no_description_is_read():
    without = offered("odd")
    kept = "\n".join(line for line in without.control.split("\n") if not line.startswith(("Maint", "Desc")))
    assert complaints_of([Offered("odd", "1.0", "amd64", kept, without.stanza)], ARCHITECTURES) == {}


@pytest.mark.parametrize(
    ("fields", "ends_by"), [({"Section": "x" * 70_000}, "SIGABRT"), (BAD["alternatives"], "SIGSEGV")]
)
def test_apt_that_ends_by_a_signal_is_a_complaint(fields, ends_by):
    assert ends_by in complaint_of_apt([SOUND[0], offered("bad", **fields)], ARCHITECTURES)
    assert complaint_of_apt(SOUND, ARCHITECTURES) == complaint_of_apt([], ARCHITECTURES) == ""


def test_that_apt_takes_very_long_over_a_package_is_a_complaint():
    # apt looks each up among all before it: 0.95 s of 2026's processor for 4,000, and 25 s for 20,000.
    slow = offered("slow", Depends=", ".join(f"p:a{number}" for number in range(20_000)))
    assert "SIGXCPU" in complaint_of_apt([SOUND[0], slow], ARCHITECTURES, of_processor=1)
    assert complaint_of_apt(SOUND, ARCHITECTURES, of_processor=1) == ""


@given(st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_each_thing_that_is_complained_of_is_found_and_nothing_else(count, bad):
    bad = {place for place in bad if place < count}
    assert spoilers(range(count), lambda some: "bad" if bad & set(some) else "").keys() == bad


def test_of_two_that_only_together_are_complained_of_the_last_is_named():
    for first, last in itertools.combinations(range(9), 2):
        found = spoilers(range(9), lambda some, pair={first, last}: "both" if pair <= set(some) else "")
        assert found == {last: "both"}


def test_debians_own_packages_are_complained_of_by_neither():
    lists = max(Path("/var/lib/apt/lists").glob("*_main_binary-amd64_Packages*"), key=lambda path: path.stat().st_size)
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(lists)], capture_output=True, check=True).stdout
    packages = []
    for stanza in list(filter(None, text.decode().split("\n\n")))[::60]:
        lines = stanza.split("\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))
        own = "\n".join(line for line in lines if not line.startswith(("Filename:", "Size:", "MD5sum:", "SHA256:")))
        packages.append(Offered(fields["Package"], fields["Version"], fields["Architecture"], own, f"{stanza}\n"))
    assert len(packages) > 500
    assert complaints_of(packages, ARCHITECTURES) == {}


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Let each start of dpkg and apt-get write a line; gives how many there were of each."""
    folder, log = tmp_path / "bin", tmp_path / "started"
    for name in ("dpkg", "apt-get"):
        put_before(monkeypatch, folder, name, f'echo {name} >> {log}\nexec REAL "$@"')

    def count():
        lines = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return {name: lines.count(name) for name in ("dpkg", "apt-get")}

    return count


def test_the_programs_are_started_once_for_a_batch_however_large(counted):
    for size in (1, 2, 60):
        assert complaints_of([offered(f"p{number}") for number in range(size)], ARCHITECTURES) == {}
        assert counted() == {"dpkg": 1, "apt-get": 2}


def test_intake_takes_the_sound_ones_of_a_batch_and_names_what_apt_says_of_the_other(
    embedded, settings, tmp_path, monkeypatch
):
    settings.APT_CHECK = "auto"
    for name in ("tool", "other", "bad"):
        embedded.define_uploads(name)
    debs = [build_deb(tmp_path, name, "1.0") for name in ("tool", "other")]
    bad = build_deb(tmp_path, "bad", "1.0")
    # Our own reader takes nothing that this apt refuses; a later one may end by a signal at what is sound today.
    put_before(
        monkeypatch, tmp_path / "bin", "apt-get", 'grep -q "^Package: bad" "$3" && kill -ABRT $$\nexec REAL "$@"'
    )
    stage_batch([(deb.name, deb.read_bytes()) for deb in (debs[0], bad, debs[1])])
    [job, *_] = embedded.run_jobs()
    assert {record.package_name for record in embedded.records()} == {"tool", "other"}
    assert "SIGABRT" in str(job.result)
    upload = stage_upload(bad, bad.name)
    embedded.run_jobs()
    upload.refresh_from_db()
    assert (upload.state, upload.error_code) == (Job.State.FAILED, "invalid_deb")


def test_who_switches_apt_off_is_not_asked(embedded, settings, tmp_path, counted):
    embedded.define_uploads("tool")
    for choice, starts in (("off", 0), ("auto", 1)):
        settings.APT_CHECK = choice
        stage_upload(build_deb(tmp_path, "tool", f"1.{starts}"), "tool.deb")
        embedded.run_jobs(once=True)
        assert counted()["dpkg"] == starts


def test_apt_reads_as_a_client_of_each_architecture_of_the_repository(embedded, settings, tmp_path, monkeypatch):
    settings.APT_CHECK = "auto"
    embedded.define_uploads("tool")
    upload = build_deb(tmp_path, "tool", "1.0")
    # An apt that fails at clients of one architecture.
    for_arm64 = 'apt-config dump APT::Architectures | grep -q arm64 && kill -ABRT $$\nexec REAL "$@"'
    put_before(monkeypatch, tmp_path / "bin", "apt-get", for_arm64)
    for architectures, code in ((["amd64", "arm64"], "invalid_deb"), (["amd64"], "")):
        embedded.configure(suites=[{"architectures": architectures}])
        stage_upload(upload, upload.name)
        assert embedded.run_jobs()[0].error_code == code


def test_what_only_an_install_ends_by_a_signal_at_is_complained_of_too(tmp_path, monkeypatch):
    at_install = 'case "$* " in *" install aa:amd64=1.0 "*) kill -SEGV $$ ;; esac\nexec REAL "$@"'
    put_before(monkeypatch, tmp_path / "bin", "apt-get", at_install)
    found = complaints_of([offered("aa"), offered("bb")], ARCHITECTURES)
    assert list(found) == [0]
    assert "SIGSEGV" in found[0]
