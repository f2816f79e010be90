"""Every call of a push fails once, in every way: it is answered by a problem, and the same push again makes it good."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.rights.tokens import make_token
from tests.faults.ports import Calls, Way, faulty
from tests.faults.world import NEW, OLD, build_tool, seen, settle

PASSING = 503


@pytest.mark.parametrize("way", [Way.ERROR_BEFORE, Way.ERROR_AFTER], ids=lambda way: way.name.lower())
def test_a_push_that_fails_leaves_nothing_half_done_and_may_be_sent_again(world, way, settings, tmp_path):
    deb = build_tool(tmp_path, *NEW)

    def push(calls):
        root, _ = get_user_model().objects.get_or_create(username="root", is_superuser=True)
        _, secret = make_token("ci", root, actions=["upload", "publish", "bootstrap"])
        shown = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"}
        with adapters.given(faulty(world.ports(), calls)):
            return [
                Client().generic("PUT", f"/upload/-/-/{deb.name}", deb.read_bytes(), "application/deb", headers=shown)
                for _ in range(2)
            ]

    world.again(settings)
    undisturbed = Calls()
    assert [answer.status_code for answer in push(undisturbed)] == [202, 202]
    assert Job.objects.filter(kind=Job.Kind.UPLOAD).count() == 1  # of one key
    settle(world)
    assert seen(world) == {OLD, NEW}
    assert any(name.startswith("staging.put uploads/") for name in undisturbed.names)
    for number, name in enumerate(undisturbed.names):
        world.again(settings)
        first, again = push(Calls(number, way))
        assert (first.status_code, again.status_code) == (PASSING, 202), name
        assert {"code", "remedy"} <= first.json().keys(), name
        settle(world)
        assert seen(world) == {OLD, NEW}, name
        assert [job.result["new"] for job in Job.objects.filter(kind=Job.Kind.UPLOAD)] == [True], name
