"""Trusted publishing: a workflow's token, once, for one of ours that reaches as far as its publisher may."""

import hmac
import json
import time
from datetime import datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from packages_app.core.built_from import built_from
from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.models import AccessGrant, AccessToken, AuditEntry, Job, Package, SpentIdentity, TrustedPublisher
from packages_app.services.old_rows import remove_old_rows
from packages_app.services.rights.rule import rights_of_job
from packages_app.services.trusted.exchange import audience
from packages_app.services.trusted.publishers import Trust, add_publisher, remove_publisher
from tests.api.conftest import Caller
from tests.debs import build_deb
from tests.oidc_issuer import Issuer

EXCHANGE, DOCUMENT = "/api/v1/oidc/token", "/.well-known/openid-configuration"
COMMIT = "c0ffee" * 6 + "abcd"
GITHUB = {
    "sub": "repo:acme/tool:environment:release", "repository": "Acme/tool", "repository_id": "74",
    "repository_owner_id": "65", "job_workflow_ref": "Acme/tool/.github/workflows/release.yml@refs/tags/v1.0",
    "ref": "refs/tags/v1.0", "ref_protected": "true", "sha": COMMIT, "environment": "Release", "event_name": "push",
    "run_id": "9", "actor": "ada",
}  # fmt: skip
GITLAB = {
    "sub": "project_path:acme/apps/tool:ref_type:tag:ref:v1.0", "project_path": "acme/apps/tool", "project_id": "74",
    "namespace_id": 65, "ref_path": "refs/tags/v1.0", "ref_protected": "true", "sha": COMMIT,
    "environment": "release", "pipeline_source": "push", "pipeline_id": "9", "user_login": "ada",
}  # fmt: skip


@pytest.fixture(scope="module")
def served():
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(served, embedded, root):
    cache.clear()
    served.begin_anew()
    embedded.define_uploads("tool")
    embedded.define_uploads("other")
    yield served
    cache.clear()


def trust(issuer, kind="github", packages=("tool",), **said):
    usual = {
        "github": {"repository": "acme/tool", "workflow": "release.yml", "ref": "refs/tags/*",
                   "environment": "release"},
        "gitlab": {"repository": "acme/apps/tool", "workflow": ".gitlab-ci.yml", "ref": "refs/tags/*",
                   "environment": "release"},
        "other": {"claims": {"sub": "builder-7", "pipeline": "release"}},
    }[kind]  # fmt: skip
    values = {"name": "releases of tool", "kind": kind, "issuer": issuer.url, **usual, **said}
    return add_publisher(Trust(**values), actions=["upload"], packages=packages, user=None)


def claims_of(issuer, kind="github", **changed):
    now = int(time.time())
    host = issuer.url.partition("//")[2]
    of_gitlab = {**GITLAB, "ci_config_ref_uri": f"{host}/acme/apps/tool//.gitlab-ci.yml@refs/tags/v1.0"}
    own = {"github": GITHUB, "gitlab": of_gitlab, "other": {"sub": "builder-7", "pipeline": "release"}}[kind]
    when = {"exp": now + 300, "iat": now, "nbf": now, "jti": f"j-{time.time_ns()}"}
    said = {"iss": issuer.url, "aud": audience(), **when, **own, **changed}
    return {name: value for name, value in said.items() if value is not None}


def show(token):
    return Client().post(EXCHANGE, {"token": token}, content_type="application/json")


def kept():
    return AccessToken.objects.count(), SpentIdentity.objects.count(), Job.objects.count()


def unavailable(answer):
    refused(answer, "oidc_issuer_unavailable", 503, result="failed")


def refused(answer, code, status=401, *, before=(0, 0, 0), result="refused"):
    said = (answer.status_code, answer.json()["code"])
    assert said == (status, code), answer.json()
    assert kept() == before
    line = AuditEntry.objects.order_by("-pk").first()
    assert "eyJ" not in line.given + line.after
    assert (line.result, line.code, line.what, line.kind) == (result, code, "api.post/oidc/token", "nobody")


@pytest.mark.django_db(transaction=True)
def test_by_http_a_workflow_pushes_by_the_token_that_it_is_given(issuer, embedded, live_server, tmp_path):
    trust(issuer)
    said = {"token": issuer.signed(claims_of(issuer))}
    given = httpx.post(f"{live_server.url}{EXCHANGE}", json=said, timeout=30).json()
    assert datetime.fromisoformat(given["expires"]) > timezone.now()
    shown, deb = {"Authorization": f"Bearer {given['token']}"}, build_deb(tmp_path, "tool", "1.0")
    pushed = httpx.put(f"{live_server.url}/upload/-/-/x.deb", content=deb.read_bytes(), headers=shown, timeout=30)
    assert (pushed.status_code, pushed.json()["standing"]) == (202, "waiting")
    embedded.run_jobs()
    [record] = embedded.records()
    assert built_from(record)["commit"] == COMMIT
    whole = "".join(f"{line.given}{line.before}{line.after}" for line in AuditEntry.objects.all())
    assert said["token"] not in whole


def test_a_workflow_pushes_its_package_by_the_token_that_it_is_given(issuer, embedded, tmp_path):
    publisher = trust(issuer)
    given = show(issuer.signed(claims_of(issuer)))
    assert given.status_code == 200, given.content
    token = AccessToken.objects.get()
    assert timedelta(minutes=14) < token.expires - timezone.now() <= timedelta(minutes=15)
    assert given.json()["token"].startswith("repomgr_")
    line = AuditEntry.objects.filter(what="publisher.exchange").get()
    assert (line.kind, line.actor, line.actor_number) == ("publisher", "releases of tool", str(token.pk))
    assert given.json()["token"] not in line.after + line.given
    own = Caller(given.json()["token"], "")
    for name in ("other", "tool"):
        deb = build_deb(tmp_path, name, "1.0")
        answer = own.ask("PUT", f"/upload/-/-/{name}.deb", deb.read_bytes(), Content_Type="application/octet-stream")
        assert answer.status_code == (202 if name == "tool" else 403), answer.content
    assert own.get("/api/v1/packages").status_code == 403
    embedded.run_jobs()
    [record] = embedded.records()
    job = Job.objects.get(kind="intake_upload")
    assert (record.package_name, job.state, job.actor.kind, job.actor.name) == (
        "tool", "done", "publisher", "releases of tool",
    )  # fmt: skip
    reader = Client()
    reader.force_login(get_user_model().objects.get(username="root"))
    page = f"/admin/packages_app/package/{Package.objects.get().pk}/change/"
    shown = reader.get(page, follow=True).content.decode()
    assert f"built by workflow release.yml of repository Acme/tool at commit {COMMIT}" in shown
    publisher.refresh_from_db()
    assert (publisher.repository_id, publisher.owner_id) == ("74", "65")
    remove_publisher(publisher, None)
    gone = own.ask("PUT", "/upload/-/-/tool.deb", b"x")
    assert (gone.status_code, gone.said["code"]) == (401, "token_revoked")
    job.refresh_from_db()
    assert rights_of_job(Job.objects.get(pk=job.pk)).sets == (frozenset(),)
    assert not AccessGrant.objects.filter(publisher=publisher.pk).exists()


def test_the_api_tells_what_a_package_was_built_from_and_other_records_stay_as_they_were(
    issuer, embedded, caller, tmp_path
):
    trust(issuer, "gitlab")
    own = Caller(show(issuer.signed(claims_of(issuer, "gitlab"))).json()["token"], "")
    person = caller("upload", "read")
    person.prefix = ""
    answers = {}
    for who, name in ((own, "tool"), (person, "other")):
        answers[name] = who.ask("PUT", f"/upload/-/-/{name}.deb", build_deb(tmp_path, name, "1.0").read_bytes())
        assert answers[name].status_code == 202
    embedded.run_jobs()
    assert {record.package_name: bool(record.other_fields) for record in embedded.records()} == {
        "tool": True, "other": False,
    }  # fmt: skip
    told = {
        "issuer": issuer.url, "publisher": "releases of tool", "subject": GITLAB["sub"], "commit": COMMIT,
        "repository": "acme/apps/tool", "workflow": ".gitlab-ci.yml", "ref": "refs/tags/v1.0", "run": "9",
        "environment": "release", "actor": "ada",
    }  # fmt: skip
    assert person.get("/api/v1/packages/tool/1.0/amd64").said["built_from"] == told
    answered = {name: answer.said["files"][0]["package"]["built_from"] for name, answer in answers.items()}
    assert answered == {"tool": told, "other": {}}
    listed = {one["package"]: one["built_from"] for one in person.get("/api/v1/packages").said["items"]}
    assert listed == {"tool": told, "other": {}}


WRONG_GITHUB = [
    ({"repository": "acme/other"}, "oidc_repository"),
    ({"sub": "repo:evil/tool:ref:refs/tags/v1.0"}, "oidc_repository"),
    ({"sub": "project_path:acme/tool:x"}, "oidc_repository"),
    ({"repository_id": "75"}, "oidc_owner"),
    ({"repository_id": None}, "oidc_owner"),
    ({"repository_owner_id": "66"}, "oidc_owner"),
    ({"job_workflow_ref": "acme/tool/.github/workflows/test.yml@refs/tags/v1.0"}, "oidc_workflow"),
    ({"job_workflow_ref": "evil/tool/.github/workflows/release.yml@refs/tags/v1.0"}, "oidc_workflow"),
    ({"job_workflow_ref": "acme/tool/.github/workflows/release.yml@refs/heads/mine"}, "oidc_workflow"),
    ({"job_workflow_ref": "acme/tool/.github/workflows/release.yml"}, "oidc_workflow"),
    ({"ref": "refs/heads/v1", "job_workflow_ref": "acme/tool/.github/workflows/release.yml@refs/heads/v1"}, "oidc_ref"),
    ({"event_name": "pull_request_target"}, "oidc_event"),
    ({"event_name": "issue_comment"}, "oidc_event"),
    ({"event_name": None}, "oidc_event"),
    ({"ref_protected": "false"}, "oidc_unprotected_ref"),
    ({"ref_protected": None}, "oidc_unprotected_ref"),
    ({"environment": "test"}, "oidc_environment"),
    ({"environment": None}, "oidc_environment"),
]
WRONG_GITLAB = [
    ({"project_path": "acme/apps/other"}, "oidc_repository"),
    ({"sub": "project_path:evil/tool:ref_type:tag:ref:v1.0"}, "oidc_repository"),
    ({"project_id": "75"}, "oidc_owner"),
    ({"namespace_id": "66"}, "oidc_owner"),
    ({"ci_config_ref_uri": "elsewhere.example.org/acme/apps/tool//.gitlab-ci.yml@refs/tags/v1.0"}, "oidc_workflow"),
    ({"ref_path": "refs/heads/v1.0"}, "oidc_workflow"),
    ({"pipeline_source": "merge_request_event"}, "oidc_event"),
    ({"ref_protected": "false"}, "oidc_unprotected_ref"),
    ({"environment": "Release"}, "oidc_environment"),
]
WRONG_OTHER = [({"sub": "builder-8"}, "oidc_claim"), ({"pipeline": "test"}, "oidc_claim"),
               ({"pipeline": None}, "oidc_claim"), ({"pipeline": ["release"]}, "oidc_claim")]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "wrongs"), [("github", WRONG_GITHUB), ("gitlab", WRONG_GITLAB), ("other", WRONG_OTHER)]
)
def test_each_claim_wrong_once_is_refused_with_its_code(issuer, kind, wrongs):
    ids = {} if kind == "other" else {"repository_id": "74", "owner_id": "65"}
    trust(issuer, kind, **ids)
    for changed, code in wrongs:
        refused(show(issuer.signed(claims_of(issuer, kind, **changed))), code, 403)
    assert show(issuer.signed(claims_of(issuer, kind))).status_code == 200
    if kind == "github":  # the form of subjects with the numbers of owner and repository in them
        numbered = claims_of(issuer, sub="repo:acme@65/tool@74:ref:refs/tags/v1.0")
        assert show(issuer.signed(numbered)).status_code == 200


def test_what_is_not_the_issuers_for_us_and_now_is_refused(issuer):
    trust(issuer)
    now, good = int(time.time()), claims_of(issuer)
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # PyJWT itself refuses to make these: by the public key as a secret, and by none.
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}')
    body = issuer.signed(good).split(".")[1].encode()
    confused = jwt.utils.base64url_encode(hmac.digest(public, head + b"." + body, "sha256"))
    tampered = issuer.signed(good).split(".")
    tampered[1] = issuer.signed({**good, "repository_id": "1"}).split(".")[1]
    for token, code in (
        ("", "oidc_malformed"), ("a.b.c", "oidc_malformed"), ("repomgr_x", "oidc_malformed"),
        (jwt.encode(good, None, "none", {"kid": "one"}), "oidc_algorithm"),
        (b".".join((head, body, confused)).decode(), "oidc_algorithm"),
        (issuer.signed(good, algorithm="RS512"), "oidc_algorithm"),
        (issuer.signed(good, kid="two"), "oidc_algorithm"),
        (issuer.signed(good, key=issuer.other), "oidc_signature"),
        (".".join(tampered), "oidc_signature"),
        (issuer.signed(good, kid="nine"), "oidc_key_unknown"),
        (issuer.signed({**good, "iss": "https://elsewhere.example.org"}), "oidc_issuer_unknown"),
        (issuer.signed({**good, "iss": f"{issuer.url}/"}), "oidc_issuer_unknown"),
        (issuer.signed({**good, "aud": "pypi"}), "oidc_audience"),
        (issuer.signed({**good, "aud": [audience()]}), "oidc_audience"),
        (issuer.signed({**good, "exp": now - 60}), "oidc_expired"),
        (issuer.signed({**good, "exp": now + 7 * 86400}), "oidc_too_long"),
        (issuer.signed({**good, "nbf": now + 300}), "oidc_too_early"),
        (issuer.signed({**good, "iat": now + 300}), "oidc_too_early"),
        *((issuer.signed({n: v for n, v in good.items() if n != name}), "oidc_claim_missing")
          for name in ("aud", "sub", "exp", "iat", "jti")),
        (issuer.signed({**good, "jti": 7}), "oidc_malformed"),
        (issuer.signed({**good, "jti": ""}), "oidc_claim_missing"),
        *((issuer.signed({**good, name: no_time}), "oidc_malformed")
          for name in ("exp", "iat", "nbf") for no_time in (str(good[name]), [now])),
        (issuer.signed({**good, "deep": json.loads("[" * 600 + "]" * 600)}), "oidc_malformed"),
    ):  # fmt: skip
        refused(show(token), code)
    assert show(issuer.signed({**good, "exp": now - 10, "nbf": now + 10})).status_code == 200
    odd = {"jti": "\ud800", "actor": "a\x00b", "run_id": {"\udfff": 1}}
    assert show(issuer.signed(claims_of(issuer, **odd))).status_code == 200  # what no database keeps
    used = kept()
    refused(show(issuer.signed(good)), "oidc_replayed", before=used)  # another signature, the same token
    by_curve = issuer.signed(claims_of(issuer), key=issuer.curve, kid="two", algorithm="ES256")
    assert show(by_curve).status_code == 200
    remove_old_rows(timezone.now() + timedelta(days=1))
    assert not SpentIdentity.objects.exists()
    for body in ({}, {"token": 7}, {"token": "x" * 20000}, []):
        answer = Client().post(EXCHANGE, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


def a_minute_passes(name="oidc-asked"):
    [known] = [key for key in cache._cache if name in key]
    del cache._cache[known], cache._expire_info[known]


def test_keys_are_rotated_and_an_issuer_that_fails_is_no_way_in(issuer, settings):
    trust(issuer)
    token = issuer.signed(claims_of(issuer))
    places = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
    moved = {DOCUMENT: (302, f"{issuer.url}/moved"), "/moved": (200, places)}
    documents = ({**places, "issuer": "https://elsewhere.example.org"}, {**places, "jwks_uri": "file:///etc/passwd"},
                 b"no", b"[]", b" " * 300_000)  # fmt: skip
    for instead in ({"/keys": (500, {})}, moved, *({DOCUMENT: (200, said)} for said in documents)):
        cache.clear()
        issuer.instead = instead
        unavailable(show(token))
        issuer.instead = {}
        unavailable(show(token))  # it is left alone for some seconds
    issuer.instead = {}
    cache.clear()
    allowed, settings.PRIVATE_UPSTREAMS = settings.PRIVATE_UPSTREAMS, PrivateUpstreams()
    unavailable(show(token))
    settings.PRIVATE_UPSTREAMS = allowed
    cache.clear()
    assert show(token).status_code == 200
    before = kept()
    old, issuer.key = issuer.key, rsa.generate_private_key(public_exponent=65537, key_size=2048)
    try:
        new = issuer.signed(claims_of(issuer), kid="three")
        keys = {"keys": [{**jwt.algorithms.RSAAlgorithm.to_jwk(issuer.key.public_key(), as_dict=True), "kid": "three"}]}
        issuer.instead = {"/keys": (200, keys)}
        refused(show(new), "oidc_key_unknown", before=before)  # not looked for again within a minute
        a_minute_passes()
        assert show(new).status_code == 200
        refused(show(issuer.signed(claims_of(issuer), key=old)), "oidc_key_unknown", before=kept())
        # Another key by the name of the last one, as of an issuer that was set up anew.
        before, again = kept(), issuer.signed(claims_of(issuer), key=issuer.other, kid="three")
        keys["keys"] = [jwt.algorithms.RSAAlgorithm.to_jwk(issuer.other.public_key(), as_dict=True) | {"kid": "three"}]
        refused(show(again), "oidc_signature", before=before)
        a_minute_passes()
        issuer.instead["/keys"] = (500, {})
        refused(show(again), "oidc_signature", before=before)
        a_minute_passes("oidc-failed")
        issuer.instead["/keys"] = (200, keys)
        a_minute_passes()
        assert show(again).status_code == 200
        refused(show(issuer.signed(claims_of(issuer), kid="three")), "oidc_signature", before=kept())
        a_minute_passes()
        refused(show(issuer.signed(claims_of(issuer), kid="three")), "oidc_signature", before=kept())
    finally:
        issuer.key = old


def test_a_repository_of_the_same_name_is_another_once_it_was_used(issuer):
    trust(issuer)
    assert show(issuer.signed(claims_of(issuer))).status_code == 200
    refused(show(issuer.signed(claims_of(issuer, repository_owner_id="66"))), "oidc_owner", 403, before=kept())
    assert TrustedPublisher.objects.get().owner_id == "65"
