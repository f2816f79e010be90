"""Who may publish acme-* alone: what lies outside is neither offered nor done, by whatever is posted; acme-* is."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.utils.timezone import now

from packages_app.core.rights import Action
from packages_app.models import (
    AccessGrant,
    Conflict,
    DefinitionStatus,
    HeldCandidate,
    Job,
    Notice,
    Package,
    Publication,
)
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.setup.groups import ensure_groups
from tests.admin.rights import ACTIONS, PUBLISH, RIGHTS, UPLOAD
from tests.admin.test_every_right import addresses, fill, written
from tests.debs import build_deb
from tests.deliveries import UPLOAD as UPLOAD_PAGE
from tests.deliveries import sent

BASE = "/admin/packages_app"
TOOL = {"keys": "tool 1.0 amd64", "suite": "stable", "reason": "x", "consent": "1"}
# What is posted to each address that a publisher or an uploader has; what a row's address needs is the first row.
BODIES = {
    "packages_app_package_upload": [],  # a file: below
    "packages_app_package_delivery": [{"file": "0"}],
    **{f"packages_app_package_direct_{step}": [{}] for step in ("begin", "sign", "complete", "abort")},
    "packages_app_package_build": [{"name": "kiro-repo", "part": "patch"}],
    "packages_app_package_move": [{**TOOL, "what": what, "to": "stable", "rollout": "50"}
                                  for what in ("withdrawn", "restored", "promoted", "rolled out")],
    "packages_app_publication_rollback": [{"consent": "1", "reason": "x"}],
    "packages_app_publication_pin": [{"pinned": "1"}],
    "packages_app_publication_publish": [{"suite": "stable"}],
    "packages_app_publication_rebuild": [{"suite": "stable", "consent": "1"}, {"consent": "1"}],
    "packages_app_publication_retain": [{"suite": "stable"}, {"suite": "stable", "consent": "1"}],
    "packages_app_publication_sweep": [{}, {"dry_run": "1"}],
    "packages_app_publication_snapshot_create": [{"suite": "stable", "id": "one", "consent": "1"}],
    "packages_app_publication_snapshot_delete": [{"suite": "stable", "id": "one", "consent": "1"}],
    "packages_app_publication_snapshot_compose": [
        {"suite": "stable", "id": "two", "parts": "stable", "consent": "1", "digest": "x"}],
    "packages_app_publication_snapshot_fill": [{"suite": "stable", "snapshot": "stable/one", "consent": "1"}],
    "packages_app_definition_check": [{}, {"name": "tool"}, {"name": "tool", "again": "1"}],
    "packages_app_definitionstatus_place": [{"consent": "1"}],
    "packages_app_conflict_builds": [{"build": "noble", "suite": "testing"}],
    "packages_app_heldcandidate_approve": [{}],
    "packages_app_heldcandidate_reject": [{}],
    "packages_app_job_again": [{}],
    "packages_app_job_repair": [{"digest": "x"}],
    "packages_app_job_verify": [{}, {"pool": "all"}],
}  # fmt: skip


@pytest.fixture
def ann(embedded, tmp_path):
    """Who looks at all, and may all that can be granted with acme-*; of each row there is one of the package tool."""
    ensure_groups()
    embedded.configure(suites=[{"name": "stable", "codename": "stable"}, {"name": "testing", "codename": "testing"}])
    fill(embedded, tmp_path / "tool")
    client = Client()
    client.user = get_user_model().objects.create_user("ann", is_staff=True)
    client.user.groups.add(Group.objects.get(name="Viewers"))
    for action in (Action.UPLOAD, Action.HOTFIX, Action.BOOTSTRAP, Action.PUBLISH):
        AccessGrant.objects.create(user=client.user, action=action, packages="acme-*")
    client.force_login(client.user)
    return client


def test_nothing_outside_is_done_by_whatever_is_posted(ann, embedded, tmp_path):
    posts = [one for one in addresses() if RIGHTS[one.name][1] in (PUBLISH, UPLOAD)]
    assert {one.name for one in posts} == BODIES.keys(), "say what is posted there"

    def seen():
        return embedded.records(), embedded.dists(), len(list(embedded.staging.keys("uploads/")))

    before = seen()
    for one in posts:
        for body in BODIES[one.name]:
            with written() as tables:
                answer = ann.post(one.path, body)
            assert answer.status_code in (200, 302, 400, 403, 404, 405), (one.name, answer.status_code)
            assert (tables, seen()) == ([], before), (one.name, body)
    deb = build_deb(tmp_path, "tool", "2.0")
    for body in ({}, {"suite": "testing"}):
        assert ann.post(UPLOAD_PAGE, {"file": [sent(deb)], **body}).status_code == 200
    chosen = {
        "conflict": Conflict.objects.get(), "notice": Notice.objects.first(),
        "publication": Publication.objects.first(), "package": Package.objects.get(package_name="tool"),
        "definitionstatus": DefinitionStatus.objects.get(name="tool"),
    }  # fmt: skip
    for (model, action), who in ACTIONS.items():
        if who is PUBLISH:
            with written() as tables:
                answer = ann.post(f"{BASE}/{model}/", {"action": action, "_selected_action": [chosen[model].pk]})
            assert answer.status_code in (200, 302), (model, action)
            assert (tables, seen()) == ([], before), (model, action)


def test_buttons_are_there_for_what_may_be_done_alone(ann, embedded, tmp_path):
    embedded.define_uploads("acme-tool")
    deb = build_deb(tmp_path, "acme-tool", "1.0")
    stage_upload(deb, deb.name, user=ann.user)
    embedded.run_jobs()
    mirror_definitions()
    Conflict.objects.create(package_name="acme-tool", version="1.0", architecture="amd64", quarantined="x")

    def page(address):
        return ann.get(f"{BASE}/{address}").content.decode()

    inside = Package.objects.get(package_name="acme-tool")
    outside = Package.objects.get(package_name="tool")
    move = f"{BASE}/package/move/"
    assert [move in page(f"package/{row.pk}/change/") for row in (inside, outside)] == [True, False]
    overview = ann.get("/admin/").content.decode()
    assert ("/publish/" in overview, "/verify/" in overview, "/package/upload/" in overview) == (False, False, True)
    for address, form in (
        (f"publication/{Publication.objects.first().pk}/change/", "/roll-back/"), ("publication/", "/force-rebuild/"),
        (f"heldcandidate/{HeldCandidate.objects.get().pk}/change/", "/approve/"),
        ("publication/snapshots/", "/create/"),
        (f"job/{Job.objects.filter(state='failed').first().pk}/change/", "/again/"),
    ):  # fmt: skip
        assert form not in page(address), address
    builds = {row.package_name: "/builds/" in page(f"conflict/{row.pk}/change/") for row in Conflict.objects.all()}
    assert builds == {"acme-tool": True, "tool": False}
    said = {"keys": "acme-tool 1.0 amd64", "what": "withdrawn", "reason": "x"}
    AccessGrant.objects.filter(action=Action.PUBLISH).update(suites="stable")
    shown = ann.post(move, said).content.decode()
    assert 'name="suite" value="stable"' in shown
    seen = re.findall(r'name="shown" value="([^"]+)"', shown)
    answer = ann.post(move, {**said, "suite": "stable", "consent": "1", "shown": seen})
    job = Job.objects.filter(kind=Job.Kind.MOVE).get()
    assert answer.url.endswith(f"/job/{job.pk}/change/")
    AccessGrant.objects.filter(action=Action.PUBLISH).update(suites="testing")
    assert ann.post(move, said).status_code == 302  # in no suite that it is in
    embedded.run_jobs()
    job.refresh_from_db()
    assert (job.error_code, now() > job.created) == ("right_missing", True)
