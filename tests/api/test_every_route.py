"""Every route, a new one too: nobody without a token that counts, and nobody without its right."""

import datetime
import re

import pytest
from django.urls import get_resolver
from django.utils import timezone

from packages_app.api.needs import Needs
from packages_app.api.router import api
from packages_app.core.rights import Action
from packages_app.models import AccessToken, Job
from tests.api.conftest import Caller

PUTS = [("PUT", "/upload/-/-/x.deb", Action.UPLOAD), ("PUT", "/dput/-/x.deb", Action.UPLOAD)]
# Who asks there has no token yet: tests/api/test_trusted_publishing.py.
EXCHANGE = {"/api/v1/oidc/token", "/api/v1/oidc/audience"}
OPEN = {"/api/v1/openapi.json", "/api/v1/docs", "/api/v1/"} | EXCHANGE
_UUID = "00000000-0000-4000-8000-000000000000"


def operations():
    """Return (method, address, action) of every operation; fail for one that asks for no right."""
    found = [*PUTS]
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                if f"/api/v1{router.prefix}{path}" in EXCHANGE:
                    continue
                [needs] = operation.auth_callbacks
                assert isinstance(needs, Needs), path
                value = _UUID if "jobs" in router.prefix else "1"
                address = re.sub(r"\{[^}]*\}", value, f"/api/v1{router.prefix}{path}")
                found += [(method, address, needs.action) for method in operation.methods]
    return found


def test_no_machine_address_is_missing_here():
    known = {re.sub(rf"/(1|{_UUID})(?=/|\Z)", "/{}", address) for _, address, _ in operations()}
    for pattern in get_resolver().url_patterns:
        prefix = str(pattern.pattern)
        ours = prefix.startswith(("api/", "upload/", "dput/"))
        for inner in getattr(pattern, "url_patterns", [pattern]) if ours else ():
            own = "" if inner is pattern else str(inner.pattern)
            address = re.sub(r"<[^>]*>", "{}", f"/{prefix}{own}")
            assert address in known | OPEN | {"/upload/{}/{}/{}", "/dput/{}/{}"}, address


@pytest.mark.parametrize("wrong", ["anonymous", "expired", "revoked", "elsewhere", "other"])
def test_every_route_refuses_who_may_not(caller, root, embedded, wrong):
    token = caller("read", "upload", "publish", "keys", "bootstrap", "administer")
    others = {action: caller("read" if action is not Action.READ else "keys") for action in Action}
    code = {"anonymous": "token_unknown", "expired": "token_expired", "revoked": "token_revoked",
            "elsewhere": "token_unknown", "other": "right_missing"}[wrong]  # fmt: skip
    if wrong == "expired":
        AccessToken.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    if wrong == "revoked":
        AccessToken.objects.update(revoked=timezone.now())
    if wrong == "elsewhere":
        AccessToken.of_all_archives.update(archive="another")
    for method, address, action in operations():
        who = others[action] if wrong == "other" else Caller("", "") if wrong == "anonymous" else token
        who.prefix = ""
        answer = who.ask(method, address, {})
        assert (answer.status_code, answer.said["code"]) == (403 if wrong == "other" else 401, code), address
    assert not Job.objects.exists()


def test_a_definition_is_seen_as_soon_as_it_counts(caller, embedded):
    own = caller("read")
    embedded.define_uploads("tool")
    assert own.get("/definitions/tool").said["file"] == "tool.yaml"
    embedded.define_uploads("lib")
    assert {"tool", "lib"} <= {one["name"] for one in own.get("/definitions").said}


def test_what_is_changed_asks_for_the_condition(caller, embedded):
    own = caller("read", "administer")
    text = "name: tool\nsuites: [stable]\ncomponent: main\narchitecture: [amd64]\nsource: {type: build_script}\n"
    assert own.ask("PUT", "/definitions/tool", {"text": text}).status_code == 428
    made = own.ask("PUT", "/definitions/tool", {"text": text}, If_Match="*")
    assert (made.status_code, made.headers["ETag"]) == (200, '"1"')
    assert own.ask("PUT", "/definitions/tool", {"text": text + "enabled: false\n"}, If_Match="*").status_code == 412
    changed = own.ask("PUT", "/definitions/tool", {"text": text + "enabled: false\n"}, If_Match='"1"')
    assert (changed.status_code, changed.said["enabled"], own.get("/definitions/tool").headers["ETag"]) == (
        200,
        False,
        '"2"',
    )
    assert own.ask("PUT", "/definitions/tool", {"text": "name: [\n"}, If_Match='"2"').status_code == 422
    assert [one["version"] for one in own.get("/definitions/tool/history").said] == [2, 1]
    assert own.ask("DELETE", "/definitions/tool", If_Match='"2"').said["removed"] is True
    now = own.get("/repository")
    preview = own.post("/repository/preview", {"text": "label: Other\n"}).said
    body = {"text": "label: Other\n", "shown": preview["shown"]}
    assert own.ask("PUT", "/repository", {**body, "shown": "x"}, If_Match=now.headers["ETag"]).status_code == 409
    put = own.ask("PUT", "/repository", body, If_Match=now.headers["ETag"])
    assert put.status_code in (200, 422)  # a file that says the label wins, and the answer says so


def test_a_key_is_of_one_request_whatever_kind_its_body_says_to_be(embedded, caller):
    own = caller("administer", "read")
    kinds = ("application/json", "application/x-www-form-urlencoded", "text/json")  # curl -d says the second
    for kind in kinds:
        bodies = [{"what": "withdraw", "query": query} for query in ("tool", "other")]
        sent = [own.post("/moves/preview", body, Idempotency_Key=kind, Content_Type=kind) for body in bodies]
        assert [answer.said["code"] for answer in sent] == ["package_refused", "key_reused"], kind
    sent = [own.ask("DELETE", "/definitions/tool", If_Match=each, Idempotency_Key="e") for each in ('"1"', '"2"')]
    assert [answer.said["code"] for answer in sent] == ["record_not_found", "key_reused"]
    assert own.post("/suites/stable/publish", {}, Idempotency_Key="").status_code == 422
    assert own.ask("GET", "/packages", Idempotency_Key="").status_code == 200
