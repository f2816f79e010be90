"""Held candidates in the admin: reason and diff for all to see, the decision for those who may publish."""

import pytest
from django.utils.html import escape

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.models import ClearedCaution, HeldCandidate
from packages_app.services.publication.held_candidates import hold_back
from packages_app.services.publication.publish import publish
from tests.records import make_record

BASE = "/admin/packages_app/heldcandidate"


@pytest.fixture
def held(embedded, settings, tmp_path):
    """A candidate that lacks a package that clients have, and brings one."""
    for name in ("one", "two"):
        record = make_record(name)
        embedded.table.put_new(record)
        embedded.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())
        if name == "one":
            publish("stable", Silent())
            settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "other.sqlite3")
            embedded.table.create()
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    return HeldCandidate.objects.get()


def test_the_page_shows_reason_and_diff_and_a_viewer_no_button(held, as_member):
    page = as_member("Viewers").get(f"{BASE}/{held.pk}/change/").content.decode()
    [finding] = held.findings
    assert (finding["code"], finding["items"]) == ("vanished", ["one#1.0 amd64"])
    assert escape(finding["text"]) in page
    assert "+ two 1.0 amd64" in page
    assert "− one 1.0 amd64" in page
    assert "Approve and publish" not in page


def test_a_publisher_approves_and_it_is_published(held, as_member, embedded):
    client = as_member("Publishers")
    reason = escape(held.findings[0]["text"])
    assert "?state__exact=waiting" in client.get("/admin/").content.decode()
    assert reason in client.get("/admin/").content.decode()
    assert "Approve and publish" in client.get(f"{BASE}/{held.pk}/change/").content.decode()
    client.post(f"{BASE}/{held.pk}/approve/")
    assert [job.state for job in embedded.run_jobs()] == ["done"]
    held.refresh_from_db()
    assert (held.state, held.decided_by.username) == ("published", "Publishers")
    assert reason not in client.get("/admin/").content.decode()


def test_what_was_rejected_can_not_be_approved_any_more(held, as_member):
    client = as_member("Publishers")
    client.post(f"{BASE}/{held.pk}/reject/")
    [_rejected, message] = client.post(f"{BASE}/{held.pk}/approve/", follow=True).context["messages"]
    assert message.level_tag == "error"
    assert f"{held} " in message.message
    assert "rejected" in message.message
    held.refresh_from_db()
    assert held.state == "rejected"


def test_of_very_many_names_the_first_are_shown_with_a_link_to_all(embedded, as_member, client, django_user_model):
    names = tuple(f"tool{number} 1.0 amd64" for number in range(130))
    finding = CandidateFinding("vanished", "They are gone.", "Restore them.", names)
    held = hold_back("stable", CandidateHeld("stable", (finding,), added=(), removed=names, packages=0), None)
    everything = f"{BASE}/{held.pk}/lists/"
    viewer = as_member("Viewers")
    page = viewer.get(f"{BASE}/{held.pk}/change/").content.decode()
    assert page.count("<li>− tool") == page.count("<li>tool") == 100
    assert page.count("and 30 more") == page.count(f'href="{everything}"') == 2
    text = viewer.get(everything).content.decode().splitlines()
    assert {"vanished: 130", "added: 0", "removed: 130", "  tool129 1.0 amd64", "  − tool129 1.0 amd64"} <= set(text)
    assert "+0 / −130" in viewer.get(f"{BASE}/").content.decode()
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    assert client.get(everything).status_code == 403


def test_what_is_cleared_is_listed(as_member, embedded):
    ClearedCaution.objects.create(suite="stable", digest="d", package="tool", said="setuid: usr/bin/tool")
    page = as_member("Viewers").get("/admin/packages_app/clearedcaution/?q=to").content.decode()
    assert "setuid: usr/bin/tool" in page
