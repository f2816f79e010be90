"""Uploads by dput: files wait for their signed .changes, which takes them all in, or refuses them and forgets them."""

import hashlib
import os

import pytest
from django.test import override_settings
from pysequoia import ArmorKind, Cert, armor

from packages_app.models import Job, UploaderKey
from packages_app.services.access.uploader_keys import UploaderKeyRefused, add_key, remove_key
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.apt.odd_keys import odd_key
from tests.debs import build_deb


@pytest.fixture
def dput(embedded, caller, root):
    """Send files as dput does, each to its address; answers are (status, code)."""
    embedded.define_uploads("tool")
    embedded.define_uploads("acme-lib")
    usual = caller("upload")

    def send(name, body, own=usual, suite="-"):
        shown = {"Authorization": f"Bearer {own.secret}"}
        answer = own.client.generic("PUT", f"/dput/{suite}/{name}", body, content_type="", headers=shown)
        return answer.status_code, answer.json().get("code", "")

    return send


@pytest.fixture
def signer(root):
    signer = OpenPgpSigner(generate_key("Ann <ann@example.org>"))
    add_key(armored(signer), root)
    return signer


def armored(signer):
    return armor(signer.public_keyring(), ArmorKind.PublicKey)


def changes_of(files, *more):
    """The text of a .changes that lists files."""
    sums = [(name, hashlib.sha256(body).hexdigest(), hashlib.md5(body).hexdigest(), len(body)) for name, body in files]
    lines = ["Format: 1.8", "Source: tool", "Architecture: amd64", "Version: 1.0", "Distribution: unstable", *more]
    lines += ["Checksums-Sha256:", *(f" {sha256} {size} {name}" for name, sha256, _, size in sums)]
    lines += ["Files:", *(f" {md5} {size} misc optional {name}" for name, _, md5, size in sums)]
    return "\n".join([*lines, ""]).encode()


def deb(folder, name="tool", version="1.0", **fields):
    path = build_deb(folder, name, version, **fields)
    return path.name, path.read_bytes()


def staged(embedded):
    return list(embedded.staging.keys("uploads/"))


def test_the_changes_takes_all_in_and_again_they_are_known(dput, embedded, signer, tmp_path):
    files = [deb(tmp_path), deb(tmp_path, "acme-lib"), ("tool_1.0_amd64.buildinfo", b"built")]
    signed = signer.sign_clear(changes_of(files))
    for _ in range(2):
        assert [dput(*file) for file in files] == [(201, "")] * 3
        assert len(staged(embedded)) == 2
        assert dput("tool_1.0_amd64.changes", signed) == (201, "")
        embedded.run_jobs()
        assert staged(embedded) == []
    assert sorted(record.package_name for record in embedded.records()) == ["acme-lib", "tool"]
    assert Job.objects.filter(kind="intake_upload").count() == 1
    other = [deb(tmp_path, files={"usr/x": b"x"})]
    assert dput(*other[0]) == (201, "")
    assert dput("x.changes", signer.sign_clear(changes_of(other))) == (409, "version_conflict")
    assert staged(embedded) == []


def test_each_fault_of_a_changes_has_its_code_and_nothing_is_taken_in(
    dput, embedded, caller, signer, tmp_path, django_user_model
):
    gone = OpenPgpSigner(generate_key("Gone"))
    add_key(armored(gone), django_user_model.objects.create_user("gone", is_active=False))
    file, lib = deb(tmp_path), deb(tmp_path, "acme-lib")
    stranger, text = OpenPgpSigner(generate_key("Eve")), changes_of([file])
    bad = signer.sign_clear(text).replace(b"unstable", b"unstaple")
    differs = changes_of([(file[0], file[1] + b"x")])
    for sent, code in (
        (text, "changes_unsigned"),
        (stranger.sign_clear(text), "changes_unsigned"),
        (bad, "changes_signature_bad"),
        (gone.sign_clear(text), "changes_unsigned"),
        (b"", "changes_unsigned"),
        (signer.sign_clear(b"nothing\n"), "changes_refused"),
        (signer.sign_clear(b"Format: 1.8\n"), "changes_refused"),
        (signer.sign_clear(text.replace(b" misc", b" misc optional x\n 0 0 misc")), "changes_refused"),
        (signer.sign_clear(text.replace(file[0].encode(), b"../" + file[0].encode())), "changes_refused"),
        (signer.sign_clear(changes_of([file, lib])), "changes_file_missing"),
        (signer.sign_clear(differs), "changes_file_differs"),
        (signer.sign_clear(changes_of([file, ("tool_1.0.dsc", b"x")])), "source_refused"),
    ):
        assert dput(*file) == (201, "")
        assert dput("x.changes", sent) == (422, code)
    assert dput(*file) == (201, "")
    assert dput("x.changes", signer.sign_clear(text), caller("upload")) == (422, "changes_file_missing")  # another's
    assert dput("x.changes", signer.sign_clear(text), suite="stable") == (422, "changes_file_missing")  # another area
    elsewhere = caller("upload", packages=["acme-*"])
    assert dput(*file, elsewhere) == (201, "")
    assert dput("x.changes", signer.sign_clear(text), elsewhere) == (403, "right_missing")
    sources = [(name, "source_refused") for name in ("x.dsc", "x_1.orig.tar.xz")]
    for name, code in (*sources, ("x.txt", "package_refused")):
        assert dput(name, b"x") == (422, code)
    assert dput(*file, suite="nowhere") == (422, "package_refused")
    assert dput(*file, caller("read")) == (403, "right_missing")
    with override_settings(UPLOAD_LIMIT_BYTES=len(file[1]) // 10):
        assert dput(*file)[0] == 413
    assert not Job.objects.filter(kind="intake_upload").exists()


def test_a_key_that_has_ended_signs_nothing_more_by_a_date_before_its_end(dput, embedded, root, tmp_path):
    file = deb(tmp_path)
    for use, subkey in (("sign", ""), ("cert", "ed25519")):
        with odd_key("ed25519", "--faked-system-time", "20250101T000000!", valid="30d", use=use) as key:
            if subkey:
                key._gpg("--quick-add-key", key.fingerprints()[0], subkey, "sign", "30d")
            ended, signed = armor(key.public_keyring(), ArmorKind.PublicKey), key.sign_clear(changes_of([file]))
        with pytest.raises(UploaderKeyRefused):
            add_key(ended, root)
        certificate = Cert.from_bytes(ended.encode())
        UploaderKey.objects.create(user=root, fingerprint=certificate.fingerprint.upper(), public_key=ended)
        assert dput(*file) == (201, "")
        assert dput("x.changes", signed) == (422, "changes_signature_bad")
    assert not Job.objects.filter(kind="intake_upload").exists()


def test_a_signature_may_be_left_away_where_that_is_accepted_and_a_bad_one_never(dput, signer, tmp_path):
    file = deb(tmp_path)
    bad = signer.sign_clear(changes_of([file])).replace(b"unstable", b"unstaple")
    with override_settings(DPUT_SIGNATURES="accepted"):
        for sent, said in ((bad, (422, "changes_signature_bad")), (changes_of([file]), (201, ""))):
            assert dput(*file) == (201, "")
            assert dput("x.changes", sent) == said


def test_an_areas_room_is_bounded_and_what_nobody_completes_is_forgotten(dput, embedded, tmp_path):
    file = deb(tmp_path)
    with override_settings(UPLOAD_LIMIT_BYTES=len(file[1])):
        for number in range(10):
            assert dput(f"{number}{file[0]}", file[1]) == (201, "")
        assert dput(*file) == (429, "too_many_files")
        for path in (embedded.home / "staging").rglob("*.deb"):
            os.utime(path, (0, 0))
        assert dput(*file) == (201, "")
    assert len(staged(embedded)) == 1


def test_a_key_is_public_one_persons_and_removed_by_him(root, embedded, django_user_model, signer):
    ann = django_user_model.objects.create_user("ann")
    for wrong in ("", "é", generate_key("Ann"), armored(signer), armored(signer) * 2, "x" * 70_000):
        with pytest.raises(UploaderKeyRefused):
            add_key(wrong, ann)
    key = UploaderKey.objects.get()
    assert (key.fingerprint, key.user, key.names) == (signer.fingerprint, root, "Ann <ann@example.org>")
    with pytest.raises(Exception, match="no key"):
        remove_key(key.pk, ann)
    remove_key(key.pk, root)  # as one who administers removes any
    assert not UploaderKey.objects.exists()
