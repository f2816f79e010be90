"""Forms check what was sent; what is asked for is asked once, and a refusal is shown on the form."""

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory

from packages_app.admin.forms import BuildForm, UploadForm
from packages_app.models import Job
from tests.debs import build_deb
from tests.deliveries import UPLOAD, send, sent, ticked

BUILD = "/admin/packages_app/package/build/"


@pytest.fixture
def deb(embedded, tmp_path):
    embedded.define_uploads("tool")
    return build_deb(tmp_path / "debs", "tool", "1.0")


def test_a_form_that_is_looked_at_twice_has_asked_for_nothing(embedded, deb):
    requests = RequestFactory()
    upload = requests.post(UPLOAD, {"file": sent(deb)})
    build = requests.post(BUILD, {"name": "kiro-repo", "part": "patch"})
    build.user = get_user_model()(is_superuser=True)
    for form in (UploadForm(request=upload), BuildForm(request=build)):
        assert form.is_valid(), form.errors
        form.full_clean()
        assert form.is_valid()
    assert not Job.objects.exists()
    assert list(embedded.staging.keys("")) == []


def test_an_upload_is_staged_once_and_leads_to_its_job(embedded, deb, as_member):
    client = as_member("Uploaders")
    answer = send(client, deb)
    assert not Job.objects.exists()
    page = client.get(answer.url).text
    assert "stable: tool amd64: none → 1.0" in page
    answer = client.post(answer.url, {"file": ticked(page)})
    job = Job.objects.get()
    assert answer.url == f"/admin/packages_app/job/{job.pk}/change/"
    assert (job.kind, job.requested_by.username) == (Job.Kind.UPLOAD, "Uploaders")
    assert embedded.staging.read(job.arguments["staged"]) == deb.read_bytes()


def test_what_the_service_refuses_is_shown_at_the_field_with_its_remedy(embedded, deb, as_member, tmp_path):
    client = as_member("Uploaders")
    stranger = build_deb(tmp_path / "debs", "stranger", "1.0")
    for fields, field, said in (
        ({"file": sent(stranger)}, "file", "Upload one of: kiro-repo, tool"),
        ({"file": sent(deb, "tool.txt")}, "file", "Remedy: "),
    ):
        form = client.post(UPLOAD, fields).context["form"]
        assert list(form.errors) == [field]
        assert said in form.errors[field][0]
    form = as_member("Publishers").post(BUILD, {"name": "kiro-repo", "version": "not a version"}).context["form"]
    assert list(form.errors) == ["version"]
    assert not Job.objects.exists()


def test_a_file_larger_than_allowed_is_refused_by_the_form_itself(embedded, deb, settings):
    settings.UPLOAD_LIMIT_BYTES = 10
    form = UploadForm(request=RequestFactory().post(UPLOAD, {"file": sent(deb)}))
    assert list(form.errors) == ["file"]
