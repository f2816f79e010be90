"""`adopt_repository` on repositories with a fault: each is refused by what is wrong, or left out when that is asked."""

from functools import partial

import pytest

from packages_app.models import Package
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.adoption import existing
from tests.adoption.existing import Served
from tests.adoption.test_adopt_repository import published
from tests.commands.calling import call
from tests.commands.calling import refused as refused_command
from tests.programs import put_before
from tests.values import numbers_in

run = partial(call, "adopt_repository")
refused = partial(refused_command, "adopt_repository")


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


def text_before_the_message(theirs):
    path = theirs.root / "dists/stable/InRelease"
    path.write_text("Suite: other\n" + path.read_text())


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
        (corrupt_index, "Packages.xz has SHA256"),
        (corrupt_form, "can't be unpacked"),
        (corrupt_plain, "does not unpack"),
        (corrupt_size, "unpacks to more"),
        (lose_indexes, "main/binary-amd64/Packages,"),
        (same_version_twice, "f" * 64),
        (without_sha256, "no index with a SHA256"),
        (path_that_leads_out, "'../pool/"),
        (wrong_file, "hello_1.0_amd64.deb has SHA256"),
        (lost_file, "hello_1.0_amd64.deb"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("SHA256: ", "SHA256: x")), "lacks a sound SHA256"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Package: ", "Package: A ")), "Package is wrong"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Version: 1.0", "Version: 1 0")), "Version is wrong"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Size: ", "Size: -")), "lacks a sound Size"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("libc6 (", ", libc6 (")), "Depends is wrong"),
        (lambda theirs: rewrite(theirs, lambda text: text.replace("Version: 1.0", "Version: v1")), "Version is wrong"),
        (text_before_the_message, "one signed message"),
    ],
)  # fmt: skip
def test_a_repository_with_a_fault_is_refused_and_changes_nothing(embedded, theirs, order, corrupt, said):
    corrupt(theirs)
    refusal = refused(*order)
    assert refusal.code == "repository_refused"
    assert said in refusal
    assert embedded.records() == []
    assert Package.objects.count() == 0


def test_a_path_that_leads_out_is_found_before_anything_is_written_though_no_file_is_fetched(
    embedded, theirs, tmp_path
):
    path_that_leads_out(theirs)
    with Served(theirs.root) as served:
        order = (served.url, "--keyring", theirs.keyring(tmp_path), "--suite", "stable", "--pool", "none")
        refusal = refused(*order)
        assert (refusal.code, "'../pool/" in refusal) == ("repository_refused", True)
        assert numbers_in(refused(*order, "--skip-broken")) == [3]
    assert embedded.records() == []


@pytest.mark.parametrize("corrupt", [wrong_file, lost_file, same_version_twice])
def test_broken_packages_are_left_out_when_asked(embedded, theirs, order, corrupt):
    corrupt(theirs)
    assert numbers_in(refused(*order, "--skip-broken")) == [1]
    assert "hello" not in {record.package_name for record in embedded.records() if record.sha256_hash == "f" * 64}
    published(embedded)


def test_an_unsigned_repository_is_taken_when_that_is_said(embedded, theirs, capsys):
    corrupt_signature(theirs)
    run(theirs.root, "--unsigned", "--suite", "stable")
    assert "  warning: " in capsys.readouterr().err
    assert len(published(embedded)) == 4


def test_a_stanza_that_the_real_apt_ends_at_is_named_and_left_out(
    embedded, settings, theirs, order, tmp_path, monkeypatch
):
    settings.APT_CHECK = "auto"
    # Our own reader takes nothing that this apt refuses; a later one may end by a signal at what is sound today.
    put_before(
        monkeypatch, tmp_path / "bin", "apt-get", 'grep -q "^Package: hello" "$3" && kill -ABRT $$\nexec REAL "$@"'
    )
    refusal = refused(*order)
    assert (refusal.code, "hello" in refusal, "SIGABRT" in refusal) == ("repository_refused", True, True)
    assert embedded.records() == []
    refused(*order, "--skip-broken")
    assert "hello" not in {record.package_name for record in embedded.records()}
    assert embedded.records()
