"""Each address, action and command that may change something has its line in the audit trail, and so has a refusal."""

import io
import json
import os
import pwd
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from packages_app import tasks
from packages_app.core.audit import Actor, ActorKind, acting
from packages_app.core.documents import Document, of_package
from packages_app.models import AuditEntry, HeldCandidate, Job
from packages_app.services import adapters
from packages_app.services.archives import entered, present_archive
from packages_app.services.audit.check import check_trail
from packages_app.services.audit.write import deed, this_process, write
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.setup.groups import ensure_groups
from repomgr.archives import read_archives
from tests.admin.rights import ACTIONS, RIGHTS, STAFF
from tests.admin.test_every_right import addresses, filled, people, rows_for  # noqa: F401
from tests.debs import build_deb

# What changes nothing of an installation, whatever it is given; every other command has a line.
ONLY_READ = {"diff", "doctor", "export_config", "init", "make_certificate", "packages"}
PASSWORD = "only-for-this-test"
SECRET = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhidden\n-----END PGP PRIVATE KEY BLOCK-----"


def lines_since(last):
    return list(AuditEntry.of_all_archives.filter(pk__gt=last).order_by("pk"))


def last_line():
    return max(AuditEntry.objects.values_list("pk", flat=True), default=0)


def test_each_address_that_is_posted_to_has_lines_of_one_deed(filled, people):  # noqa: F811
    root, wrong = people("root"), []
    form = {"password": PASSWORD, "note": SECRET}
    for address in addresses():
        last = last_line()
        user = root.user
        root.post(address.path, form, REMOTE_ADDR="10.1.2.3")
        lines = lines_since(last)
        if len({line.deed for line in lines}) != 1:
            wrong.append((address.name, len(lines)))
        who = Actor(ActorKind.PERSON, user.username, "10.1.2.3", str(user.pk))
        wrong += [(address.name, line.who) for line in lines if line.who != who]
        if address.name in ("logout", "login"):
            root = people("root")
    assert wrong == []
    whole = "".join(f"{line.given}{line.before}{line.after}" for line in AuditEntry.objects.all())
    assert PASSWORD not in whole
    assert "hidden\\n" not in whole
    for model, action in ACTIONS:
        meta = next(model_ for model_ in _models() if model_._meta.model_name == model)
        last = last_line()
        path = reverse(f"admin:{meta._meta.app_label}_{model}_changelist")
        root.post(path, {"action": action, "_selected_action": rows_for(meta), "post": "yes"})
        assert len({line.deed for line in lines_since(last)}) == 1, (model, action)


def _models():
    from django.contrib import admin

    return list(admin.site._registry)


def test_each_refusal_has_one_line(filled, people):  # noqa: F811
    staff, wrong = people("staff"), []
    for address in addresses():
        if RIGHTS[address.name][1] == STAFF or address.name in ("login", "logout"):
            continue
        last = last_line()
        staff.post(address.path)
        said = [(line.result, line.actor) for line in lines_since(last)]
        if said != [("refused", staff.user.username)]:
            wrong.append((address.name, said))
    assert wrong == []
    last = last_line()
    staff.get(reverse("admin:auth_user_changelist"))
    assert [(line.what, line.result, line.code) for line in lines_since(last)] == [
        ("auth_user_changelist", "refused", "http_403")
    ]


@pytest.mark.parametrize("below", ["", "/archives/acme"])
def test_sign_ins_are_told_of_with_their_refusals_and_never_what_names_nobody(db, settings, below):
    settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
    get_user_model().objects.create_user("ann", password=PASSWORD, is_staff=True)
    client, path = Client(REMOTE_ADDR="10.9.8.7"), f"{below}/admin/login/"
    for name, password in (("ann", "wrong"), ("typed-password", "x"), ("ann", PASSWORD)):
        client.post(path, {"username": name, "password": password})
    client.post(f"{below}/admin/logout/")
    told = [(line.what, line.subject, line.actor, line.result, line.address) for line in lines_since(0)]
    assert told == [
        ("sign_in", "ann", "", "refused", "10.9.8.7"),
        ("sign_in", "(unknown)", "", "refused", "10.9.8.7"),
        ("sign_in", "ann", "ann", "done", "10.9.8.7"),
        ("sign_out", "/admin/logout/", "ann", "done", "10.9.8.7"),
    ]
    for _ in range(settings.AXES_FAILURE_LIMIT + 3):
        client.post(path, {"username": "ann", "password": "wrong"})
    refused = AuditEntry.of_all_archives.filter(what="sign_in", result="refused")
    assert refused.count() == 2 + settings.AXES_FAILURE_LIMIT
    for number in range(130):  # of each address so many; the log tells of the others
        client.post(f"{below}{reverse('admin:packages_app_publication_publish')}", REMOTE_ADDR=f"fd00::{number:x}")
    assert AuditEntry.of_all_archives.filter(what="publication_publish").count() == 100


def test_a_changed_user_has_before_and_after_and_no_password(filled, people):  # noqa: F811
    root = people("root")
    first = {"username": "newcomer", "password1": "quite-another-0", "password2": "quite-another-0"}
    assert root.post(reverse("admin:auth_user_add"), {**first, "usable_password": "true"}).status_code == 302
    somebody = get_user_model().objects.get(username="somebody")
    page = reverse("admin:auth_user_change", args=[somebody.pk])
    shown = root.get(page).context["adminform"].form.initial
    fields = {name: value for name, value in shown.items() if value and name not in ("groups", "user_permissions")}
    times = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert root.post(page, {**fields, **times, "username": "else", "is_staff": "on"}).status_code == 302
    new = {"password1": "quite-another-1", "password2": "quite-another-1", "usable_password": "true"}
    root.post(reverse("admin:auth_user_password_change", args=[somebody.pk]), new)
    root.post(reverse("admin:auth_user_delete", args=[somebody.pk]), {"post": "yes"})
    added, changed, password, gone = AuditEntry.objects.filter(what__startswith="user.").order_by("pk")
    told = [line.what for line in (added, changed, password, gone)]
    assert told == ["user.add", "user.change", "user.change", "user.delete"]
    assert (added.subject, gone.subject) == ("newcomer", "else")
    assert ('"username":"somebody"' in changed.before, '"username":"else"' in changed.after) == (True, True)
    said = f"{added.after}{password.before}{password.after}{gone.before}"
    assert "quite-another" not in said
    assert '"password":"(hidden)"' in gone.before
    kept = json.loads(gone.before)
    assert (len(kept["grants"]), kept["tokens"] != []) == (1, True)


def test_a_group_whose_archives_change_has_them_before_and_after(filled, people, settings):  # noqa: F811
    settings.ARCHIVES = {"default": None, "acme": None}
    root, group = people("root"), Group.objects.create(name="some")
    page = reverse("admin:auth_group_change", args=[group.pk])
    rows = {"archives-TOTAL_FORMS": "1", "archives-INITIAL_FORMS": "0", "archives-0-archive": "acme"}
    assert root.post(page, {"name": "some", **rows}).status_code == 302
    [row] = group.archives.all()
    of_row = {"archives-0-id": row.pk, "archives-0-group": group.pk, "archives-0-DELETE": "on"}
    assert root.post(page, {"name": "some", **rows, "archives-INITIAL_FORMS": "1", **of_row}).status_code == 302
    with entered("default"):
        first, second = AuditEntry.objects.filter(what="group.change").order_by("pk")
    assert ("acme" in first.after, first.before, "acme" in second.before, second.after) == (True, "", True, "")


def test_each_command_that_may_change_something_has_a_line(embedded, tmp_path):
    ours = [name for name, app in get_commands().items() if app == "packages_app"]
    classes = {name: load_command_class("packages_app", name) for name in ours}
    assert {name for name, made in classes.items() if made.changes is False} == ONLY_READ
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    calls = [
        ["upload_deb", str(deb)],
        ["publish", "stable"],
        ["sync_packages"],
        ["sweep"],
        ["withdraw", "tool", "--yes"],
    ]
    host = this_process()
    assert pwd.getpwuid(os.getuid()).pw_name in host.name
    for name, *arguments in calls:
        last = last_line()
        try:
            call_command(name, *arguments, stdout=io.StringIO(), stderr=io.StringIO())
            result = "done"
        except CommandError as error:
            result = "refused" if error.returncode == 2 else "failed"
        told = [line for line in lines_since(last) if line.what == f"command.{name}"]
        assert [(line.result, line.kind, line.actor, line.address) for line in told] == [
            (result, "command", host.name, host.address)
        ], name
    ended = AuditEntry.objects.filter(what="job.intake_upload", result="done").get()
    assert (ended.packages, str(ended.who)) == ("tool", f"{host.name} on {host.address} (command)")
    assert {change.who for change in adapters.package_table().suite_changes_of("tool", "1.0")} == {
        f"{host.name} on {host.address} (command)"
    }


def test_who_has_his_rights_in_one_archive_sees_the_lines_of_that_one_alone(db, settings):
    ensure_groups()
    settings.ARCHIVES = {"default": None, "acme": None}
    for slug in ("default", "acme"):
        with entered(slug):
            write("test.change", subject=f"in {slug}", packages=["tool"])
    write("test.change", subject="in none")
    group = Group.objects.get(name="Auditors")
    group.archives.create(archive="acme")
    auditor = get_user_model().objects.create_user("auditor", is_staff=True)
    auditor.groups.add(group)
    seen = {}
    for user in (auditor, get_user_model().objects.create_superuser("root")):
        client = Client()
        client.force_login(user)
        for prefix in ("", "/archives/acme"):
            page = f"{prefix}/admin/packages_app/auditentry/"
            for address in (page, f"{page}?q=package:tool", f"{page}export/", f"{page}export/?format=csv&q=tool"):
                answer = client.get(address)
                said = b"".join(answer).decode()
                found = {name for name in ("default", "acme", "none") if f"in {name}" in said}
                seen.setdefault((user.username, prefix[-4:]), []).append((answer.status_code, found))
    assert seen[("auditor", "")] == [(403, set())] * 4
    assert seen[("auditor", "acme")] == [(200, {"acme"})] * 4
    assert seen[("root", "")] == [(200, {"default", "none"}), (200, {"default"})] * 2
    assert seen[("root", "acme")] == [(200, {"acme", "none"}), (200, {"acme"})] * 2
    lines = AuditEntry.of_all_archives.filter(what="test.change").order_by("pk")
    with entered("acme"):
        shown = [client.get(f"/archives/acme/admin/packages_app/auditentry/{line.pk}/change/") for line in lines]
    assert [answer.status_code for answer in shown] == [302, 200, 200]
    assert check_trail().lines == AuditEntry.of_all_archives.count()


def test_what_a_user_did_is_his_when_he_is_gone(embedded, tmp_path):
    embedded.define_uploads("tool")
    ann = get_user_model().objects.create_superuser("ann", password=PASSWORD)
    deb = build_deb(tmp_path, "tool", "1.0")
    asked = stage_upload(deb, deb.name, user=ann)
    token = Actor(ActorKind.TOKEN, "ci of ann", "10.0.0.9", "7")
    with acting(token), deed(uuid4()):
        other = queue.enqueue(Job.Kind.BUILD, {"name": "ghost", "version": "1"})
    HeldCandidate.objects.create(suite="s", findings=[], digest="x", packages=1, seen=asked.created, decider_name="ann")
    embedded.run_jobs()
    ann.delete()
    assert Job.objects.get(pk=asked.pk).asker == "ann"
    assert Job.objects.get(pk=other.pk).actor == Actor(ActorKind.TOKEN, "ci of ann", "10.0.0.9")
    assert HeldCandidate.objects.get().decider == "ann"
    told = AuditEntry.objects.filter(job=asked.pk).order_by("pk").values_list("actor", "kind", "result", "packages")
    assert list(told) == [("ann", "person", "asked", "tool"), ("ann", "person", "done", "tool")]


def test_a_definition_that_is_saved_has_what_it_was_and_what_a_stale_one_was_refused_by(embedded):
    for version, text in ((1, "name: tool\n"), (2, "name: tool2\n")):
        adapters.documents().put(Document(of_package("tool"), version, text, f"2026-01-0{version}T00:00:00", "ann"))
    with pytest.raises(Exception, match="version"):
        adapters.documents().put(Document(of_package("tool"), 2, "else", "2026-01-03T00:00:00", "ben"))
    _, second, refused = AuditEntry.objects.filter(what="configuration.save").order_by("pk")
    assert (second.packages, second.result) == ("tool", "done")
    assert ("name: tool\\n" in second.before, "name: tool2\\n" in second.after) == (True, True)
    assert (refused.result, refused.code) == ("refused", "configuration_outdated")
    many = [
        Document(of_package(name), 1, f"name: {name}\n", "2026-01-04T00:00:00", "ann") for name in ("tool", "a", "b")
    ]
    assert [document.name for document in adapters.documents().put_many(many)] == [of_package("tool")]
    last = AuditEntry.objects.order_by("pk").last()
    assert (last.what, last.packages, "name: b" in last.after) == ("configuration.save", "a\nb", True)


def test_what_the_clock_starts_is_the_clocks_to_the_end_of_its_jobs(embedded):
    tasks.start_scheduled("sweep")
    embedded.run_jobs()
    job = Job.objects.get(kind=Job.Kind.SWEEP)
    told = AuditEntry.objects.filter(job=job.pk).order_by("pk").values_list("kind", "actor", "address", "result")
    assert list(told) == [("clock", "clock", this_process().address, result) for result in ("asked", "done")]
    assert job.asker == "clock"
