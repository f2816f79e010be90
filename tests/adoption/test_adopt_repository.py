"""`adopt_repository`: repositories of real tools taken over, and every way in which one is refused."""

import hashlib
import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from packages_app.models import Package
from packages_app.services import adapters
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from repomgr.servers.process import bound_to_us
from tests.adoption import existing
from tests.adoption.existing import Served
from tests.commands.calling import call
from tests.commands.calling import refused as refused_command
from tests.debs import build_deb
from tests.reader import read_everything, read_suite
from tests.stack import REPOSITORY

MAKERS = [existing.plain, existing.reprepro, existing.aptly, existing.deb_s3]


run = partial(call, "adopt_repository")
refused = partial(refused_command, "adopt_repository")


def published(stack):
    return read_everything(stack.bucket, adapters.signer().public_keyring())


@pytest.fixture
def debs(tmp_path):
    folder = tmp_path / "debs"
    return [
        build_deb(folder, "hello", "1.0", Pre_Depends="libc6", Provides="greeter (= 1)"),
        build_deb(folder, "hello", "1:2.0~rc1+b1-1", Depends="libc6 (>= 2.34) | musl"),
        build_deb(folder, "libgreet", "0.1", "all", Description="greets\n At\n .\n length."),
    ]


@pytest.fixture
def theirs(tmp_path, debs):
    return existing.plain(tmp_path / "theirs", debs)


@pytest.fixture
def order(theirs, tmp_path):
    return (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_what_a_tool_has_made_is_taken_over_whole(embedded, tmp_path, debs, make):
    debs = debs[1:] if make is existing.reprepro else debs  # it holds one version of a package
    theirs = make(tmp_path / "theirs", debs)
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
    assert f"{len(debs)} packages: {len(debs)} new, 0 known; {len(debs)} records written" in run(*order)
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
    assert f"0 new, {len(debs)} known; 0 records written" in run(*order)


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


def test_files_that_are_in_our_bucket_already_are_kept_where_they_are(embedded, tmp_path, debs):
    theirs = existing.deb_s3(tmp_path / "theirs", debs)
    # The same bucket: their indexes are in place too, signed with their key, until ours replace them.
    for path in theirs.root.rglob("*.*"):
        if path.is_file():
            embedded.bucket.put(path.relative_to(theirs.root).as_posix(), path)
    embedded.bucket.put("dists/stable/InRelease", theirs.root / "dists/stable/InRelease")
    before = {key: embedded.bucket.head(key) for key, _ in embedded.bucket.keys("pool/")}
    order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable", "--pool", "keep")
    run(*order)
    assert {key: embedded.bucket.head(key) for key, _ in embedded.bucket.keys("pool/")} == before
    assert {record.pool_path for record in embedded.records()} == set(before)
    assert len(published(embedded)) == 4


def test_what_can_not_be_kept_is_named(embedded, tmp_path, debs):
    theirs = existing.deb_s3(tmp_path / "theirs", debs)
    keep = ("--keyring", theirs.keyring(tmp_path), "--pool", "keep")
    assert "is not in our bucket" in refused(theirs.root, *keep, "--suite", "stable")
    flat = existing.flat(tmp_path / "flat", debs)
    said = refused(flat.root, "--keyring", flat.keyring(flat.root), "--pool", "keep", "--flat", "stable")
    assert "lies outside pool/" in said
    [first, *_] = (theirs.root / "pool").rglob("hello_1.0*.deb")
    embedded.bucket.put(first.relative_to(theirs.root).as_posix(), b"short")
    assert "has 5 bytes" in refused(theirs.root, *keep, "--suite", "stable")
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
    assert "The component contrib is not in our suite stable" in refused(*order)
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
    assert "force_rebuild publishes without them" in run(*order)
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
    assert "stable main amd64: 3 stanzas" in said
    assert "3 packages: 3 new, 0 known; nothing was written" in said
    assert (embedded.records(), list(embedded.bucket.keys("")), Package.objects.count()) == ([], [], 0)


def corrupt_signature(theirs):
    path = theirs.root / "dists/stable/InRelease"
    path.write_text(path.read_text().replace("Origin: Theirs", "Origin: Others"))


def corrupt_key(theirs):
    (theirs.root / "dists/stable/Release").write_bytes(b"Suite: stable\n")
    other = OpenPgpSigner(generate_key("Other"))
    (theirs.root / "dists/stable/InRelease").write_bytes(other.sign_clear(b"Suite: stable\n"))


def corrupt_index(theirs):
    path = theirs.root / "dists/stable/main/binary-amd64/Packages.xz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def corrupt_form(theirs):
    path = theirs.root / "dists/stable/main/binary-amd64/Packages.xz"
    path.write_bytes(path.read_bytes()[:-20])
    theirs.release("dists/stable")


def corrupt_plain(theirs):
    folder = theirs.root / "dists/stable/main/binary-amd64"
    other = (folder / "Packages").read_text().replace("libc6", "libc7")
    existing.write_index(folder, other, "xz")
    (folder / "Packages").write_text(other.replace("libc7", "libc6"))
    theirs.release("dists/stable")


def corrupt_size(theirs):
    folder = theirs.root / "dists/stable/main/binary-amd64"
    (folder / "Packages").write_text("")
    theirs.release("dists/stable")


def lose_indexes(theirs):
    for path in (theirs.root / "dists/stable/main/binary-amd64").iterdir():
        path.unlink()


def rewrite(theirs, change):
    folder = theirs.root / "dists/stable/main/binary-amd64"
    existing.write_index(folder, change((folder / "Packages").read_text()))
    theirs.release("dists/stable")


def same_version_twice(theirs):
    rewrite(theirs, lambda text: text + "\n" + text.replace("SHA256: ", "SHA256: f", 1).replace("\nSHA1", "x\nSHA1"))
    folder = theirs.root / "dists/stable/main/binary-amd64"
    text = (folder / "Packages").read_text()
    first = text.split("\n\n")[0]
    digest = next(line for line in first.splitlines() if line.startswith("SHA256: "))
    existing.write_index(folder, text.split("\n\n")[0] + "\n\n" + first.replace(digest, "SHA256: " + "f" * 64) + "\n")
    theirs.release("dists/stable")


def without_sha256(theirs):
    folder = theirs.root / "dists/stable"
    (folder / "Release").write_text("Suite: stable\nMD5Sum:\n 0123 5 main/binary-amd64/Packages\n")
    theirs.sign("dists/stable")


def path_that_leads_out(theirs):
    rewrite(theirs, lambda text: text.replace("Filename: pool/", "Filename: ../pool/"))


def wrong_file(theirs):
    [path] = theirs.root.rglob("hello_1.0_amd64.deb")
    body = path.read_bytes()
    path.unlink()
    path.write_bytes(body[:-1] + b"!")


def lost_file(theirs):
    [path] = theirs.root.rglob("hello_1.0_amd64.deb")
    path.unlink()


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (corrupt_signature, "no good signature"),
        (corrupt_key, "no good signature"),
        (corrupt_index, "Release lists"),
        (corrupt_form, "can't be unpacked"),
        (corrupt_plain, "does not unpack to what Release lists"),
        (corrupt_size, "unpacks to more than Release lists"),
        (lose_indexes, "no form of it is there"),
        (same_version_twice, "it is there twice, with SHA256"),
        (without_sha256, "lists no index with a SHA256"),
        (path_that_leads_out, "names the path"),
        (wrong_file, "its stanza says"),
        (lost_file, "is not there"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("SHA256: ", "SHA256: x")), "lacks a sound SHA256"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Package: ", "Package: A ")), "sound Package"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Version: 1.0", "Version: 1 0")), "sound Version"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Size: ", "Size: -")), "lacks a sound Size"),
    ],
)  # fmt: skip
def test_a_repository_with_a_fault_is_refused_and_changes_nothing(embedded, theirs, order, corrupt, said):
    corrupt(theirs)
    assert said in refused(*order)
    assert embedded.records() == []
    assert Package.objects.count() == 0


def test_packages_that_contradict_our_table_are_named_before_anything_is_written(embedded, order, tmp_path):
    embedded.define_uploads("hello")
    other = build_deb(tmp_path / "ours", "hello", "1.0", files={"usr/x": b"ours"})
    call("upload_deb", other)
    before = embedded.records(), embedded.dists()
    assert "hello 1.0 amd64: our table has it with SHA256" in refused(*order)
    assert "1 packages can't be adopted" in refused(*order, "--dry-run")
    assert (embedded.records(), embedded.dists()) == before
    assert "1 packages can't be adopted" in refused(*order, "--skip-broken")
    assert {record.version for record in embedded.records()} == {"1.0", "1:2.0~rc1+b1-1", "0.1"}
    assert embedded.bucket.read("pool/main/h/hello/hello_1.0_amd64.deb") == other.read_bytes()


@pytest.mark.parametrize("corrupt", [wrong_file, lost_file, same_version_twice])
def test_broken_packages_are_left_out_when_asked(embedded, theirs, order, corrupt):
    corrupt(theirs)
    assert "1 packages can't be adopted" in refused(*order, "--skip-broken")
    assert "hello" not in {record.package_name for record in embedded.records() if record.sha256_hash == "f" * 64}
    published(embedded)


def test_what_is_asked_for_must_make_sense(embedded, theirs, tmp_path, order):
    keyring = ("--keyring", theirs.keyring(tmp_path))
    assert "No suite is named" in refused(theirs.root, *keyring)
    assert "verified with its keys" in refused(theirs.root, "--suite", "stable")
    assert "verified with its keys" in refused(theirs.root, *keyring, "--unsigned", "--suite", "stable")
    assert "There is no folder" in refused(tmp_path / "absent", *keyring, "--suite", "stable")
    assert "no http(s) address" in refused("ftp://apt.example.org", *keyring, "--suite", "stable")
    assert "neither InRelease nor Release" in refused(theirs.root, *keyring, "--suite", "absent=stable")
    assert "absent is no suite of repository.yaml" in refused(theirs.root, *keyring, "--suite", "stable=absent")
    assert "no index of the components" in refused(*order, "--component", "absent=main")
    assert "no index of the components" in refused(*order, "--architecture", "riscv64")
    assert "can't be read" in refused(theirs.root, "--keyring", tmp_path / "absent", "--suite", "stable")
    assert embedded.records() == []


def test_an_unsigned_repository_is_taken_when_that_is_said(embedded, theirs, capsys):
    corrupt_signature(theirs)
    run(theirs.root, "--unsigned", "--suite", "stable")
    assert "its signature was not looked at" in capsys.readouterr().err
    assert len(published(embedded)) == 4


def test_an_adoption_that_is_killed_goes_on_and_copies_nothing_twice(tmp_path):
    debs = [build_deb(tmp_path / "debs", "tool", f"1.{number}") for number in range(230)]
    theirs = existing.plain(tmp_path / "theirs", debs)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "REPOMGR_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(REPOSITORY),
        "LOG_LEVEL": "ERROR",
    }

    def manage(*command):
        arguments = [sys.executable, str(REPOSITORY / "manage.py"), *map(str, command)]
        return subprocess.Popen(
            bound_to_us(arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    for command in ("migrate", "create_storage"):
        assert manage(command).wait(120) == 0

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
        assert "230 packages: 30 new, 200 known; 30 records written" in said
        assert len(served.debs()) == 30
    pool = tmp_path / "home" / "bucket" / "pool" / "main" / "t" / "tool"
    assert len(list(pool.iterdir())) == 230
