"""How many jobs of one person may wait at once (MOST_WAITING_JOBS)."""

import pytest

from packages_app.core.running_errors import TooManyJobs
from packages_app.models import Job
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.requests import request_sweep, request_sync
from tests.debs import build_deb


@pytest.fixture
def person(embedded, settings, django_user_model):
    """A person of whom two jobs may wait, and do."""
    settings.MOST_WAITING_JOBS = 2
    person = django_user_model.objects.create_superuser("olga")
    request_sync(["one"], person)
    request_sync(["two"], person)
    return person


def test_no_further_job_of_a_person_waits_who_has_many(person, django_user_model):
    with pytest.raises(TooManyJobs) as refused:
        request_sync(["three"], person)
    assert (refused.value.code, refused.value.retryable) == ("too_many_jobs", True)
    assert Job.objects.count() == 2
    assert request_sync(["two"], person).subject == "two"  # it waits already
    request_sweep(django_user_model.objects.create_superuser("boris"))
    request_sweep(None, dry_run=True)
    assert Job.objects.count() == 4


def test_a_job_that_is_done_makes_room(person):
    queue.run(Job.objects.earliest("created").pk, lambda _job, _progress: {})
    assert request_sync(["three"], person).state == "queued"


def test_an_upload_that_is_one_too_many_leaves_nothing_in_staging(embedded, person, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    for stage in (
        lambda: stage_upload(deb, deb.name, user=person),
        lambda: stage_batch([(deb.name, deb.read_bytes())], user=person),
    ):
        with pytest.raises(TooManyJobs):
            stage()
    assert list(embedded.staging.keys("uploads/")) == []
    assert Job.objects.count() == 2
