"""Two archives in one process, at work at the same time: nothing of the one is seen, signed or swept by the other's."""

import re
import threading
from contextlib import ExitStack

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, get_commands, load_command_class
from django.db import connection
from django.test import Client
from django.urls import get_script_prefix, set_script_prefix
from django.utils.timezone import now
from django_celery_beat.models import CrontabSchedule

from packages_app import tasks
from packages_app.core.archive import DEFAULT
from packages_app.core.threads import Threads
from packages_app.models import (
    AccessGrant,
    AccessToken,
    AuditEntry,
    ClearedCaution,
    Conflict,
    HeldCandidate,
    Job,
    Notice,
    Package,
    Publication,
    TrustedPublisher,
    UploaderKey,
    Webhook,
)
from packages_app.services import adapters
from packages_app.services.archives import entered, present_archive
from packages_app.services.webhooks.webhooks import make_webhook, send_test
from packages_app.signing.openpgp import verified_text
from repomgr.archives import read_archives
from tests.admin.rights import EDITED, ENDING
from tests.admin.test_every_right import addresses
from tests.commands.calling import call
from tests.database import database_in
from tests.debs import build_deb
from tests.stack import write_definition

SLUGS = (DEFAULT, "acme")
OTHER = dict(zip(SLUGS, reversed(SLUGS), strict=True))
BEFORE = ("init", "first_start")
STEPS = (
    ("create_storage",),
    ("upload_deb", "{debs}"),
    ("publish",),
    ("packages", "$Suite (stable)"),
    ("sync_packages",),
    ("promote", "tool", "--to", "testing", "--yes"),
    ("diff", "stable", "testing"),
    ("withdraw", "tool", "--suite", "testing", "--yes", "--reason", "x"),
    ("restore_version", "tool", "--suite", "testing", "--yes"),
    ("rollout", "tool", "--suite", "testing", "--percent", "50", "--yes"),
    ("snapshot", "create", "stable", "one", "--yes"),
    ("snapshot", "list"),
    ("rollback", "stable", "{publication}", "--dry-run"),
    ("retain", "--dry-run"),
    ("place_packages", "tool", "--dry-run"),
    ("purge", "{own}", "1.0", "--dry-run"),
    ("build_kiro_repo", "--increment", "patch"),
    ("keys", "list"),
    ("rights", "give", "upload", "--user", "admin", "--packages", "{own}"),
    ("tokens", "make", "ci", "--owner", "admin", "--action", "upload", "--package", "{own}"),
    ("make_certificate", "{debs}/certificate.asc"),
    ("export_config", "{debs}/config"),
    ("migrate_package_table", "--from-table", "old", "--dry-run"),
    ("restore_package_table", "--backup-file", "{debs}/none"),
    ("adopt_repository", "{debs}", "--unsigned", "--dry-run"),
    ("force_rebuild",),
    ("audit", "list"),
    ("audit", "export"),
    ("doctor",),
    ("verify_repository",),
    ("sweep",),
    ("reset_second_factor", "admin"),
)


def own(slug):
    """Give the name of the package that an archive alone has."""
    return f"only-in-{slug}"


class Both:
    """Does the same in both archives at once, each in a thread; the steps of the one lie between those of the other."""

    def __init__(self, home, folder):
        self.homes = {DEFAULT: home, "acme": home / "archives" / "acme"}
        self.debs = {slug: folder / slug for slug in SLUGS}
        self._turn = threading.Barrier(len(SLUGS), timeout=120)

    def do(self, work):
        """Return what the work gave in each archive."""

        first = []

        def in_archive(slug):
            try:
                with entered(slug):
                    return work(slug, self._turn.wait)
            except BaseException as error:
                first.append(error)
                self._turn.abort()
            finally:
                connection.close()

        with Threads(len(SLUGS)) as threads:
            done = dict(zip(SLUGS, threads.map(in_archive, SLUGS), strict=True))
        if first:
            raise first[0]
        return done

    def command(self, slug, name, *arguments):
        """Run a command; return its exit code, and all that it said."""
        first = Publication.objects.filter(suite="stable").order_by("pk").values_list("pk", flat=True).first()
        said = [each.format(debs=self.debs[slug], own=own(slug), publication=first) for each in arguments]
        try:
            return 0, call(name, "--archive", slug, *said)
        except CommandError as error:
            return error.returncode, str(error)


@pytest.fixture
def both(transactional_db, embedded, settings, tmp_path, migrated):
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            (tmp_path / "database").mkdir()
            stack.enter_context(database_in(tmp_path / "database", migrated))
        settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
        made = Both(tmp_path, tmp_path / "files")
        embedded.configure(suites=[{"name": "stable"}, {"name": "testing", "codename": "testing"}])
        call("init", "--archive", "acme", "--name", "Acme", "--suites", "stable,testing")
        for slug in SLUGS:
            for name in ("tool", own(slug)):
                write_definition(made.homes[slug] / "config", name, {"type": "build_script", "staging_prefix": name})
                build_deb(made.debs[slug], name, "1.0", files={"usr/share/said": f"of {slug}".encode()})
        call("first_start")
        CrontabSchedule.objects.create()
        yield made


REFUSED = {
    "make_certificate", "migrate_package_table", "restore_package_table", "adopt_repository", "reset_second_factor",
}  # fmt: skip


def test_every_command_and_every_page_in_two_archives_at_once(both):
    ours = {name for name, app in get_commands().items() if app == "packages_app"}
    assert {step[0] for step in STEPS} | set(BEFORE) == ours, "say how each command is tried"

    def commands(slug, turn):
        told = []
        for step in STEPS:
            turn()
            told.append((step[0], *both.command(slug, *step)))
        return told

    def pages(slug, turn):
        make_rows(slug)
        client, prefix = Client(), "/" if slug == DEFAULT else f"/archives/{slug}/"
        client.force_login(get_user_model().objects.get(username="admin"))
        set_script_prefix(prefix)
        asked = [one for one in addresses() if one.name not in ENDING and not one.name.startswith(EDITED)]
        seen = []
        for one in asked:
            turn()
            path = prefix + one.path[one.path.index("admin/") :]
            seen += [(one.name, b"".join(ask(path)).decode(errors="replace")) for ask in (client.get, client.post)]
            assert get_script_prefix() == prefix
        set_script_prefix("/")
        return seen

    told = both.do(commands)
    check_contents(both)
    for slug in SLUGS:
        check_lines(slug, told[slug])
    shown = both.do(pages)
    assert min(both.do(do_jobs).values()) > 0
    check_contents(both)
    for slug in SLUGS:
        failed = {name: text for name, code, text in told[slug] if code}
        assert failed.keys() - {"doctor", "verify_repository"} == REFUSED, failed
        for name, text in [*((name, text) for name, _, text in told[slug]), *shown[slug]]:
            assert own(OTHER[slug]) not in text, (slug, name)
        assert own(slug) in "".join(text for name, text in shown[slug] if name == "packages_app_package_changelist")
    with entered("acme"):
        assert {row.archive for row in Package.objects.all()} == {"acme"}


def do_jobs(_slug, _turn):
    """Do the jobs that wait; return how many."""
    done = 0
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created").first():
        tasks.run_job(str(job.pk))
        done += 1
    return done


def check_lines(slug, told):
    """See that each command that might change something has its line in the audit trail, of its archive alone."""
    results = {0: "done", 2: "refused"}
    tried = [(step, code) for step, (_, code, _) in zip(STEPS, told, strict=True) if may_change(step)]
    with entered(slug):
        lines = AuditEntry.objects.filter(what__startswith="command.").exclude(what="command.first_start")
        said = list(lines.order_by("pk").values_list("what", "result", "kind"))
    assert said == [(f"command.{step[0]}", results.get(code, "failed"), "command") for step, code in tried]


def may_change(step):
    """Return whether a command that is tried so may change something."""
    changes = load_command_class("packages_app", step[0]).changes
    if "--dry-run" in step or step[0] == "verify_repository":  # which changes with --repair alone
        return False
    return changes if isinstance(changes, bool) else step[1] in changes


def make_rows(slug):
    """Make a row for every page, and an upload that waits."""
    job = Job.objects.filter(kind=Job.Kind.PUBLISH).first()
    Conflict.objects.create(package_name="tool", version="1.0", architecture="amd64", origin=own(slug))
    HeldCandidate.objects.create(suite="stable", findings=[], digest="x", packages=1, seen=now())
    ClearedCaution.objects.create(suite="stable", digest="x", package=own(slug), said="setuid: usr/bin/tool")
    Notice.objects.create(kind="job_failed", subject=own(slug), text="x", seen=now(), job=job)
    admin = get_user_model().objects.get(username="admin")
    AccessGrant.objects.create(user=admin, action="upload", packages=own(slug))
    TrustedPublisher.objects.create(name=own(slug), kind="github", issuer="https://ci.example.org")
    UploaderKey.objects.create(user=admin, fingerprint="A" * 40, names=own(slug))
    AccessToken.objects.create(name=own(slug), owner=admin, digest=slug, hint="hint", expires=now())
    make_webhook(hook := Webhook(name=own(slug), address="https://hooks.example.org", events=[]))
    send_test(hook)
    assert Publication.objects.exists()


def check_contents(both):
    """See that neither's files, rows, signatures and bytes have anything of the other."""
    keys, tools, origins = {}, {}, {}
    for slug in SLUGS:
        with entered(slug):
            origins[slug] = f"Origin: {adapters.repository().origin}\n".encode()
    for slug in SLUGS:
        with entered(slug):
            bucket, table, other = adapters.bucket(), adapters.package_table(), own(OTHER[slug])
            keyring = adapters.signer().public_keyring()
            keys[slug] = adapters.signer().fingerprint
            names = {record.package_name for record in table.all_records()}
            assert own(slug) in names
            assert other not in names
            assert {row.package_name for row in Package.objects.all()} == names
            for suite in ("stable", "testing"):
                assert b"Suite: " in verified_text(bucket.read(f"dists/{suite}/InRelease"), keyring)
            [record] = [record for record in table.all_records() if record.package_name == "tool"]
            tools[slug] = bucket.read(record.pool_path)
            for store in (bucket, adapters.staging()):
                all_of_it = {key: store.read(key) for key, _ in store.keys("")}
                assert any(origins[slug] in body for body in all_of_it.values())
                for key, body in all_of_it.items():
                    assert other.encode() not in key.encode() + body, (slug, key)
                    assert origins[OTHER[slug]] not in body, (slug, key)
        row_values = [
            str(values) for model in (AuditEntry, Job, Notice, Conflict, ClearedCaution, Publication)
            for values in model.of_all_archives.filter(archive=slug).values()
        ]  # fmt: skip
        assert not [text for text in row_values if re.search(rf"\b{other}\b", text)]
    assert keys[DEFAULT] != keys["acme"]
    assert tools[DEFAULT] != tools["acme"]
