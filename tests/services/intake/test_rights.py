"""Who may upload only offers no bootstrap package and chooses no place, whichever way a file comes."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group

from packages_app.core.errors import RightMissing
from packages_app.models import Job
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.requests import request_again, request_build
from packages_app.services.setup.groups import ensure_groups
from tests.debs import build_deb


@pytest.fixture
def member(embedded):
    ensure_groups()
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    embedded.define_uploads("tool", suites=["testing"])

    def make(group):
        user, _ = get_user_model().objects.get_or_create(username=group)
        user.groups.set([Group.objects.get(name=group)])
        return get_user_model().objects.get(pk=user.pk)

    return make


@pytest.fixture
def bootstrap(tmp_path):
    return build_deb(tmp_path, "kiro-repo", "9.9", "all")


def test_nothing_is_staged_for_who_may_not(embedded, member, bootstrap, tmp_path):
    tool = build_deb(tmp_path, "tool", "1.0")
    for user in (member("Uploaders"), AnonymousUser()):
        for deb, place in ((bootstrap, {}), (tool, {"suite": "stable"}), (tool, {"rollout": [100]})):
            with pytest.raises(RightMissing):
                stage_upload(deb, deb.name, user=user, **place)
        with pytest.raises(RightMissing):
            request_build("kiro-repo", "3.0", user)
    assert list(embedded.staging.keys("uploads/")) == []
    assert not Job.objects.exists()
    stage_upload(tool, tool.name, suite="testing", user=member("Uploaders"))


def test_the_component_is_the_definitions_as_the_suite_is(embedded, member, tmp_path):
    suites = [{"name": name, "codename": name, "components": ["main", "contrib"]} for name in ("stable", "testing")]
    embedded.configure(suites=suites)
    embedded.define_uploads("tool", suites=["stable", "testing"], component="contrib")
    tool = build_deb(tmp_path, "tool", "1.0")
    with pytest.raises(RightMissing):
        stage_upload(tool, tool.name, component="main", user=member("Uploaders"))
    with pytest.raises(RightMissing):
        stage_upload(tool, tool.name, suite="stable", component="main", user=member("Uploaders"))
    assert not Job.objects.exists()
    # One of the suites that the definition names is no other place.
    stage_upload(tool, tool.name, suite="stable", component="contrib", user=member("Uploaders"))
    embedded.run_jobs()
    assert [(record.suites, record.component) for record in embedded.records()] == [(("stable",), "contrib")]
    later = build_deb(tmp_path, "tool", "1.1")
    stage_upload(later, later.name, component="main", user=member("Publishers"))
    embedded.run_jobs()
    assert {record.version: record.component for record in embedded.records()} == {"1.0": "contrib", "1.1": "main"}


def test_files_of_a_batch_are_refused_each(embedded, member, bootstrap, tmp_path):
    files = [(deb.name, deb.read_bytes()) for deb in (bootstrap, build_deb(tmp_path, "tool", "1.0"))]
    stage_batch(files, user=member("Uploaders"))
    [job, *_] = embedded.run_jobs()
    assert [record.package_name for record in embedded.records()] == ["tool"]
    assert len(job.result["refused"]) == 1
    stage_batch(files[1:], suite="stable", user=member("Uploaders"))
    [job] = embedded.run_jobs()
    assert job.state == "failed"
    assert [record.suites for record in embedded.records()] == [("testing",)]


def test_a_right_that_is_taken_meanwhile_is_missing(embedded, member, bootstrap):
    upload = stage_upload(bootstrap, bootstrap.name, user=member("Publishers"))
    build = request_build("kiro-repo", "3.0", member("Publishers"))
    member("Publishers").groups.set([Group.objects.get(name="Uploaders")])
    ended = {job.pk: job.error_code for job in embedded.run_jobs()}
    assert ended == {upload.pk: "right_missing", build.pk: "right_missing"}
    assert embedded.records() == []


def test_who_is_gone_had_the_right_that_he_had(embedded, member, tmp_path):
    tool = build_deb(tmp_path, "tool", "1.0")
    job = stage_upload(tool, tool.name, user=member("Uploaders"))
    Job.objects.filter(pk=job.pk).update(arguments={**job.arguments, "suite": "stable"})
    get_user_model().objects.all().delete()
    assert [job.error_code for job in embedded.run_jobs()] == ["right_missing"]
    assert embedded.records() == []


def test_a_publisher_may_start_it_again(embedded, member, tmp_path):
    tool = build_deb(tmp_path, "tool", "1.0")
    arguments = stage_upload(tool, tool.name, user=member("Publishers"), suite="stable").arguments
    Job.objects.all().delete()
    job = queue.enqueue(Job.Kind.UPLOAD, {**arguments, "by_publisher": False}, user=member("Uploaders"))
    [job] = embedded.run_jobs()
    assert job.error_code == "right_missing"
    request_again(job, member("Publishers"))
    embedded.run_jobs()
    assert [record.suites for record in embedded.records()] == [("stable",)]


def test_a_command_is_the_operators(embedded, member, tmp_path):
    tool = build_deb(tmp_path, "tool", "1.0")
    stage_upload(tool, tool.name, suite="stable")
    embedded.run_jobs()
    assert [record.suites for record in embedded.records()] == [("stable",)]
