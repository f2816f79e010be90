"""Rights by package, suite and action: a grant reaches just so far, a token never further than its owner."""

import datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from packages_app.core.errors import RecordNotFound, RightMissing
from packages_app.core.name_patterns import PatternRefused, checked_pattern, fixed_beginning
from packages_app.core.rights import Action, Grant, Rights
from packages_app.core.suite_change import What
from packages_app.models import AccessGrant, AccessToken, Job
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.move import request_move
from packages_app.services.lifecycle.steps import Move
from packages_app.services.requests import request_force_rebuild, request_repair, request_sweep, request_verify
from packages_app.services.rights.rule import rights_of
from packages_app.services.rights.shown_token import showing
from packages_app.services.rights.token_text import may_be_token
from packages_app.services.rights.tokens import (
    BadToken,
    TokenExpired,
    TokenRefused,
    TokenRevoked,
    make_token,
    revoke,
    token_of,
)
from tests.debs import build_deb


@pytest.fixture
def ann(embedded):
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    for name in ("acme-tool", "acme-lib", "other"):
        embedded.define_uploads(name, suites=["testing"])
    return get_user_model().objects.create_user("ann")


def grant(user, action, packages="*", suites="*"):
    AccessGrant.objects.create(user=user, action=action, packages=packages, suites=suites)


def upload(name, user, tmp_path, version="1.0", **place):
    deb = build_deb(tmp_path, name, version)
    return stage_upload(deb, deb.name, user=user, **place)


def test_a_pattern_fits_whole_names_as_they_are_written():
    of = Rights.of([Grant(Action.UPLOAD, "acme-*", "testing")])
    assert of.may(Action.UPLOAD, "acme-tool", "testing")
    for wrong in (("Acme-tool", "testing"), ("acme", "testing"), ("xacme-tool", "testing"), ("acme-tool", "testing2"),
                  ("acme-tool", "Testing"), ("", "testing"), ("acme-tool", "")):  # fmt: skip
        assert not of.may(Action.UPLOAD, *wrong)
    assert not of.may(Action.PUBLISH, "acme-tool", "testing")
    one = Rights.of([Grant(Action.UPLOAD, checked_pattern(" lib?.0-* "), "t*")])
    assert [one.may(Action.UPLOAD, name, "t") for name in ("lib2.0-0", "lib.0-0", "lib20.0-0", "lib2.0")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert [fixed_beginning(pattern) for pattern in ("lib?.0-*", "a*?", "tool", "*")] == ["lib", "a", "tool", ""]
    for bad in ("", "a b", "[a-z]*", "a!", "a/b", "x" * 129, "ä"):
        with pytest.raises(PatternRefused):
            checked_pattern(bad)


def test_a_grant_of_a_person_or_a_group_reaches_its_packages_and_suites_alone(ann, embedded, tmp_path):
    with pytest.raises(RightMissing):
        upload("acme-tool", ann, tmp_path)
    grant(ann, "upload", "acme-*", "testing")
    upload("acme-tool", ann, tmp_path)
    for name, place in (("other", {}), ("acme-tool", {"suite": "stable"})):
        with pytest.raises(RightMissing):
            upload(name, ann, tmp_path, "2.0", **place)
    group = Group.objects.create(name="others")
    AccessGrant.objects.create(group=group, action="upload", packages="other")
    ann.groups.add(group)
    upload("other", ann, tmp_path)
    embedded.run_jobs()
    assert sorted(record.package_name for record in embedded.records()) == ["acme-tool", "other"]
    [key] = [record.key for record in embedded.records() if record.package_name == "acme-tool"]
    move = Move(What.PROMOTED, (key,), to="stable")
    grant(ann, "publish", "acme-*", "testing")
    with pytest.raises(RightMissing):
        request_move(move, "", user=ann)
    grant(ann, "publish", "acme-*", "stable")
    request_move(move, "", user=ann)
    embedded.run_jobs()
    assert next(r for r in embedded.records() if r.key == key).suites == ("stable", "testing")


def test_the_right_is_asked_again_when_the_job_is_done(ann, embedded, tmp_path):
    grant(ann, "upload", "acme-*")
    [lost, kept] = [upload(name, ann, tmp_path) for name in ("acme-tool", "acme-lib")]
    AccessGrant.objects.update(packages="acme-lib")
    ended = {job.pk: job.error_code for job in embedded.run_jobs() if job.kind == Job.Kind.UPLOAD}
    assert ended == {lost.pk: "right_missing", kept.pk: ""}
    last = upload("acme-lib", ann, tmp_path, "2.0")
    ann.delete()  # his grants went with him, and what he asked for counts by what he might do then
    [job] = [job for job in embedded.run_jobs() if job.pk == last.pk]
    assert job.state == Job.State.DONE


def test_the_right_to_all_of_a_suite_is_asked_again_when_the_job_is_done(ann, embedded, tmp_path):
    deb = build_deb(tmp_path, "acme-tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    grant(ann, "publish")
    embedded.bucket.delete("dists/testing/main/binary-amd64/Packages.gz")
    [verification, *_] = request_verify(ann, suites=["testing"])
    embedded.run_jobs()
    verification.refresh_from_db()
    asked = [
        *request_force_rebuild(["testing"], ann), request_sweep(ann),
        request_repair(verification, verification.result["digest"], ann),
    ]  # fmt: skip
    AccessGrant.objects.all().delete()
    ended = {job.pk: job.error_code for job in embedded.run_jobs()}
    assert [ended[job.pk] for job in asked] == ["right_missing"] * 3


def test_a_token_narrows_its_owner_and_dies_with_him(ann, embedded, tmp_path):
    grant(ann, "upload")
    grant(ann, "read")
    token, secret = make_token("ci", ann, actions=["upload"], packages=["acme-*"], suites=["testing"])
    assert may_be_token(secret)
    assert AccessToken.objects.get().digest != secret
    assert secret.endswith(token.hint)
    who, shown = token_of(secret, "192.0.2.1")
    with showing(shown):
        upload("acme-tool", who, tmp_path)
        with pytest.raises(RightMissing):
            upload("other", who, tmp_path)
        job = upload("acme-lib", who, tmp_path)
        assert (job.requested_by, job.token, job.asker) == (ann, token, "ann, by the token ci")
        AccessGrant.objects.filter(user=ann).update(packages="other")  # the owner's right goes: so does the token's
        with pytest.raises(RightMissing):
            upload("acme-tool", who, tmp_path, "2.0")
    AccessGrant.objects.filter(user=ann).update(packages="*")
    revoke(token.pk, ann)
    assert {job.error_code for job in embedded.run_jobs()} == {"right_missing"}
    with pytest.raises(TokenRevoked):
        token_of(secret)
    token.refresh_from_db()
    assert token.last_address == "192.0.2.1"


def test_a_token_that_does_not_count_is_refused_by_what_is_wrong_with_it(ann, embedded):
    grant(ann, "upload")
    _, secret = make_token("ci", ann, actions=["upload"])
    forged = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for unknown in ("", "x", forged, secret + "a", secret.upper(), "repomgr_" + "a" * 40):
        with pytest.raises(TokenRefused):
            token_of(unknown)
    assert not may_be_token(forged)
    get_user_model().objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(TokenRevoked):
        token_of(secret)
    get_user_model().objects.filter(pk=ann.pk).update(is_active=True)
    AccessToken.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    with pytest.raises(TokenExpired):
        token_of(secret)
    for wrong in (
        {"actions": []}, {"actions": ["upload", "fly"]}, {"actions": ["publish"]}, {"actions": ["upload"], "days": 0},
        {"actions": ["upload"], "days": 1000}, {"actions": ["upload"], "packages": ["[a]"]},
    ):  # fmt: skip
        with pytest.raises((BadToken, PatternRefused)):
            make_token("ci", ann, **wrong)
    other = get_user_model().objects.create_user("eve")
    with pytest.raises(RecordNotFound):
        revoke(AccessToken.objects.get().pk, other)


def test_a_superusers_token_does_no_more_than_it_says(embedded, tmp_path, ann):
    root = get_user_model().objects.create_superuser("root")
    _, secret = make_token("read", root, actions=["read"])
    who, shown = token_of(secret)
    with showing(shown):
        assert rights_of(who).may(Action.READ)
        assert not any(rights_of(who).may_somewhere(action) for action in Action if action is not Action.READ)
        with pytest.raises(RightMissing):
            upload("acme-tool", who, tmp_path)
    with pytest.raises(BadToken):
        make_token("all", root, actions=["administer"], packages=["acme-*"])
