"""A repository adopted in the admin: looked at first, then brought by consent to what was shown."""

import pytest
from django.urls import reverse
from pysequoia import Cert

from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from tests.adoption import existing
from tests.debs import build_deb

ADOPT = "/admin/packages_app/package/adopt/"
SAID = {"suites": "stable", "pool": "copy", "definitions": "upload"}


@pytest.fixture
def theirs(tmp_path):
    return existing.plain(tmp_path / "theirs", [build_deb(tmp_path / "debs", "hello", "1.0")])


@pytest.fixture
def served(theirs):
    with existing.Served(theirs.root) as server:
        yield server


def looked_at(stack, client, server, said=None, **more):
    """Post the form and do its job; gives the job, and the address that was gone to."""
    answer = client.post(ADOPT, {**SAID, "address": server.url, "unsigned": "on", **(said or {}), **more})
    assert answer.status_code == 302, answer.text
    [job] = stack.run_jobs()
    assert answer.url == reverse("admin:packages_app_job_change", args=[job.pk])
    return job


def test_it_is_looked_at_then_adopted_as_it_was_shown_and_takes_new_versions(
    embedded, admin_client, theirs, served, tmp_path
):
    keys = str(Cert.from_bytes(theirs.signer.public_keyring()))
    look = looked_at(embedded, admin_client, served, {"keyring": keys, "unsigned": ""})
    assert (look.state, look.result["new"], look.result["added"]) == ("done", 1, 0), look.error
    page = admin_client.get(reverse("admin:packages_app_job_change", args=[look.pk])).text
    assert (f'name="look" value="{look.pk}"' in page, "Origin is Kiro, was Theirs" in page) == (True, True)
    assert (embedded.records(), adapters.documents().documents()) == ([], [])
    existing.index(theirs, "stable", "main")  # another date alone
    answer = admin_client.post(ADOPT, {"look": str(look.pk)})
    [adoption, publication] = embedded.run_jobs()
    assert answer.url == reverse("admin:packages_app_job_change", args=[adoption.pk])
    assert (adoption.state, adoption.result["added"], publication.state) == ("done", 1, "done"), adoption.error
    page = admin_client.get(answer.url).text
    assert 'name="look"' not in page
    newer = build_deb(tmp_path / "newer", "hello", "1.1")
    stage_upload(newer, newer.name)
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    assert {record.version for record in embedded.records()} == {"1.0", "1.1"}
    admin_client.post(ADOPT, {"look": str(adoption.pk)})
    assert embedded.run_jobs() == []  # what was no look shows nothing to consent to


def test_what_was_published_again_since_is_not_brought(embedded, admin_client, theirs, served, tmp_path):
    look = looked_at(embedded, admin_client, served)
    existing.plain(theirs.root, [build_deb(tmp_path, "evil", "1.0")])
    admin_client.post(ADOPT, {"look": str(look.pk)})
    [job] = embedded.run_jobs()
    assert (job.error_code, embedded.records()) == ("preview_outdated", [])


def test_private_addresses_are_those_of_the_settings_and_unsound_input_asks_for_nothing(
    embedded, admin_client, served, settings, django_user_model
):
    settings.PRIVATE_UPSTREAMS = PrivateUpstreams()
    job = looked_at(embedded, admin_client, served)
    assert (job.error_code, served.asked) == ("upstream_error", [])
    for wrong in (
        {"address": "/etc"}, {"address": "ftp://x"}, {"address": "https://u:p@example.org/"}, {"suites": ""},
        {"suites": "x=nowhere"}, {"unsigned": ""}, {"keyring": "x"}, {"unsigned": "", "keyring": "x"},
        {"allow": "everything"}, {"pool": "burn"}, {"definitions": "all"},
    ):  # fmt: skip
        answer = admin_client.post(ADOPT, {**SAID, "address": "https://x.example.org", "unsigned": "on", **wrong})
        assert (answer.status_code, 'class="rm-alert"' in answer.text) == (200, True), wrong
    assert [admin_client.post(ADOPT, {"look": key}).status_code for key in ("x", "-" * 36)] == [404, 404]
    embedded.configure(define="nobody")
    answer = admin_client.post(ADOPT, {**SAID, "address": "https://x.example.org", "unsigned": "on"})
    assert (answer.status_code, 'class="rm-alert"' in answer.text) == (200, True)
    assert Job.objects.count() == 1
    # Who is no superuser any more by then gets nothing done.
    look = Job.objects.create(kind=Job.Kind.ADOPT, arguments={**job.arguments, "definitions": "none"},
                              requested_by=django_user_model.objects.create(username="ann"))  # fmt: skip
    embedded.run_jobs()
    look.refresh_from_db()
    assert look.error_code == "right_missing"
