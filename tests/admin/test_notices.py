"""Notices in the admin: the list, settling, and the front page, where nothing is said twice."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from django.utils.html import escape

from packages_app.core.ports import Silent
from packages_app.models import DefinitionStatus, Job, Notice, Publication
from packages_app.services.jobs import queue
from packages_app.services.mirror.definitions import mirror_definitions, record_check
from packages_app.services.notices.notify import notify
from packages_app.services.publication.publish import publish
from packages_app.services.setup.groups import ensure_groups

LIST = "/admin/packages_app/notice/"


@pytest.fixture
def notices(embedded):
    return {
        "conflict": notify(Notice.Kind.VERSION_CONFLICT, "tool 1.0 amd64", "Other bytes.", remedy="Ask upstream."),
        "key": notify(Notice.Kind.EXPIRY_NEAR, "signing key", "It ends.", level="warning"),
        "news": notify(Notice.Kind.NEW_VERSION, "stable 1", "New in stable: one 1.", level="info"),
    }


def page_of(client, address="/admin/"):
    return client.get(address).content.decode()


def test_notices_are_listed_by_state_and_shown_whole(notices, as_member):
    client = as_member("Viewers")
    Notice.objects.filter(pk=notices["key"].pk).update(settled=timezone.now())
    for state, shown in (("", "ekn"), ("?state=open", "e"), ("?state=settled", "k"), ("?state=news", "n")):
        page = page_of(client, LIST + state)
        found = {"e": "Other bytes.", "k": "It ends.", "n": "New in stable: one 1."}
        assert "".join(letter for letter, text in found.items() if text in page) == shown, state
    page = page_of(client, f"{LIST}{notices['conflict'].pk}/change/")
    assert "Ask upstream." in page
    assert "not sent" in page


def test_what_could_not_be_sent_is_shown(notices, as_member):
    client = as_member("Viewers")
    link = f'href="{LIST}?state=unsent"'
    assert link not in page_of(client)
    said = "address 1 (json): Failed to send JSON POST notification: error=500."
    Notice.objects.filter(pk=notices["conflict"].pk).update(tries=5, sending_failed=said)
    assert said in page_of(client)
    assert link in page_of(client)
    listed = page_of(client, f"{LIST}?state=unsent")
    assert "Other bytes." in listed
    assert "It ends." not in listed
    assert "given up" in listed


def test_settling_needs_the_right_to_publish(notices, as_member):
    chosen = {"action": "settle", "_selected_action": [notices["conflict"].pk]}
    as_member("Viewers").post(LIST, chosen)
    notices["conflict"].refresh_from_db()
    assert notices["conflict"].settled is None
    answer = as_member("Publishers").post(LIST, chosen, follow=True)
    assert "1 notices settled" in answer.content.decode()
    notices["conflict"].refresh_from_db()
    assert notices["conflict"].settled


def test_the_front_page_lists_alarms_with_their_remedy_and_news_apart(notices, as_member):
    page = page_of(as_member("Viewers"))
    attention, news = page.index("rm-attention"), page.index("<h2>News</h2>")
    assert attention < page.index("Other bytes.") < page.index("Remedy: Ask upstream.") < news
    assert attention < page.index("It ends.") < news
    assert page.index("New in stable: one 1.") > news
    assert f'href="{LIST}{notices["conflict"].pk}/change/"' in page


def test_the_front_page_says_nothing_twice(embedded, as_member):
    embedded.define_uploads("tool")
    embedded.define_uploads("other")
    mirror_definitions()
    record_check("tool", "The signature of tool is not good.", failed=True)
    record_check("other", "other is away.", failed=True)
    notify(Notice.Kind.SIGNATURE_REFUSED, "tool", "The signature of tool is not good.")
    job = queue.enqueue(Job.Kind.BUILD, {"name": "ghost", "version": "1"})
    embedded.run_jobs()
    page = page_of(as_member("Viewers"))
    assert page.count("The signature of tool is not good.") == 1
    assert page.count("other is away.") == 1
    job.refresh_from_db()
    assert job.error_code == "package_refused"
    assert page.count(escape(job.error)) == 1
    card = page[page.index("rm-attention") : page.index("Suite stable")]
    assert f'href="/admin/packages_app/job/{job.pk}/change/"' in card
    assert f'href="/admin/packages_app/definitionstatus/{DefinitionStatus.objects.get(name="tool").pk}' not in card


def test_a_quiet_repository_needs_nobody(embedded, as_member):
    publish("stable", Silent())
    page = page_of(as_member("Viewers"))
    assert "Needs a person" not in page
    assert "<h2>News</h2>" not in page
    assert '<strong class="rm-bad">' not in page


def test_a_release_near_its_end_stands_out(embedded, as_member):
    publish("stable", Silent())
    client = as_member("Viewers")
    for days, shown in ((10.4, False), (10.6, True)):
        now = timezone.now()
        Publication.objects.update(date=now - timedelta(days=days), valid_until=now + timedelta(days=14 - days))
        assert ('<strong class="rm-bad">' in page_of(client)) is shown


def test_what_a_newer_release_shows_reaches_the_groups_that_are_there_and_nothing_else_changes(db):
    ensure_groups()
    new, taken = (Permission.objects.get(codename=name) for name in ("view_notice", "view_job"))
    viewers = Group.objects.get(name="Viewers")
    viewers.permissions.remove(taken)
    new.group_set.clear()
    Group.objects.get(name="Publishers").permissions.remove(Permission.objects.get(codename="publish_suite"))
    ensure_groups()
    held = set(viewers.permissions.values_list("codename", flat=True))
    assert "view_notice" in held
    assert "view_job" not in held
    assert not Group.objects.filter(permissions__codename="publish_suite").exists()
    viewers.permissions.remove(new)
    ensure_groups()
    assert not viewers.permissions.filter(codename="view_notice").exists()
