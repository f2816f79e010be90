"""Tokens near their end: told of while they are used, gone long after, and what they asked for keeps their names."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from packages_app import tasks
from packages_app.models import AccessToken, Job, Notice
from packages_app.services.jobs import queue
from packages_app.services.rights.shown_token import showing
from packages_app.services.rights.tokens import make_token, token_of


@pytest.fixture
def root(embedded):
    return get_user_model().objects.create_superuser("root")


def token(root, name, *, days, left, used=True):
    made, secret = make_token(name, root, actions=["publish"], days=days)
    until = timezone.now() + timedelta(days=left)
    used_at = timezone.now() if used else None
    AccessToken.objects.filter(pk=made.pk).update(expires=until, made=until - timedelta(days=days), last_used=used_at)
    return made, secret


def test_a_token_in_use_is_told_of_a_week_before_its_end(root):
    soon, _ = token(root, "soon", days=90, left=6.9)
    for name, said in (("later", {"left": 7.1}), ("unused", {"left": 1, "used": False}), ("over", {"left": -1}),
                       ("short", {"left": 1, "days": 7})):  # fmt: skip
        token(root, name, **{"days": 90, **said})
    revoked, _ = token(root, "revoked", days=90, left=1)
    AccessToken.objects.filter(pk=revoked.pk).update(revoked=timezone.now())
    for _ in range(2):
        assert len(tasks.watch_tokens()) == 1
    notice = Notice.objects.get()
    assert (notice.kind, notice.times, str(soon) in notice.subject) == ("token_ends", 2, True)
    AccessToken.objects.filter(pk=soon.pk).update(revoked=timezone.now())
    assert tasks.watch_tokens() == []
    assert Notice.objects.get().settled


def test_tokens_that_ended_long_ago_go_and_their_jobs_keep_their_names(root, settings):
    old = -settings.HISTORY_KEPT_DAYS - 1
    gone, secret = token(root, "gone", days=90, left=1)
    who, shown = token_of(secret)
    with showing(shown):
        job = queue.enqueue(Job.Kind.PUBLISH, subject="stable", user=who)
    AccessToken.objects.filter(pk=gone.pk).update(expires=timezone.now() + timedelta(days=old))
    revoked, _ = token(root, "revoked", days=90, left=1)
    AccessToken.objects.filter(pk=revoked.pk).update(revoked=timezone.now() + timedelta(days=old))
    stays, _ = token(root, "expired", days=90, left=old + 2)
    assert tasks.remove_old_rows()["tokens"] == 2
    assert list(AccessToken.objects.all()) == [stays]
    job = Job.objects.get(pk=job.pk)
    assert (job.token, job.asker) == (None, "root, by the token gone")
    root.delete()
    assert Job.objects.get(pk=job.pk).asker == "root, by the token gone"
