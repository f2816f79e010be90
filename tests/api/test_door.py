"""Who calls the API: a token that counts, within its archive, and nobody by a cookie; lists go on by cursors."""

import base64
import datetime

from django.test import Client
from django.utils import timezone

from packages_app.models import AccessToken, Job
from packages_app.services.mirror.packages import mirror_records
from tests.api.conftest import Caller
from tests.records import make_record


def test_each_token_that_does_not_count_has_its_own_code(caller, root, embedded):
    own = caller("read")
    assert own.get("/packages").status_code == 200
    basic = own.client.get("/api/v1/packages", headers={"Authorization": _basic("anything", own.secret)})
    assert basic.status_code == 200
    for wrong in ("repomgr_x", own.secret[:-1], own.secret + "x", "", "é", own.secret.lower()):
        refused = Caller(wrong).get("/packages")
        assert (refused.status_code, refused.said["code"]) == (401, "token_unknown")
        assert "Basic" in refused.headers["WWW-Authenticate"]
    for header in ("Basic !!!", "Digest x", "Bearer"):
        assert Client().get("/api/v1/packages", headers={"Authorization": header}).status_code == 401
    AccessToken.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    assert own.get("/packages").said["code"] == "token_expired"
    AccessToken.objects.update(expires=timezone.now() + datetime.timedelta(days=1), revoked=timezone.now())
    assert own.get("/packages").said["code"] == "token_revoked"


def test_no_cookie_counts(root, embedded):
    client = Client()
    client.force_login(root)
    assert client.get("/api/v1/packages").status_code == 401
    assert client.post("/api/v1/uploads").status_code == 401


def test_what_is_nowhere_or_asked_wrongly_is_a_problem_too(caller):
    own = caller("read")
    known = own.get("/openapi.json").said["components"]["schemas"]["Problem"]["properties"]
    for path, status in (
        ("/packages/nothing", 404), ("/packages/a/1/amd64", 404), ("/jobs/x", 422), ("/packages?limit=x", 422),
        ("/packages?query=%28%28", 422), ("/packages?cursor=made-up", 400), ("/nothing", 404), ("/packages/", 404),
    ):  # fmt: skip
        answer = own.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), path
        assert {"code", "detail", "remedy", "status"} <= answer.said.keys() <= known.keys()
    wrong = own.ask("DELETE", "/packages")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")


def test_lists_go_on_by_cursors_that_are_of_them_alone(caller, embedded):
    own = caller("read")
    names = [f"p{number}" for number in range(5)]
    for name in names:
        for version in ("1", "2"):
            Job.objects.create(kind=Job.Kind.SWEEP, subject=f"{name} {version}", state=Job.State.DONE)
            embedded.table.put_new(make_record(name, version))
    mirror_records(list(embedded.table.all_records()))
    for address in ("/packages?", "/packages?suite=stable&", "/jobs?"):
        seen, cursor = [], ""
        while cursor is not None:
            page = own.get(f"{address}limit=3&cursor={cursor}").said
            seen += [str(item) for item in page["items"]]
            assert len(page["items"]) <= 3
            last, cursor = cursor, page["next"]
        assert len(seen) == len(set(seen)) == 10
        elsewhere = f"{address}state=done&cursor={last}" if "jobs" in address else f"/jobs?cursor={last}"
        assert own.get(elsewhere).status_code == 400
    order = [(item["package"], item["version"]) for item in own.get("/packages").said["items"]]
    assert order == [(name, version) for name in names for version in ("2", "1")]


def test_the_documentation_needs_no_token(embedded):
    document = Client().get("/api/v1/openapi.json")
    assert document.status_code == 200
    paths = document.json()["paths"]
    definition, push = paths["/api/v1/definitions/{name}"], paths["/api/v1/uploads"]["post"]
    headers = [{one["name"] for one in each["parameters"]} for each in (definition["put"], definition["get"], push)]
    assert headers[0] >= {"If-Match", "Idempotency-Key"} <= headers[2] | {"If-Match"}
    assert not headers[1] & {"If-Match", "Idempotency-Key"}
    assert "ETag" in definition["get"]["responses"]["200"]["headers"]
    assert b"swagger" in Client().get("/api/v1/docs").content


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
