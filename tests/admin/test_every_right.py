"""Each address and action of the admin gives each person what his right says; a new one must say its right here."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
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
)
from packages_app.models.webhook import Webhook, WebhookDelivery
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.setup.groups import ensure_groups
from packages_app.services.setup.schedules import ensure_schedules
from packages_app.services.webhooks.webhooks import make_webhook, send_test
from tests.debs import build_deb

# Who a right belongs to. Below staff there are a stranger, who is not logged in, and a guest, who is and may nothing.
PEOPLE = ("stranger", "guest", "staff", "Viewers", "Uploaders", "Publishers", "root")
ANYBODY = set(PEOPLE)
STAFF = ANYBODY - {"stranger", "guest"}
VIEW = STAFF - {"staff"}
UPLOAD = VIEW - {"Viewers"}
PUBLISH = UPLOAD - {"Uploaders"}
ROOT = {"root"}
NOBODY = set()

WINDOWS = (
    "accessgrant", "accesstoken", "clearedcaution", "conflict", "definitionstatus", "heldcandidate", "job", "notice",
    "package", "publication", "trustedpublisher",
)  # fmt: skip
EDITED = (
    "auth_user", "auth_group", "django_celery_beat_periodictask", "django_celery_beat_intervalschedule",
    "django_celery_beat_crontabschedule",
)  # fmt: skip

# By the name of the address: who may get it, and who may post to it.
RIGHTS = {
    "index": (STAFF, STAFF),
    "login": (ANYBODY, ANYBODY),
    "logout": (NOBODY, STAFF),
    "password_change": (STAFF, STAFF),
    "password_change_done": (STAFF, NOBODY),
    "jsi18n": (STAFF, NOBODY),
    "sessions": (STAFF, NOBODY),
    "sessions_end": (NOBODY, STAFF),
    "confirm": (STAFF, STAFF),
    "view_on_site": (STAFF, STAFF),
    "app_list": (VIEW, VIEW),
    "search": (STAFF, STAFF),
    "autocomplete": (NOBODY, NOBODY),  # refused to all where no field is named
    "anything else": (STAFF, STAFF),
    "packages_app_package_upload": (UPLOAD, UPLOAD),
    "packages_app_package_delivery": (UPLOAD, UPLOAD),
    "packages_app_package_direct_begin": (NOBODY, UPLOAD),
    "packages_app_package_direct_sign": (NOBODY, UPLOAD),
    "packages_app_package_direct_complete": (NOBODY, UPLOAD),
    "packages_app_package_direct_abort": (NOBODY, UPLOAD),
    "packages_app_package_build": (PUBLISH, PUBLISH),
    "packages_app_package_beside": (VIEW, NOBODY),
    "packages_app_package_adopt": (ROOT, ROOT),
    "packages_app_package_move": (NOBODY, PUBLISH),
    "packages_app_package_purge": (ROOT, ROOT),
    "packages_app_publication_lists": (VIEW, NOBODY),
    "packages_app_publication_contents": (VIEW, NOBODY),
    "packages_app_publication_compare": (VIEW, NOBODY),
    "packages_app_publication_rollback": (PUBLISH, PUBLISH),
    "packages_app_publication_pin": (NOBODY, PUBLISH),
    "packages_app_publication_publish": (NOBODY, PUBLISH),
    "packages_app_publication_rebuild": (PUBLISH, PUBLISH),
    "packages_app_publication_retain": (PUBLISH, PUBLISH),
    "packages_app_publication_sweep": (NOBODY, PUBLISH),
    "packages_app_publication_snapshots": (VIEW, NOBODY),
    "packages_app_publication_snapshot_create": (NOBODY, PUBLISH),
    "packages_app_publication_snapshot_delete": (NOBODY, PUBLISH),
    "packages_app_publication_snapshot_compose": (PUBLISH, PUBLISH),
    "packages_app_publication_snapshot_fill": (PUBLISH, PUBLISH),
    "packages_app_publication_keys": (VIEW, NOBODY),
    "packages_app_publication_keys_work": (NOBODY, ROOT),
    "packages_app_publication_keys_lost": (ROOT, NOBODY),
    "packages_app_publication_keys_public": (VIEW, NOBODY),
    "packages_app_publication_keys_revocation": (ROOT, NOBODY),
    "packages_app_definitionstatus_refused": (VIEW, NOBODY),
    "packages_app_definition_check": (NOBODY, PUBLISH),
    "packages_app_definitionstatus_define": (ROOT, ROOT),
    "packages_app_definitionstatus_versions": (VIEW, NOBODY),
    "packages_app_definitionstatus_place": (PUBLISH, PUBLISH),
    "packages_app_definitionstatus_remove": (ROOT, ROOT),
    "packages_app_definitionstatus_repository": (PUBLISH, NOBODY),
    "packages_app_definitionstatus_repository_change": (ROOT, ROOT),
    "packages_app_definitionstatus_repository_preview": (NOBODY, ROOT),
    "packages_app_definitionstatus_repository_save": (NOBODY, ROOT),
    "packages_app_conflict_builds": (NOBODY, PUBLISH),
    "packages_app_heldcandidate_lists": (VIEW, NOBODY),
    "packages_app_heldcandidate_approve": (NOBODY, PUBLISH),
    "packages_app_heldcandidate_reject": (NOBODY, PUBLISH),
    "packages_app_job_progress": (VIEW, VIEW),
    "packages_app_job_whole": (VIEW, NOBODY),
    "packages_app_job_again": (NOBODY, PUBLISH),
    "packages_app_job_repair": (NOBODY, PUBLISH),
    "packages_app_job_verify": (NOBODY, PUBLISH),
    "auth_user_password_change": (ROOT, ROOT),
    "packages_app_accesstoken_make": (VIEW, VIEW),
    "packages_app_accesstoken_revoke": (VIEW, VIEW),
    "packages_app_webhook_test": (NOBODY, ROOT),
    "packages_app_webhook_secret": (NOBODY, ROOT),
    "packages_app_webhookdelivery_again": (NOBODY, ROOT),
    **{f"packages_app_webhook_{page}": (ROOT, ROOT) for page in ("changelist", "history", "add", "delete", "change")},
    **{f"packages_app_webhookdelivery_{page}": (ROOT, ROOT) for page in ("changelist", "history")},
    **{f"packages_app_webhookdelivery_{page}": (NOBODY, NOBODY) for page in ("add", "delete")},
    "packages_app_webhookdelivery_change": (ROOT, NOBODY),
    **{f"packages_app_{name}_old_address": (STAFF, STAFF) for name in ("webhook", "webhookdelivery")},
}
RIGHTS |= dict.fromkeys(("packages_app_accessgrant_give", "packages_app_trustedpublisher_trust"), (ROOT, ROOT))
for window in WINDOWS:
    name, sees = f"packages_app_{window}", ROOT if window in ("accessgrant", "trustedpublisher") else VIEW
    RIGHTS |= {f"{name}_{page}": (sees, sees) for page in ("changelist", "history")}
    RIGHTS |= {f"{name}_{page}": (NOBODY, NOBODY) for page in ("add", "delete")}
    RIGHTS |= {f"{name}_change": (sees, NOBODY), f"{name}_old_address": (STAFF, STAFF)}
# Of a token that one does not see there is none: it leads to the overview.
RIGHTS["packages_app_accesstoken_history"] = (STAFF, STAFF)
# Those of the group Auditors may look at the trail, and of the people here root alone.
TRAIL = "packages_app_auditentry"
RIGHTS |= {f"{TRAIL}_{page}": (ROOT, ROOT) for page in ("changelist", "history")}
RIGHTS |= {f"{TRAIL}_{page}": (NOBODY, NOBODY) for page in ("add", "delete")}
RIGHTS |= {f"{TRAIL}_change": (ROOT, NOBODY), f"{TRAIL}_export": (ROOT, NOBODY), f"{TRAIL}_old_address": (STAFF, STAFF)}
for name in EDITED:
    RIGHTS |= {f"{name}_{page}": (ROOT, ROOT) for page in ("changelist", "history", "add", "delete", "change")}
    RIGHTS[f"{name}_old_address"] = (STAFF, STAFF)

# What may end a session.
ENDING = ("login", "logout", "password_change", "auth_user_password_change")

ACTIONS = {
    ("conflict", "settle"): PUBLISH,
    ("notice", "settle"): PUBLISH,
    ("definitionstatus", "check_upstream"): PUBLISH,
    ("publication", "force_rebuild"): PUBLISH,
    ("publication", "keep_for_ever"): PUBLISH,
    ("publication", "keep_as_others"): PUBLISH,
    ("package", "withdraw"): PUBLISH,
    ("package", "restore"): PUBLISH,
    ("package", "promote"): PUBLISH,
    ("package", "roll_out"): PUBLISH,
    ("accessgrant", "take_back"): ROOT,
    ("trustedpublisher", "remove"): ROOT,
    ("user", "delete_selected"): ROOT,
    ("group", "delete_selected"): ROOT,
    ("periodictask", "delete_selected"): ROOT,
    ("periodictask", "enable_tasks"): ROOT,
    ("periodictask", "disable_tasks"): ROOT,
    ("periodictask", "toggle_tasks"): ROOT,
    ("periodictask", "run_tasks"): ROOT,
    ("intervalschedule", "delete_selected"): ROOT,
    ("crontabschedule", "delete_selected"): ROOT,
    ("webhook", "delete_selected"): ROOT,
    ("webhookdelivery", "again"): ROOT,
}


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
    get_user_model().objects.create(username="somebody")
    who = get_user_model().objects.create(username="holder")
    AccessGrant.objects.create(user=who, action="read")
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


def state():
    """Give what a request may have changed."""
    return {
        "jobs": Job.objects.count(),
        "open conflicts": Conflict.objects.filter(settled=False).count(),
        "open notices": Notice.objects.filter(settled=None).count(),
        "held": list(HeldCandidate.objects.values_list("state", flat=True)),
        "schedules": list(PeriodicTask.objects.order_by("pk").values_list("pk", "enabled", "total_run_count")),
        "pinned": list(Publication.objects.order_by("pk").values_list("pinned", flat=True)),
        "users": get_user_model().objects.count(),
        "groups": Group.objects.count(),
        "trusted": TrustedPublisher.objects.count(),
        "grants": list(AccessGrant.objects.order_by("pk").values_list("pk", flat=True)),
        "tokens": list(AccessToken.objects.order_by("pk").values_list("pk", "revoked")),
        "webhooks": list(Webhook.objects.values_list("pk", "sealed_secret")),
        "deliveries": list(WebhookDelivery.objects.order_by("pk").values_list("pk", "next_try")),
    }


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
    client, before, wrong = people(who), state(), []
    for address in addresses():
        for method, allowed in zip(("get", "post"), RIGHTS[address.name], strict=True):
            if who not in upto_first(allowed):
                continue
            response = getattr(client, method)(address.path)
            if refused(response, address.name) is (who in allowed):
                wrong.append((method, address.name, response.status_code))
            if who not in allowed:
                if state() != before:
                    wrong.append((method, address.name, "changed something"))
                continue
            if address.name in ENDING:
                client = people(who)
            before = state()
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
    root = people("root").user
    pages = {model._meta: page for model, page in admin.site._registry.items()}
    found = {(meta.model_name, action): meta for meta, page in pages.items() for action in actions_for(page, root)}
    assert found.keys() == ACTIONS.keys()
    asked = [(who, name, meta) for who in PEOPLE for name, meta in found.items()]
    for who, (model, action), meta in asked:
        client = people(who)
        before = state()
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        client.post(path, {"action": action, "_selected_action": rows_for(meta.model)})
        allowed = who in ACTIONS[model, action]
        if not allowed:
            assert state() == before, (who, model, action)
        if who in STAFF:
            assert (action in actions_for(pages[meta], client.user)) is allowed, (who, model, action)


def test_who_may_look_at_schedules_may_not_run_them(filled, people):
    client = people("staff")
    client.user.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
    before = state()
    path = reverse("admin:django_celery_beat_periodictask_changelist")
    assert client.get(path).status_code == 200
    for action in ("run_tasks", "disable_tasks", "toggle_tasks"):
        client.post(path, {"action": action, "_selected_action": rows_for(PeriodicTask)})
    assert state() == before
