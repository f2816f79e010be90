"""Each address and action of the admin gives each person what `tests/admin/rights.py` says; a new one must be there."""

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, reverse
from django.utils.timezone import now
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from packages_app.models import (
    AccessGrant,
    AccessToken,
    ClearedCaution,
    Conflict,
    HeldCandidate,
    Job,
    Notice,
    Publication,
    TrustedPublisher,
    UploaderKey,
)
from packages_app.models.webhook import Webhook
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.setup.groups import ensure_groups
from packages_app.services.setup.schedules import ensure_schedules
from packages_app.services.webhooks.webhooks import make_webhook, send_test
from tests.admin.rights import ACTIONS, ENDING, PEOPLE, RIGHTS, STAFF
from tests.debs import build_deb


@dataclass(frozen=True)
class Address:
    """An address of the admin: its name here, the path of a row where it needs one."""

    name: str
    path: str


def addresses():
    """Give every address of the admin, with the key of a row that is there for those that need one."""
    reverse("admin:index")  # the admin's pages are imported with the first address that is looked up
    found = []

    def walk(patterns, last):
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, last)
                continue
            assert isinstance(pattern, URLPattern)
            text = str(pattern.pattern)
            if pattern.name is None:
                name = f"{last}_old_address" if text == "<path:object_id>/" else "anything else"
                path = old_address(last) if text == "<path:object_id>/" else "/admin/nothing/here/"
            else:
                name, path = pattern.name, reverse(f"admin:{pattern.name}", kwargs=arguments(pattern))
            last = name.rpartition("_")[0] if name.endswith("_changelist") else last
            found.append(Address(name, path))

    walk(admin.site.get_urls(), "")
    return found


def old_address(name):
    row = model_of(name).objects.first()
    return reverse(f"admin:{name}_changelist") + f"{row.pk}/"


def arguments(pattern):
    fixed = {"app_label": "packages_app", "content_type_id": 1, "url": "nothing", "fingerprint": "F" * 40}
    given = {}
    for name in pattern.pattern.regex.groupindex:
        given[name] = fixed.get(name) or model_of(pattern.name).objects.first().pk
    return given if "content_type_id" not in given else {**given, "object_id": 1}


def model_of(name):
    """Give the model that an address's name begins with."""
    for model in apps.get_models():
        prefix = f"{model._meta.app_label}_{model._meta.model_name}"
        if name == prefix or name.startswith(f"{prefix}_"):
            return model
    return Job if name == "view_on_site" else pytest.fail(f"no model for the address {name}")


def fill(stack, folder):
    """Make a row for every page, and a package `tool`, which is built in a folder."""
    ensure_groups()
    ensure_schedules()
    stack.define_uploads("tool")
    deb = build_deb(folder, "tool", "1.0")
    stage_upload(deb, deb.name)
    failing = queue.enqueue(Job.Kind.BUILD, {"name": "ghost", "version": "1"})
    stack.run_jobs()
    assert Job.objects.get(pk=failing.pk).state == "failed"
    mirror_definitions()
    Conflict.objects.create(package_name="tool", version="1.0", architecture="amd64", origin="test")
    HeldCandidate.objects.create(suite="stable", findings=[], digest="x", packages=1, seen=now())
    ClearedCaution.objects.create(suite="stable", digest="x", package="tool", said="setuid: usr/bin/tool")
    Notice.objects.create(kind="job_failed", subject="x", text="x", seen=now())
    CrontabSchedule.objects.create()
    make_webhook(hook := Webhook(name="ci", address="https://hooks.example.org", events=["job.failed"]))
    send_test(hook)
    who = get_user_model().objects.create(username="somebody")
    AccessGrant.objects.create(user=who, action="read")
    UploaderKey.objects.create(user=who, fingerprint="A" * 40)
    TrustedPublisher.objects.create(name="ci", kind="github", issuer="https://ci.example.org")
    AccessToken.objects.create(name="ci", owner=who, digest="d", hint="hint", expires=now() + timedelta(days=1))
    assert Publication.objects.exists()


@pytest.fixture
def filled(embedded, tmp_path):
    """A repository with a row for every page."""
    fill(embedded, tmp_path)
    return embedded


@pytest.fixture
def people(db):
    """Make a logged-in client, a new one each time, for each kind of person."""
    ensure_groups()
    number = count()
    handler = Client().handler  # one for all: each would read the folders of static files again

    def make(who):
        client = Client()
        client.handler = handler
        if who == "stranger":
            return client
        user = get_user_model().objects.create(
            username=f"{who}-{next(number)}", is_staff=who != "guest", is_superuser=who == "root"
        )
        if who in ("Viewers", "Uploaders", "Publishers"):
            user.groups.add(Group.objects.get(name=who))
        client.force_login(user)
        client.user = user
        return client

    return make


OF_REFUSALS = {"packages_app_auditentry", "packages_app_auditname", "django_session"}
"""Tables that a refusal writes to."""
WRITES = re.compile(r'\s*(?:INSERT(?: OR IGNORE)? INTO|UPDATE|DELETE FROM|REPLACE INTO) "?(\w+)')


@contextmanager
def written():
    """Give a list of the tables that the block writes to, but for those that a refusal does."""
    tables = []

    def note(execute, sql, *given):
        found = WRITES.match(sql)
        if found and found[1] not in OF_REFUSALS:
            tables.append(found[1])
        return execute(sql, *given)

    with connection.execute_wrapper(note):
        yield tables


def refused(response, name):
    """Say whether a request was refused: forbidden, sent to the login, not meant for the method, or hidden."""
    to_login = response.status_code == 302 and ("/login/" in response.url or name == "logout")
    hidden = response.status_code == 404 and name in ("packages_app_job_progress", "app_list")
    return to_login or hidden or response.status_code in (403, 405)


def test_each_address_has_its_right_here(filled):
    found = {address.name for address in addresses()}
    assert found - RIGHTS.keys() == set(), "say here who may use them"
    assert RIGHTS.keys() - found == set(), "no longer there"


@pytest.mark.parametrize("who", PEOPLE)
def test_each_address_gives_each_person_what_the_right_says(filled, people, who):
    client, wrong = people(who), []
    for address in addresses():
        for method, allowed in zip(("get", "post"), RIGHTS[address.name], strict=True):
            if who not in upto_first(allowed):
                continue
            with written() as tables:
                response = getattr(client, method)(address.path)
            if refused(response, address.name) is (who in allowed):
                wrong.append((method, address.name, response.status_code))
            if who not in allowed and tables:
                wrong.append((method, address.name, tables))
            if who in allowed and address.name in ENDING:
                client = people(who)
    assert wrong == []


def upto_first(allowed):
    """Give all who may not, and the first who may: those after him have his rights and more."""
    may = [who for who in PEOPLE if who in allowed]
    assert may == list(PEOPLE[len(PEOPLE) - len(may) :])
    return PEOPLE[: len(PEOPLE) - len(may) + 1]


def rows_for(model):
    return [row.pk for row in model.objects.all()[:1]]


def actions_for(page, user):
    request = RequestFactory().get("/")
    request.user = user
    return page.get_actions(request)


def test_each_action_is_for_those_who_have_its_right(filled, people):
    reverse("admin:index")  # as in `addresses`
    root = people("root").user
    pages = {model._meta: page for model, page in admin.site._registry.items()}
    found = {(meta.model_name, action): meta for meta, page in pages.items() for action in actions_for(page, root)}
    assert found.keys() == ACTIONS.keys()
    asked = [(who, name, meta) for who in PEOPLE for name, meta in found.items()]
    for who, (model, action), meta in asked:
        client = people(who)
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        with written() as tables:
            client.post(path, {"action": action, "_selected_action": rows_for(meta.model)})
        allowed = who in ACTIONS[model, action]
        if not allowed:
            assert tables == [], (who, model, action)
        if who in STAFF:
            assert (action in actions_for(pages[meta], client.user)) is allowed, (who, model, action)


def test_made_up_rows_of_a_list_are_as_none_chosen(filled, people):
    reverse("admin:index")  # as in `addresses`
    root = people("root")
    made_up = ["x", "1.5", "9" * 40, "-1", "\0", "x" * 300]
    for meta in {page.model._meta for page in admin.site._registry.values() if actions_for(page, root.user)}:
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        for action in actions_for(admin.site._registry[meta.model], root.user):
            for more in ({}, {"index": "0"}):
                with written() as tables:
                    answer = root.post(path, {"action": action, "_selected_action": made_up, **more}, follow=True)
                assert (answer.status_code, tables) == (200, []), (meta.model_name, action)
    [row, *_] = rows_for(Notice)
    root.post(reverse("admin:packages_app_notice_changelist"), {"action": "settle", "_selected_action": ["x", row]})
    assert Notice.objects.get(pk=row).settled is not None


def test_who_may_look_at_schedules_may_not_run_them(filled, people):
    client = people("staff")
    client.user.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
    path = reverse("admin:django_celery_beat_periodictask_changelist")
    assert client.get(path).status_code == 200
    with written() as tables:
        for action in ("run_tasks", "disable_tasks", "toggle_tasks"):
            client.post(path, {"action": action, "_selected_action": rows_for(PeriodicTask)})
    assert tables == []
