"""Every call of a push fails once, in every way: it is answered by a problem, and the same push again makes it good."""

import hashlib
import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.rights.tokens import make_token
from tests.faults.ports import Calls, Way, faulty
from tests.faults.world import NEW, OLD, build_tool, seen, settle

PASSING, TAKEN = 503, 202
WAYS = pytest.mark.parametrize("way", [Way.ERROR_BEFORE, Way.ERROR_AFTER], ids=lambda way: way.name.lower())


def shown(**headers):
    root, _ = get_user_model().objects.get_or_create(username="root", is_superuser=True)
    _, secret = make_token("ci", root, actions=["upload", "publish", "bootstrap"])
    return {"Authorization": f"Bearer {secret}", **headers}


@WAYS
def test_a_push_that_fails_leaves_nothing_half_done_and_may_be_sent_again(world, way, settings, tmp_path):
    deb = build_tool(tmp_path, *NEW)

    def push(calls):
        headers = shown(**{"Idempotency-Key": "one"})
        with adapters.given(faulty(world.ports(), calls)):
            return [
                Client().generic("PUT", f"/upload/-/-/{deb.name}", deb.read_bytes(), "application/deb", headers=headers)
                for _ in range(2)
            ]

    world.again(settings)
    undisturbed = Calls()
    assert [answer.status_code for answer in push(undisturbed)] == [TAKEN, TAKEN]
    assert Job.objects.filter(kind=Job.Kind.UPLOAD).count() == 1  # of one key
    settle(world)
    assert seen(world) == {OLD, NEW}
    assert any(name.startswith("staging.put uploads/") for name in undisturbed.names)
    for number, name in enumerate(undisturbed.names):
        world.again(settings)
        first, again = push(Calls(number, way))
        assert (first.status_code, again.status_code) == (PASSING, TAKEN), name
        assert {"code", "remedy"} <= first.json().keys(), name
        settle(world)
        assert seen(world) == {OLD, NEW}, name
        assert [job.result["new"] for job in Job.objects.filter(kind=Job.Kind.UPLOAD)] == [True], name


@WAYS
def test_a_push_in_parts_that_fails_is_gone_on_with_and_leaves_nothing(world, way, settings, tmp_path):
    deb = build_tool(tmp_path, *NEW)
    body = deb.read_bytes()
    said = {"filename": deb.name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    def ask(method, path, sent, headers):
        data, kind = (sent, "application/octet-stream") if method == "PUT" else (json.dumps(sent), "application/json")
        return Client().generic(method, f"/api/v1/uploads/parts{path}", data, kind, headers=headers)

    def push(headers):
        """Return the answer that it ended with."""
        begun = ask("POST", "", said, headers)
        if begun.status_code != 200:
            return begun
        ticket = begun.json()["ticket"]
        if begun.json()["there"] == []:
            put = ask("PUT", "/1", body, {**headers, "Upload-Ticket": ticket})
            if put.status_code != 200:
                return put
        return ask("POST", "/complete", {"tickets": [ticket]}, headers)

    def pushed(calls):
        """Push through ports of which a call fails, and again where it was not taken; return both answers' statuses."""
        headers = shown()
        with adapters.given(faulty(world.ports(), calls)):
            answers = [push(headers)]
            if answers[0].status_code != TAKEN:
                assert {"code", "remedy"} <= answers[0].json().keys()
                answers.append(push(headers))
        return [answer.status_code for answer in answers]

    world.again(settings)
    undisturbed = Calls()
    assert pushed(undisturbed) == [TAKEN]
    of_staging = [(at, name) for at, name in enumerate(undisturbed.names) if name.startswith("staging.")]
    [staged] = [at for at, name in of_staging if name.startswith("staging.put uploads/") and "/parts-" not in name]
    assert sum("/parts-" in name and name.startswith("staging.put ") for _, name in of_staging) == 2
    assert any(at > staged for at, _ in of_staging)  # what is over is removed: a fault there takes nothing back
    for number, name in of_staging:
        world.again(settings)
        assert pushed(Calls(number, way)) == ([PASSING, TAKEN] if number <= staged else [TAKEN]), name
        if number <= staged:
            assert list(world.ports().staging.keys("uploads/parts-")) == [], name
        settle(world)
        assert seen(world) == {OLD, NEW}, name
        assert [job.result["new"] for job in Job.objects.filter(kind=Job.Kind.UPLOAD)] == [True], name
