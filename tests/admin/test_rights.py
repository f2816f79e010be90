"""Viewing, uploading and publishing are three rights; a page shows what its reader may do."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from packages_app.models import (
    AccessGrant,
    ClearedCaution,
    Conflict,
    DefinitionStatus,
    HeldCandidate,
    Job,
    Notice,
    Package,
    Publication,
)
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.mirror.definitions import mirror_definitions
from tests.debs import build_deb
from tests.deliveries import upload
from tests.records import make_record
from tests.verified import copy_of, made_once

BASE = "/admin/packages_app"
PUBLISHING = (
    f"{BASE}/publication/publish/",
    f"{BASE}/publication/force-rebuild/",
    f"{BASE}/publication/sweep/",
    f"{BASE}/definitionstatus/check/",
)
UPLOADING = (f"{BASE}/package/upload/", f"{BASE}/package/build/")


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory, django_db_setup, django_db_blocker):
    """Make what `filled` copies."""
    folder = tmp_path_factory.mktemp("filled")
    return made_once(django_db_blocker, folder, lambda stack: fill(stack, folder))


@pytest.fixture
def filled(filled_once, tmp_path, settings, db):
    """A repository with a package, an incomplete record, a conflict and a failed job."""
    return copy_of(*filled_once, tmp_path / "home", settings)


def fill(stack, folder):
    stack.define_uploads("tool")
    deb = build_deb(folder, "tool", "1.0+b~1")
    stage_upload(deb, deb.name)
    stack.run_jobs()
    stack.table.put_new(make_record("bare", sha1_hash=""))
    mirror_definitions()
    failing = queue.enqueue(Job.Kind.BUILD, {"name": "ghost", "version": "1"})
    queue.enqueue(Job.Kind.RECONCILE)
    queue.enqueue(Job.Kind.FORCE_REBUILD)
    stack.run_jobs()
    Conflict.objects.create(package_name="tool", version="1.0", architecture="amd64", origin="test")
    assert Job.objects.get(pk=failing.pk).state == "failed"


@pytest.mark.parametrize("who", ["Viewers", "Uploaders", "Publishers", "a grant", "view_package"])
def test_everybody_sees_every_page(filled, as_member, client, who):
    if who in ("a grant", "view_package"):  # he may read: also by a token, all of it
        reader = get_user_model().objects.create(username="reader", is_staff=True)
        if who == "a grant":
            AccessGrant.objects.create(user=reader, action="read")
        else:
            reader.user_permissions.add(Permission.objects.get(codename=who))
        client.force_login(reader)
    else:
        client = as_member(who)
    for model in (Package, Publication, Job, DefinitionStatus, Conflict, Notice, HeldCandidate, ClearedCaution):
        listed = f"{BASE}/{model._meta.model_name}/"
        assert client.get(listed).status_code == 200
        for row in model.objects.all():
            assert client.get(f"{listed}{row.pk}/change/").status_code == 200
    job = Job.objects.get(state="failed")
    assert job.error_code == "package_refused"
    assert escape(job.error) in client.get(f"{BASE}/job/{job.pk}/progress/").content.decode()
    assert client.get("/admin/").status_code == 200


def test_a_viewer_may_look_only(filled, as_member):
    client = as_member("Viewers")
    before = Job.objects.count()
    for address in (*PUBLISHING, *UPLOADING, f"{BASE}/job/{Job.objects.get(state='failed').pk}/again/"):
        assert client.post(address).status_code == 403
    for address in UPLOADING:
        assert client.get(address).status_code == 403
    page = client.get("/admin/").content.decode()
    assert "Force rebuild" not in page
    assert "Upload a build" not in page
    client.post(f"{BASE}/conflict/", {"action": "settle", "_selected_action": [Conflict.objects.get().pk]})
    assert not Conflict.objects.get().settled
    assert Job.objects.count() == before


def test_an_uploader_may_upload_but_not_publish(filled, as_member, tmp_path):
    client = as_member("Uploaders")
    assert all(client.post(address).status_code == 403 for address in PUBLISHING)
    answer = upload(client, build_deb(tmp_path, "tool", "2.0"))
    job = Job.objects.get(kind="intake_upload", state="queued")
    assert answer.url == f"{BASE}/job/{job.pk}/change/"
    assert job.requested_by.get_username() == "Uploaders"


def test_an_uploader_neither_uploads_nor_builds_a_bootstrap_package(filled, as_member, tmp_path):
    client = as_member("Uploaders")
    before = filled.records(), list(filled.staging.keys("")), Job.objects.count()
    assert client.get(UPLOADING[1]).status_code == 403
    assert client.post(UPLOADING[1], {"name": "kiro-repo", "version": "3.0"}).status_code == 403
    deb = build_deb(tmp_path, "kiro-repo", "9.9", "all")
    page = client.post(UPLOADING[0], {"file": SimpleUploadedFile(deb.name, deb.read_bytes())})
    assert [error.code for error in page.context["form"].errors.as_data()["file"]] == ["right_missing"]
    assert (filled.records(), list(filled.staging.keys("")), Job.objects.count()) == before
    pages = client.get("/admin/").content.decode() + client.get(f"{BASE}/package/").content.decode()
    assert UPLOADING[0] in pages
    assert UPLOADING[1] not in pages


def test_the_place_is_the_definitions_unless_one_may_publish_there(filled, as_member, tmp_path):
    filled.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    filled.define_uploads("tried", suites=["testing"])
    deb = build_deb(tmp_path, "tried", "1.0")

    uploader = as_member("Uploaders")
    assert "stable" not in [value for value, _ in uploader.get(UPLOADING[0]).context["form"].fields["suite"].choices]
    assert upload(uploader, deb, suite="stable").status_code == 200
    assert not Job.objects.filter(state="queued").exists()
    assert upload(uploader, deb).status_code == 302
    filled.run_jobs()
    assert [record.suites for record in filled.table.versions_of("tried")] == [("testing",)]
    assert upload(as_member("Publishers"), deb, suite="stable").status_code == 302
    filled.run_jobs()
    assert [record.suites for record in filled.table.versions_of("tried")] == [("stable", "testing")]


def test_forms_show_what_is_wrong(filled, as_member):
    client = as_member("Publishers")
    for address, field, posted, code in (
        (UPLOADING[0], "file", {"file": SimpleUploadedFile("x.deb", b"<html>")}, "invalid_deb"),
        (UPLOADING[1], "version", {"name": "kiro-repo", "version": "1_0"}, "invalid_version"),
    ):
        page = client.post(address, posted)
        [refusal] = page.context["form"].errors.as_data()[field]
        assert refusal.code == code
        assert escape(refusal.message) in page.content.decode()
        assert "Remedy: " in refusal.message
    answer = client.post(UPLOADING[1], {"name": "kiro-repo", "version": "3.0"})
    assert answer.status_code == 302


def test_an_upload_over_the_limit_is_refused(filled, as_member, settings, tmp_path):
    settings.UPLOAD_LIMIT_BYTES = 10
    too_large = SimpleUploadedFile("tool_2.0_amd64.deb", build_deb(tmp_path, "tool", "2.0").read_bytes())
    assert b"larger than 10 bytes" in as_member("Uploaders").post(UPLOADING[0], {"file": too_large}).content


def test_a_publishers_requests_become_jobs_once(filled, as_member):
    client = as_member("Publishers")
    for address in PUBLISHING:
        answers = [
            client.post(address, {"suite": "stable", "consent": "1"} if "publication" in address else {})
            for _ in range(2)
        ]
        assert answers[0].url == answers[1].url
        assert "/job/" in answers[0].url
    assert client.post(PUBLISHING[0], {"suite": "nowhere"}).url == "/admin/"
    again = client.post(f"{BASE}/job/{Job.objects.get(state='failed').pk}/again/")
    assert "/job/" in again.url
    client.post(f"{BASE}/conflict/", {"action": "settle", "_selected_action": [Conflict.objects.get().pk]})
    assert Conflict.objects.get().settled
    rows = {"action": "force_rebuild", "_selected_action": [Publication.objects.first().pk]}
    asked = client.post(f"{BASE}/publication/", rows).url
    assert asked == f"{BASE}/publication/force-rebuild/?suite=stable"
    assert "/job/" in client.post(asked, {"suite": "stable", "consent": "1"}).url
    rows = {"action": "check_upstream", "_selected_action": [DefinitionStatus.objects.first().pk]}
    assert "/job/" in client.post(f"{BASE}/definitionstatus/", rows).url


def test_a_request_for_several_suites_makes_a_job_for_each_and_shows_them_all(filled, as_member):
    filled.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    consent = {"consent": "1", "approve": "9" * 5000}  # which is no number of a candidate
    answer = as_member("Publishers").post(f"{BASE}/publication/force-rebuild/", consent, follow=True)
    made = Job.objects.filter(kind=Job.Kind.FORCE_REBUILD, state=Job.State.QUEUED).exclude(subject="")
    assert {job.subject for job in made} == {"stable", "testing"}
    assert answer.redirect_chain[-1][0] == f"{BASE}/job/"
    page = answer.content.decode()
    assert all(f'href="{BASE}/job/{job.pk}/change/"' in page for job in made)


def test_requests_need_a_post_with_a_token(filled, as_member):
    client = as_member("Publishers")
    for address in PUBLISHING:
        # The page that asks for consent to a rebuild is looked at; a look asks for nothing.
        assert client.get(address).status_code == (200 if address.endswith("/force-rebuild/") else 405)
    client.handler.enforce_csrf_checks = True
    for address in (*PUBLISHING, *UPLOADING):
        assert client.post(address).status_code == 403


def test_packages_are_found_filtered_and_shown_whole(filled, as_member):
    client = as_member("Viewers")
    for query, found in (
        ("?q=to", True),
        ("?q=ool", True),
        ("?q=oool", False),
        ("?q=tool%231.0", True),
        ("?q=too%231.0", False),
        ("?suite=stable&q=tool", True),
        ("?suite=testing", False),
    ):
        page = client.get(f"{BASE}/package/{query}").content.decode()
        assert ("1.0+b~1" in page) is found, query
    page = client.get(f"{BASE}/package/{Package.objects.get(package_name='tool').pk}/change/").content.decode()
    assert 'href="https://apt.example.org/pool/main/t/tool/tool_1.0%2Bb~1_amd64.deb"' in page
    assert "Filename: pool/main/t/tool/tool_1.0+b~1_amd64.deb" in page
    page = client.get(f"{BASE}/package/{Package.objects.get(package_name='bare').pk}/change/").content.decode()
    assert "no sha1_hash" in page
    assert "Filename: " not in page, "it has no stanza"


def test_a_list_costs_the_same_however_many_rows(filled, as_member, django_assert_max_num_queries):
    for number in range(30):
        filled.table.put_new(make_record("many", f"1.{number}"))
    queue.enqueue(Job.Kind.RECONCILE)
    filled.run_jobs()
    client = as_member("Viewers")
    client.get("/admin/")  # the first page of a session notes who signed in
    with django_assert_max_num_queries(12):
        client.get(f"{BASE}/package/")


def test_a_broken_configuration_is_shown_on_the_front_page(filled, as_member):
    (filled.config / "repository.yaml").write_text("origin: [")
    page = as_member("Viewers").get("/admin/").content.decode()
    alert = page[page.index("rm-alert") :].partition("</p>")[0]
    assert "repository.yaml:1: " in alert
    assert "Remedy: " in alert


def test_who_has_no_right_sees_nothing_on_the_overview(filled, client):
    client.force_login(get_user_model().objects.create_user("nobody", password="x", is_staff=True))
    page = client.get("/admin/").context["page"]
    assert [len(page[name]) for name in ("jobs", "newest", "alarms", "news", "definitions", "suites")] == [0] * 6
    text = client.get("/admin/").content.decode()
    assert "Latest jobs" not in text
    assert "Newest packages" not in text


def test_a_viewer_sees_all_of_the_overview(filled, as_member):
    page = as_member("Viewers").get("/admin/").context["page"]
    assert [bool(len(page[name])) for name in ("jobs", "newest", "alarms", "suites")] == [True] * 4


@pytest.mark.parametrize("model", ["job", "notice", "package", "publication"])
def test_a_search_has_few_conditions_however_long_it_is(filled, as_member, model):
    client = as_member("Viewers")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"{BASE}/{model}/", {"q": " ".join(f"word{n}" for n in range(900))}).status_code == 200
    assert [query["sql"][:100] for query in queries if "word9" in query["sql"] and model != "package"] == []
    assert [query["sql"][:100] for query in queries if "word50" in query["sql"]] == []


@pytest.mark.parametrize("name", ["x" * 100_000, "Tool", "a b", "", "tool\n"])
def test_no_job_is_made_for_what_can_be_no_name(filled, as_member, name):
    before = Job.objects.count()
    as_member("Publishers").post(f"{BASE}/definitionstatus/check/", {"name": name})
    assert Job.objects.count() == before


def test_a_right_of_djangos_to_change_users_makes_nobody_a_superuser(client, db):
    people = get_user_model().objects
    root, hr = people.create_superuser("root", password="x"), people.create_user("hr", password="x", is_staff=True)
    hr.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client.force_login(hr)
    group = Group.objects.create(name="Those")
    said = {"username": "hr", "is_active": "on", "is_staff": "on", "is_superuser": "on", "name": "Those",
            "date_joined_0": "2026-11-29", "date_joined_1": "07:00:00", "password1": "long-enough-1",
            "password2": "long-enough-1", "usable_password": "true", "post": "yes"}  # fmt: skip
    for address in (f"user/{hr.pk}/change", f"user/{root.pk}/password", f"user/{root.pk}/delete", "user/add",
                    f"group/{group.pk}/change", f"group/{group.pk}/delete", "group/add"):  # fmt: skip
        assert client.post(f"/admin/auth/{address}/", said).status_code == 403, address
    for name in ("user", "group"):
        assert client.get(f"/admin/auth/{name}/").status_code == 200
    hr.refresh_from_db()
    root.refresh_from_db()
    assert (hr.is_superuser, root.check_password("x"), people.count()) == (False, True, 2)
