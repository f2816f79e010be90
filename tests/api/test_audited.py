"""Each request of a machine that may change something, and each that is refused, has its lines in the audit trail."""

import re

import pytest
from django.utils import timezone

from packages_app.models import AccessToken, AuditEntry, Job
from packages_app.services.audit.search import found, parse_search
from tests.api.conftest import Caller
from tests.api.test_every_route import operations
from tests.debs import build_deb

SECRET = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhidden\n-----END PGP PRIVATE KEY BLOCK-----"


def lines_of(ask):
    """Do what may write lines; return its answer and them."""
    last = max(AuditEntry.objects.values_list("pk", flat=True), default=0)
    answer = ask()
    return answer, list(AuditEntry.objects.filter(pk__gt=last).order_by("pk"))


def test_each_route_has_lines_of_one_deed_by_its_token(caller, embedded):
    own, number = caller("read", "upload", "publish", "keys", "bootstrap", "administer"), 0
    own.prefix = ""
    for method, address, _ in operations():
        answer, lines = lines_of(lambda: own.ask(method, address, {"password": "geheim", "note": SECRET}))  # noqa: B023
        if method == "GET" and answer.status_code in (200, 404):
            assert lines == [], address
            continue
        number += 1
        assert len({line.deed for line in lines}) == 1, address
        assert {str(line.who) for line in lines} == {"root, by the token ci"}, address
        assert {line.who.number for line in lines} == {str(own.token.pk)}
        if answer.status_code >= 400:
            [line] = lines
            said = (line.result, line.code, line.what.partition("/")[0])
            assert said == ("refused", answer.said["code"], f"api.{method.lower()}"), (address, said)
    assert number > 10
    whole = "".join(f"{line.given}{line.before}{line.after}" for line in AuditEntry.objects.all())
    assert not re.search(r"geheim|hidden\\n|repomgr_", whole)


@pytest.mark.parametrize("wrong", ["anonymous", "unknown", "expired", "other"])
def test_each_refusal_has_one_line_with_its_code(caller, root, embedded, wrong):
    own, other = caller("read", "upload", "publish", "keys", "administer"), caller("bootstrap")
    who = {"anonymous": Caller("", ""), "unknown": Caller("repomgr_x", ""), "other": other}.get(wrong, own)
    who.prefix = ""
    if wrong == "expired":
        AccessToken.objects.update(expires=timezone.now())
    who.client.force_login(root)  # no cookie counts
    who.client.defaults["REMOTE_ADDR"] = f"10.7.7.{ord(wrong[0])}"  # of each address so many are kept
    for method, address, action in operations():
        if wrong == "other" and action == "bootstrap":
            continue
        answer, lines = lines_of(lambda: who.ask(method, address, {}))  # noqa: B023
        by = ("token", "root, by the token ci") if wrong == "other" else ("nobody", "")
        said = [(line.result, line.code, line.kind, line.actor) for line in lines]
        assert said == [("refused", answer.said["code"], *by)], address


def test_a_refused_upload_is_found_by_what_it_said_to_be(caller, embedded, tmp_path):
    own = caller("upload")
    deb, name = build_deb(tmp_path, "other", "1.0").read_bytes(), "tool_1.0_amd64.deb"
    head = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    for address, body, kind in (
        (f"/uploads?suite=testing&filename={name}", deb, "application/vnd.debian.binary-package"),
        ("/uploads?suite=testing", head.encode() + deb + b"\r\n--B--\r\n", "multipart/form-data; boundary=B"),
    ):
        answer, [line] = lines_of(lambda: own.ask("POST", address, body, Content_Type=kind))  # noqa: B023
        assert (line.result, line.code, answer.said["code"]) == ("refused", "not_defined", "not_defined")
        assert (line.packages, line.suites, name in line.given) == ("tool", "testing", True)


def test_an_upload_is_its_tokens_from_the_request_to_the_end_of_its_job(caller, embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    own = caller("upload", "read")
    _, asked = lines_of(lambda: own.ask("POST", "/uploads?filename=tool_1.0_amd64.deb", deb.read_bytes(),
                                        Content_Type="application/vnd.debian.binary-package"))  # fmt: skip
    _, ended = lines_of(embedded.run_jobs)
    told = [(line.what, line.result, line.packages, line.suites, str(line.who)) for line in asked + ended]
    by = "root, by the token ci"
    assert [each for each in told if "upload" in each[0]] == [
        ("job.intake_upload", "asked", "tool", "", by),  # it goes where the definition says by then
        ("job.intake_upload", "done", "tool", "stable", by),
    ]
    assert {who for *_, who in told} == {by}
    upload = Job.objects.get(kind=Job.Kind.UPLOAD)
    own.token.delete()
    assert Job.objects.get(pk=upload.pk).asker == by


def test_a_refused_push_is_found_by_its_package_and_suite(caller, embedded):
    own = caller("upload", packages=("lib*",))
    own.prefix = ""
    answer, [line] = lines_of(lambda: own.ask("PUT", "/upload/stable/main/tool_1.0_amd64.deb", b"no package"))
    assert (line.result, line.code) == ("refused", answer.said["code"])
    assert line.what == "api.put/upload/<suite>/<component>/<filename>"
    assert list(found(parse_search("package:tool suite:stable result:refused"))) == [line]
    assert answer.said["detail"][:20] in line.after
    _, [line] = lines_of(lambda: own.ask("PUT", "/upload/-/-/tool_1.0_amd64.deb", b"no package"))
    assert (line.packages, line.suites) == ("tool", "")  # - is no suite


def test_what_a_suite_is_rolled_back_to_is_no_suite(caller, embedded):
    own = caller("publish")
    answer, [line] = lines_of(lambda: own.post("/suites/stable/rollback", {"to": "1", "consent": "x", "reason": "x"}))
    assert (answer.status_code >= 400, line.result, line.suites) == (True, "refused", "stable")


def test_the_same_request_again_has_a_line_that_says_nothing_was_done(caller, embedded):
    own = caller("publish", "read")
    first, lines = lines_of(lambda: own.post("/suites/stable/publish", {}, Idempotency_Key="1"))
    again, more = lines_of(lambda: own.post("/suites/stable/publish", {}, Idempotency_Key="1"))
    assert (first.status_code, again.said) == (202, first.said)
    assert [[line.result for line in each] for each in (lines, more)] == [["asked"], ["shown"]]
