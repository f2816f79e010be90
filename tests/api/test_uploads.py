"""Pushed files: all are taken or none, the same again is known, other bytes are a conflict, and nothing is left."""

import base64
import hashlib
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from packages_app.api.problems import status_of
from packages_app.api.uploads import answer_to
from packages_app.models import AnsweredRequest, Job, Publication
from packages_app.services.pushes.push import pushed_by
from packages_app.services.pushes.shown import UploadFailed
from tests.debs import build_deb

DEB = "application/vnd.debian.binary-package"


@pytest.fixture
def push(embedded, caller):
    """Push files in one way: each of the three takes the same and answers the same."""
    embedded.define_uploads("tool")
    embedded.define_uploads("acme-lib")

    usual = caller("upload", "read")

    def make(way, files, caller=usual, suite="", **headers):
        shown = {"Authorization": f"Bearer {caller.secret}", **headers}
        if way == "form":
            sent = [SimpleUploadedFile(name, body) for name, body in files]
            return caller.client.post(f"/api/v1/uploads?suite={suite}", {"file": sent}, headers=shown)
        [(name, body)] = files
        if way == "body":
            address = f"/api/v1/uploads?filename={name}&suite={suite}"
            return caller.client.generic("POST", address, body, content_type=DEB, headers=shown)
        return caller.client.generic("PUT", f"/upload/{suite or '-'}/-/{name}", body, content_type=DEB, headers=shown)

    return make


def deb(folder, name="tool", version="1.0", **fields):
    path = build_deb(folder, name, version, **fields)
    return path.name, path.read_bytes()


@pytest.mark.parametrize("way", ["form", "body", "put"])
def test_a_package_is_taken_in_once_whichever_way_it_comes(push, embedded, tmp_path, way):
    file = deb(tmp_path)
    first = push(way, [file])
    assert (first.status_code, first.json()["standing"]) == (202, "waiting")
    assert first.json()["files"][0]["package"]["sha256"] == hashlib.sha256(file[1]).hexdigest()
    embedded.run_jobs()
    again = push(way, [file])
    assert (again.status_code, again.json()["standing"], again.json()["job"]) == (200, "shown", None)
    assert again.json()["files"][0]["known"] is True
    [publication] = again.json()["publications"]
    assert (publication["suite"], len(publication["release_sha256"])) == ("stable", 64)
    (tmp_path / "other").mkdir()
    refused = push(way, [deb(tmp_path / "other", files={"usr/x": b"x"})])
    assert (refused.status_code, refused.json()["code"]) == (409, "version_conflict")
    assert Job.objects.filter(kind="intake_upload").count() == 1
    assert list(embedded.staging.keys("uploads/")) == []


def test_of_several_all_are_taken_or_none(push, embedded, tmp_path):
    good, lib = deb(tmp_path), deb(tmp_path, "acme-lib")
    for bad in ((good[0], b"!<arch>\nno"), ("x.txt", good[1]), ("../x.deb", good[1]), deb(tmp_path, "unknown"), good):
        refused = push("form", [lib, good, bad])
        assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
        assert refused.json()["remedy"]
    assert not Job.objects.filter(kind="intake_upload").exists()
    assert list(embedded.staging.keys("uploads/")) == []
    taken = push("form", [lib, good])
    assert taken.status_code == 202
    embedded.run_jobs()
    assert sorted(record.package_name for record in embedded.records()) == ["acme-lib", "tool"]
    number = taken.json()["job"]["id"]
    standing = push("form", [lib, good]).json()
    assert (standing["standing"], number) == ("shown", str(Job.objects.get(kind="intake_upload").pk))


@pytest.mark.parametrize("way", ["form", "body", "put"])
def test_what_may_not_be_pushed_is_refused_and_nothing_is_stored(push, embedded, caller, root, tmp_path, way):
    file = deb(tmp_path)
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    for wrong, status, code, place in (
        (caller("upload", packages=["acme-*"]), 403, "right_missing", ""),
        (caller("upload", packages=["TOOL"]), 403, "right_missing", ""),
        (caller("upload", suites=["testing"]), 403, "right_missing", ""),
        (caller("upload"), 403, "right_missing", "testing"),
        (caller("read"), 403, "right_missing", ""),
        (caller("upload"), 422, "package_refused", "nowhere"),
    ):
        refused = push(way, [file], wrong, place)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (wrong, place)
    wrong_digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for header, code in ((f"sha-256=:{wrong_digest}:", "digest_mismatch"), ("md5=:x:", "bad_request")):
        refused = push(way, [file], **{"Content-Digest": header})
        assert (refused.status_code, refused.json()["code"]) == (400, code)
    with override_settings(UPLOAD_LIMIT_BYTES=100):
        assert push(way, [file]).status_code == 413
    assert not Job.objects.filter(kind="intake_upload").exists()
    assert list(embedded.staging.keys("uploads/")) == []
    right = base64.b64encode(hashlib.sha256(file[1]).digest()).decode()
    assert push(way, [file], **{"Content-Digest": f"sha-256=:{right}:"}).status_code == 202


def test_a_request_sent_again_by_its_key_is_answered_as_it_was(push, embedded, caller, tmp_path):
    file, own = deb(tmp_path), caller("upload", "read")
    first = push("put", [file], own, **{"Idempotency-Key": "one"})
    again = push("put", [file], own, **{"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = push("put", [deb(tmp_path, "acme-lib")], own, **{"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert push("put", [file], caller("upload"), **{"Idempotency-Key": "one"}).status_code == 202  # another's key
    assert Job.objects.filter(kind="intake_upload").count() == 2
    bad = push("put", [file], own, **{"Idempotency-Key": "x" * 256})
    assert bad.status_code == 422


@pytest.mark.parametrize("way", ["form", "body", "put"])
def test_a_key_that_was_sent_with_other_files_loses_none_of_them(push, embedded, caller, tmp_path, way):
    (tmp_path / "other").mkdir()
    key, file, other = {"Idempotency-Key": "run-7"}, deb(tmp_path), deb(tmp_path / "other", files={"usr/x": b"x"})
    own = caller("upload", "read")
    assert push(way, [file], own, **key).status_code == 202
    refused = push(way, [other], own, **key)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
    assert push(way, [file], own, **key).headers["Idempotency-Replayed"] == "true"
    [job] = Job.objects.filter(kind="intake_upload")
    AnsweredRequest.objects.update(status=0)  # as one whose process was killed
    assert push(way, [file], own, **key).json()["code"] == "key_in_use"
    AnsweredRequest.objects.update(came=job.created - timedelta(hours=1))
    assert push(way, [other], own, **key).status_code == 202
    assert Job.objects.filter(kind="intake_upload").count() == 2


def test_what_intake_would_refuse_is_refused_before_anything_is_stored(push, embedded, caller, tmp_path):
    file, lib = deb(tmp_path), deb(tmp_path, "acme-lib")
    push("put", [file])
    embedded.run_jobs()
    # File names leave the epoch out, so both would have one place in the pool.
    twin = deb(tmp_path / "epoch", version="1:1.0", files={"usr/x": b"x"})
    both = [deb(tmp_path / each, version=f"{each}:2.0", files={"usr/x": each.encode()}) for each in ("1", "2")]
    both = [(f"{number}.deb", body) for number, (_, body) in enumerate(both)]
    for sent, status, code in (([lib, twin], 409, "version_conflict"), (both, 422, "package_refused")):
        refused = push("form", sent)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    tool = {"package": "tool", "version": "1.0", "built_for": "amd64"}
    root = caller("administer", "upload")
    assert root.post("/moves", {"what": "withdraw", "versions": [tool], "reason": "bad"}).status_code == 202
    embedded.run_jobs()
    assert push("form", [lib, file]).json()["code"] == "version_withdrawn"
    assert root.post("/moves/purge", {"versions": [tool], "reason": "bad", "package": "tool"}).status_code == 202
    embedded.run_jobs()
    gone = push("form", [lib, file])
    assert (gone.status_code, gone.json()["code"]) == (410, "version_purged")
    assert Job.objects.filter(kind="intake_upload").count() == 1
    assert list(embedded.staging.keys("uploads/")) == []


def test_of_what_is_refused_by_the_job_the_answer_is_no_success(push, embedded, caller, tmp_path):
    first, lib = deb(tmp_path), deb(tmp_path, "acme-lib")
    other = deb(tmp_path / "other", files={"usr/x": b"x"})
    numbers = [push("form", sent).json()["job"]["id"] for sent in ([first], [other], [other, lib])]
    embedded.run_jobs()
    own = caller("read")
    assert [own.get(f"/uploads/{number}").said["standing"] for number in numbers] == ["shown", "failed", "failed"]
    for number in numbers[1:]:  # who waits is answered so
        with pytest.raises(UploadFailed) as refused:
            answer_to(pushed_by(number), 1)
        assert (status_of(refused.value), refused.value.code) == (409, "version_conflict")


def test_no_part_of_a_form_is_lost(push, embedded, caller, tmp_path):
    (name, body), (_, lib), own = deb(tmp_path), deb(tmp_path, "acme-lib"), caller("upload")
    shown = {"Authorization": f"Bearer {own.secret}"}

    def part(disposition, content):
        return b"--B\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + content + b"\r\n"

    file, kind = b'name="file"; filename="%s"', "multipart/form-data; boundary=B"
    first, end = part(file % name.encode(), body), b"--B--\r\n"
    whole = first + part(file % b"lib.deb", lib) + end
    others = [file % b"l\xefb.deb", file % b"", file % b"..", b'name="file"', b'name="deb"; filename="lib.deb"', b""]
    for form in (
        *(first + part(other, lib) + end for other in others),
        first + part(b'name="suite"', b"testing") + end,
        *(whole[:-cut] for cut in (5, len(end) + 1, len(end) + 50)),
        whole.replace(b"--B", b"--C"),
        whole.replace(end, b"") + b"--B--\r\n" + whole,
    ):
        refused = own.client.generic("POST", "/api/v1/uploads", form, content_type=kind, headers=shown)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_request"), form[-90:]
    assert not Job.objects.filter(kind="intake_upload").exists()
    taken = own.client.generic("POST", "/api/v1/uploads", whole, content_type=kind, headers=shown)
    assert (taken.status_code, len(taken.json()["files"])) == (202, 2)


def test_how_far_an_upload_is_can_be_asked_of_its_job(push, embedded, caller, tmp_path):
    own = caller("upload", "read")
    number = push("put", [deb(tmp_path)], own).json()["job"]["id"]
    assert own.get(f"/uploads/{number}").said["standing"] == "waiting"
    [job, *_] = embedded.run_jobs(once=True)
    said = own.get(f"/uploads/{number}?wait=1").said
    assert (str(job.pk), said["standing"]) == (number, "shown")
    assert own.get(f"/jobs/{number}").said["result"]["new"] is True
    for nothing in ("00000000-0000-0000-0000-000000000000", "x"):
        assert own.get(f"/uploads/{nothing}").status_code in (404, 422)


def test_the_release_that_is_answered_is_the_one_that_clients_see(push, embedded, caller, tmp_path):
    own = caller("upload", "read")
    for version in ("1.0", "1.1"):
        number = push("put", [deb(tmp_path, version=version)], own).json()["job"]["id"]
        embedded.run_jobs()
    said = own.get(f"/uploads/{number}").said
    in_place = hashlib.sha256(embedded.bucket.read("dists/stable/Release")).hexdigest()
    assert (said["standing"], [one["release_sha256"] for one in said["publications"]]) == ("shown", [in_place])
    # After the switch a publication is recorded; until then the one before it is there, which shows nothing of this.
    Publication.objects.get(release_sha256=in_place).delete()
    said = own.get(f"/uploads/{number}").said
    assert (said["standing"], said["publications"]) == ("taken in", [])
