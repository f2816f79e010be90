"""Snapshots in the admin: listed for who may look, made and deleted by who may publish, with consent."""

import re

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Job, Publication
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.snapshots.snapshots import create_snapshot, list_snapshots
from tests.debs import build_deb

PAGE = "/admin/packages_app/publication/snapshots/"


@pytest.fixture
def stack(embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    return embedded


def names():
    return [one.name for one in list_snapshots("stable")]


def shown(client):
    return client.get(PAGE).content.decode()


def test_one_is_made_shown_with_its_line_and_deleted_with_consent(stack, as_member, settings):
    settings.WITHHELD = ("SIGNING_KEY",)  # as in the web process
    client = as_member("Publishers")
    digest = Publication.objects.get().release_sha256
    said = {"suite": "stable", "id": "q4", "reason": "<audited>", "publication": ""}
    preview = client.post(f"{PAGE}create/", said).content.decode()
    assert "stable/snapshots/q4: 1 package<" in preview
    assert "&lt;audited&gt;" in preview
    assert f'name="publication" value="{digest[:16]}"' in preview  # just what is shown, whatever is published meanwhile
    assert not Job.objects.filter(kind="snapshot").exists()
    client.post(f"{PAGE}create/", {**said, "publication": digest[:16], "consent": "1"})
    settings.WITHHELD = ()
    [job] = stack.run_jobs()
    assert (job.state, job.asker, names()) == ("done", "Publishers", ["q4"])
    settings.WITHHELD = ("SIGNING_KEY",)
    page = shown(client)
    assert "&lt;audited&gt;" in page
    assert "https://apt.example.org stable/snapshots/q4 main" in page
    chosen = {"suite": "stable", "id": "q4"}
    asked = client.post(f"{PAGE}delete/", chosen).content.decode()
    assert 'name="consent"' in asked
    assert not Job.objects.filter(state="queued").exists()
    client.post(f"{PAGE}delete/", {**chosen, "consent": "1"})
    settings.WITHHELD = ()
    stack.run_jobs()
    assert names() == []


def test_what_cannot_be_is_told_and_asks_for_nothing(stack, as_member):
    client = as_member("Publishers")
    create_snapshot("stable", "q4", Silent())
    for address, said in (
        ("create", {"suite": "stable", "id": "q4"}),
        ("create", {"suite": "stable", "id": "../q5"}),
        ("create", {"suite": "ghost", "id": "q5"}),
        ("create", {"suite": "stable", "id": "q5", "publication": "none"}),
        ("create", {}),
        ("create", {"suite": "stable", "id": "q4", "consent": "1"}),
        ("create", {"suite": "stable", "id": "q5", "publication": "none", "consent": "1"}),
        ("delete", {"suite": "stable", "id": "q5", "consent": "1"}),
        ("delete", {"suite": "../..", "id": "q4", "consent": "1"}),
        ("delete", {}),
    ):
        told = client.post(f"{PAGE}{address}/", said, follow=True)
        assert [message.level_tag for message in told.context["messages"]] == ["error"], said
    assert names() == ["q4"]
    assert not Job.objects.filter(kind="snapshot").exists()


def test_who_may_only_look_is_offered_no_button(stack, as_member):
    create_snapshot("stable", "q4", Silent())
    page = shown(as_member("Viewers"))
    assert "stable/snapshots/q4" in page
    assert "Show what it would hold" not in page
    assert "Delete" not in page


def test_a_merge_is_shown_first_and_made_with_consent_and_a_suite_is_filled_from_it(stack, as_member, settings):
    stack.configure(suites=[{"name": "stable"}, {"name": "new", "codename": "new"}])
    create_snapshot("stable", "q4", Silent(), reason="audited")
    settings.WITHHELD = ("SIGNING_KEY",)
    client = as_member("Publishers")
    assert 'value="stable/q4"' in client.get(f"{PAGE}fill/", {"snapshot": "stable/q4"}).content.decode()
    said = {"name": "tools", "parts": "stable/q4\nstable", "way": "left", "query": "", "reason": "<fair>"}
    preview = client.post(f"{PAGE}compose/", said).content.decode()
    assert "stable/snapshots/tools: 1 package<" in preview
    assert "&lt;fair&gt;" in preview
    assert not Job.objects.filter(kind="snapshot").exists()
    [parts] = re.findall(r'name="parts" value="([^"]+)"', preview)
    assert parts.split() == ["stable/q4", Publication.objects.get().release_sha256[:16]]
    client.post(f"{PAGE}compose/", {**said, "parts": parts, "consent": "1"})
    settings.WITHHELD = ()
    stack.run_jobs()
    assert sorted(names()) == ["q4", "tools"]
    assert "left of stable/snapshots/q4" in shown(client)
    settings.WITHHELD = ("SIGNING_KEY",)
    filled = {"suite": "new", "snapshot": "stable/tools", "reason": ""}
    preview = client.post(f"{PAGE}fill/", filled).content.decode()
    assert "Come in: 1" in preview
    assert "new: tool amd64: none → 1.0" in preview
    unseen = client.post(f"{PAGE}fill/", {**filled, "consent": "1"})
    assert [message.level_tag for message in unseen.context["messages"]] == ["error"]
    seen = re.findall(r'name="shown" value="([^"]+)"', preview)
    client.post(f"{PAGE}fill/", {**filled, "consent": "1", "shown": seen})
    settings.WITHHELD = ()
    stack.run_jobs()
    assert [record.suites for record in stack.records()] == [("new", "stable")]
    for page, wrong in (("compose", {**said, "parts": "stable/ghost"}), ("compose", {"parts": ""}),
                        ("compose", {**said, "name": "more", "query": "ghost"}), ("fill", {**filled, "snapshot": "x"}),
                        ("fill", {"consent": "1"})):  # fmt: skip
        told = client.post(f"{PAGE}{page}/", wrong, follow=True)
        assert [message.level_tag for message in told.context["messages"]] == ["error"], wrong
