"""`adopt_repository`: repositories of real tools taken over, and every way in which one is refused."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
from functools import partial

import pytest

from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Package
from packages_app.services import adapters
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.signing.openpgp import generate_key
from tests import prepared
from tests.adoption import existing
from tests.adoption.existing import Served
from tests.commands.calling import call
from tests.commands.calling import refused as refused_command
from tests.debs import build_deb
from tests.reader import read_everything, read_suite
from tests.stack import REPOSITORY
from tests.values import numbers_in

MAKERS = [existing.plain, existing.reprepro, existing.aptly, existing.deb_s3]


run = partial(call, "adopt_repository")
refused = partial(refused_command, "adopt_repository")


def counts(said):
    """What an adoption counts: packages, those new, those known, and records written unless it was a dry run."""
    [line] = [line for line in said.splitlines() if re.match(r"\d+ packages: ", line)]
    return numbers_in(line)


def published(stack):
    return read_everything(stack.bucket, adapters.signer().public_keyring())


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_what_a_tool_has_made_is_taken_over_whole(embedded, tmp_path, debs, make):
    debs = debs[1:] if make is existing.reprepro else debs  # it holds one version of a package
    theirs = make(tmp_path / "theirs", debs)
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
    assert counts(run(*order)) == [len(debs), len(debs), 0, len(debs)]
    records = {record.version: record for record in embedded.records()}
    bodies = {hashlib.sha256(deb.read_bytes()).hexdigest() for deb in debs}
    assert {record.sha256_hash for record in records.values()} == bodies
    everywhere = {("libgreet", "0.1", "amd64"), ("libgreet", "0.1", "arm64")}
    assert published(embedded) == {("hello", version, "amd64") for version in set(records) - {"0.1"}} | everywhere
    for record in records.values():
        folder = "libg/libgreet" if record.package_name == "libgreet" else "h/hello"
        assert record.pool_path.rpartition("/")[0] == f"pool/main/{folder}"
        assert (record.package_type, record.missing_fields()) == ("adopted", ())
    assert "Depends: libc6 (>= 2.34) | musl\n" in records["1:2.0~rc1+b1-1"].control
    assert records["0.1"].description == "greets\n At\n .\n length."
    assert Package.objects.count() == len(debs)
    assert counts(run(*order)) == [len(debs), 0, len(debs), 0]


def test_a_flat_repository(embedded, tmp_path, debs):
    theirs = existing.flat(tmp_path / "theirs", debs)
    run(theirs.root, "--keyring", theirs.keyring(tmp_path), "--flat", "stable")
    assert len(published(embedded)) == 4


def test_over_the_web_with_odd_names_and_a_detached_signature(embedded, theirs, tmp_path):
    theirs.release("dists/stable", detached=True)
    with Served(theirs.root) as served:
        run(served.url, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
        [odd] = [record for record in embedded.records() if "+" in record.version]
        assert odd.deb_url == f"{served.url}/pool/main/h/hello/hello_2.0~rc1%2Bb1-1_amd64.deb"
    assert len(published(embedded)) == 4


def test_files_that_are_in_our_bucket_already_are_kept_where_they_are(embedded, tmp_path, debs, settings):
    theirs = existing.deb_s3(tmp_path / "theirs", debs)
    # The same bucket: their indexes are in place too, signed with their key, until ours replace them.
    for path in theirs.root.rglob("*.*"):
        if path.is_file():
            embedded.bucket.put(path.relative_to(theirs.root).as_posix(), path)
    embedded.bucket.put("dists/stable/InRelease", theirs.root / "dists/stable/InRelease")
    before = {key: embedded.bucket.head(key) for key, _ in embedded.bucket.keys("pool/")}
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable", "--pool", "keep")
    settings.SIGNING_KEY = generate_key("Our archive")
    assert refused(*order).code == "candidate_held"  # their clients do not know our key
    assert HeldCandidate.objects.get().findings[0]["code"] == "signing_key_changed"
    force_rebuild([], Silent(), new_key=True, new_identity=True)
    assert {key: embedded.bucket.head(key) for key, _ in embedded.bucket.keys("pool/")} == before
    assert {record.pool_path for record in embedded.records()} == set(before)
    assert len(published(embedded)) == 4


def test_what_can_not_be_kept_is_named(embedded, tmp_path, debs):
    theirs = existing.deb_s3(tmp_path / "theirs", debs)
    keep = ("--keyring", theirs.keyring(tmp_path), "--pool", "keep")
    [first, *_] = (theirs.root / "pool").rglob("hello_1.0*.deb")
    path = first.relative_to(theirs.root).as_posix()
    said = refused(theirs.root, *keep, "--suite", "stable")
    assert said.code == "repository_refused"
    assert path in said
    flat = existing.flat(tmp_path / "flat", debs)
    said = refused(flat.root, "--keyring", flat.keyring(flat.root), "--pool", "keep", "--flat", "stable")
    assert said.code == "repository_refused"
    assert debs[0].name in said
    assert "pool/" in said
    embedded.bucket.put(path, b"short")
    said = refused(theirs.root, *keep, "--suite", "stable")
    assert said.code == "repository_refused"
    assert "5 bytes" in said
    assert embedded.records() == []


def test_suites_and_components_are_mapped(embedded, tmp_path, debs):
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing", "components": ["main", "extra"]}])
    theirs = existing.plain(tmp_path / "theirs", debs[:2], suite="bookworm", component="contrib")
    existing.index(theirs, "trixie", "contrib")
    order = (
        theirs.root,
        "--keyring",
        theirs.keyring(tmp_path),
        "--suite",
        "bookworm=stable",
        "--suite",
        "trixie=testing",
    )
    said = refused(*order)
    assert (said.code, said.returncode) == ("repository_refused", 2)
    assert "contrib" in said
    assert "stable" in said
    run(*order, "--component", "contrib=main")
    assert {record.suites for record in embedded.records()} == {("stable", "testing")}
    for suite in ("stable", "testing"):
        assert len(read_suite(embedded.bucket, adapters.signer().public_keyring(), suite)) == 2


def test_metadata_alone_is_published_by_force_and_nothing_is_invented(embedded, theirs, tmp_path, debs):
    folder = theirs.root / "dists/stable/main/binary-amd64"
    text = (folder / "Packages").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("SHA1:", "MD5sum:", "SHA512:"))]
    existing.write_index(folder, "\n".join(lines) + "\n")
    theirs.release("dists/stable")
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable", "--pool", "none")
    assert "force_rebuild" in run(*order)
    assert {record.sha1_hash for record in embedded.records()} == {""}
    assert list(embedded.bucket.keys("pool/")) == []
    call("force_rebuild", "stable")
    packages = read_suite(embedded.bucket, adapters.signer().public_keyring())
    stanza = packages["hello", "1.0", "amd64"]
    assert stanza["Pre-Depends"] == "libc6"
    assert "SHA1" not in stanza
    assert stanza["SHA256"] == hashlib.sha256(debs[0].read_bytes()).hexdigest()


def test_a_dry_run_tells_and_writes_nothing(embedded, order):
    said = run(*order, "--dry-run")
    assert "stable main amd64: 3" in said
    assert counts(said) == [3, 3, 0]
    assert (embedded.records(), list(embedded.bucket.keys("")), Package.objects.count()) == ([], [], 0)


@pytest.mark.parametrize(
    ("date", "expired"),
    [
        ("Thu, 01 Jan 2026 00:00:00 -0000", True),
        ("Thu, 01 Jan 2026 00:00:00 UTC", True),
        ("Thu, 01 Jan 9026 00:00:00 -0000", False),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 UTC", False),
        ("soon", False),
    ],
)
def test_a_release_that_has_expired_is_told_whatever_its_date_looks_like(
    embedded, theirs, order, date, expired, capsys
):
    theirs.release("dists/stable", fields=f"Valid-Until: {date}\n")
    run(*order, "--dry-run")
    assert (f"Valid-Until {date}" in capsys.readouterr().err) is expired


def test_packages_that_contradict_our_table_are_named_before_anything_is_written(embedded, order, tmp_path):
    embedded.define_uploads("hello")
    other = build_deb(tmp_path / "ours", "hello", "1.0", files={"usr/x": b"ours"})
    call("upload_deb", other)
    before = embedded.records(), embedded.dists()
    said = refused(*order)
    assert said.code == "repository_refused"
    assert "hello 1.0 amd64" in said
    assert hashlib.sha256(other.read_bytes()).hexdigest() in said
    assert numbers_in(refused(*order, "--dry-run")) == [1]
    assert (embedded.records(), embedded.dists()) == before
    assert numbers_in(refused(*order, "--skip-broken")) == [1]
    assert {record.version for record in embedded.records()} == {"1.0", "1:2.0~rc1+b1-1", "0.1"}
    assert embedded.bucket.read("pool/main/h/hello/hello_1.0_amd64.deb") == other.read_bytes()


def test_what_is_asked_for_must_make_sense(embedded, theirs, tmp_path, order):
    keyring = ("--keyring", theirs.keyring(tmp_path))
    for arguments, code, named in (
        ((theirs.root, *keyring), "repository_refused", "--suite THEIRS=OURS"),
        ((theirs.root, "--suite", "stable"), "repository_refused", "--keyring FILE"),
        ((theirs.root, *keyring, "--unsigned", "--suite", "stable"), "repository_refused", "--unsigned"),
        ((tmp_path / "absent", *keyring, "--suite", "stable"), "repository_refused", f"{tmp_path / 'absent'}"),
        (("ftp://apt.example.org", *keyring, "--suite", "stable"), "repository_refused", "ftp://apt.example.org"),
        ((theirs.root, *keyring, "--suite", "absent=stable"), "repository_refused", "dists/absent"),
        ((theirs.root, *keyring, "--suite", "stable=absent"), "package_refused", "absent"),
        ((*order, "--component", "absent=main"), "repository_refused", "--component"),
        ((*order, "--architecture", "riscv64"), "repository_refused", "--architecture"),
        ((theirs.root, "--keyring", tmp_path / "no-key", "--suite", "stable"), "repository_refused", "no-key"),
    ):
        said = refused(*arguments)
        assert (said.code, said.returncode) == (code, 2), arguments
        assert named in said, arguments
    assert embedded.records() == []


def test_an_adoption_that_is_killed_goes_on_and_copies_nothing_twice(tmp_path, migrated):
    debs = [build_deb(tmp_path / "debs", "tool", f"1.{number}") for number in range(230)]
    theirs = existing.plain(tmp_path / "theirs", debs)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "REPOMGR_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(REPOSITORY),
        "LOG_LEVEL": "ERROR",
    }

    def manage(*command):
        return prepared.start(
            (prepared.MANAGE, *command), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    (tmp_path / "home").mkdir()
    shutil.copy(migrated, tmp_path / "home")
    assert manage("create_storage").wait(120) == 0

    def kill_late(_path):
        if len(served.debs()) == 215:
            os.kill(adoption.pid, signal.SIGKILL)

    order = ("--keyring", theirs.keyring(tmp_path), "--suite", "stable", "--no-publish")
    with Served(theirs.root, kill_late) as served:
        adoption = manage("adopt_repository", served.url, *order)
        adoption.communicate(timeout=120)
        assert adoption.returncode == -signal.SIGKILL
    with Served(theirs.root) as served:
        again = manage("adopt_repository", served.url, *order)
        said, _ = again.communicate(timeout=120)
        assert again.returncode == 0, said
        assert counts(said) == [230, 30, 200, 30]
        assert len(served.debs()) == 30
    pool = tmp_path / "home" / "bucket" / "pool" / "main" / "t" / "tool"
    assert len(list(pool.iterdir())) == 230
