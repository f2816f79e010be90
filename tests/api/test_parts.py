"""Files pushed in parts: begun, gone on with, completed as one push, and nothing of what is refused is left."""

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.core import signing

from packages_app.core.direct_upload import PART_BYTES
from packages_app.core.rights import grants_of
from packages_app.models import AuditEntry, Job, TrustedPublisher
from packages_app.services import adapters
from packages_app.services.deliveries.delivered import Place
from packages_app.services.deliveries.tickets import TICKET_SECONDS
from packages_app.services.pushes import parts
from packages_app.services.rights.shown_token import ShownToken, showing
from packages_app.services.rights.tokens import keep_token, make_token
from packages_app.services.trusted.exchange import LASTING
from tests.api.conftest import Caller
from tests.debs import build_deb

BIG = PART_BYTES + 100_000


@pytest.fixture(params=["folder", "bucket through us", "bucket itself"])
def column(request):
    """The repository, its staging a folder or a bucket, to which parts go through us or by themselves."""
    if request.param == "folder":
        return request.getfixturevalue("embedded")
    stack = request.getfixturevalue("distributed")
    settings, server = request.getfixturevalue("settings"), request.getfixturevalue("ministack")
    settings.STAGING = replace(settings.STAGING, endpoint=server)  # moto says that all uploads were begun in 2010
    adapters.staging().create()
    if request.param == "bucket itself":
        settings.STAGING_UPLOAD_URL = server
    return stack


@pytest.fixture
def stack(column):
    column.define_uploads("tool")
    column.define_uploads("acme-lib")
    return column


@pytest.fixture
def caller(column, root):
    """Make a caller, as `conftest.caller` does, in either column."""

    def make(*actions, packages=("*",), suites=("*",), owner=root):
        token, secret = make_token("ci", owner, actions=actions, packages=packages, suites=suites)
        made = Caller(secret)
        made.shown = ShownToken(token.pk, token.name, frozenset(row.grant for row in token.grants.all()))
        return made

    return make


def deb(folder, name="tool", version="1.0", size=0):
    path = build_deb(folder, name, version, compression="", files={"usr/share/x": bytes(size)})
    return path.name, path.read_bytes()


class Sender:
    """Sends files in parts by a caller."""

    def __init__(self, caller):
        self.caller = caller

    def begin(self, file, **said):
        name, body = file
        told = {"filename": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest(), **said}
        return self.caller.post("/uploads/parts", told)

    def send(self, ticket, body, numbers):
        """Send parts to where the addresses say."""
        asked = "&".join(f"number={number}" for number in numbers)
        found = self.caller.get(f"/uploads/parts/addresses?{asked}", Upload_Ticket=ticket).said["parts"]
        for part in found:
            start = (part["number"] - 1) * PART_BYTES
            content = body[start : start + part["size"]]
            if part["own"]:
                path = part["address"].partition("/api/v1")[2]
                assert self.put(ticket, path.rpartition("/")[2], content).status_code == 200
            else:
                assert httpx.put(part["address"], content=content).status_code == 200

    def put(self, ticket, number, content):
        return self.caller.ask("PUT", f"/uploads/parts/{number}", content, Upload_Ticket=ticket,
                               Content_Type="application/octet-stream")  # fmt: skip

    def whole(self, file, **said):
        """Send all of a file; return its ticket."""
        begun = self.begin(file, **said).said
        missing = [number for number in range(1, begun["parts"] + 1) if number not in begun["there"]]
        if missing:
            self.send(begun["ticket"], file[1], missing)
        return begun["ticket"]

    def complete(self, *tickets, **headers):
        return self.caller.post("/uploads/parts/complete?wait=0", {"tickets": [*tickets]}, **headers)

    def there(self, ticket):
        return self.caller.get("/uploads/parts", Upload_Ticket=ticket)


@pytest.fixture
def sender(stack, caller):
    return Sender(caller("upload", "read"))


def under_way():
    return [one.upload for one in adapters.part_uploads().begun_below("uploads/")]


def left(stack):
    return list(stack.staging.keys("uploads/parts-"))


def nothing_is_left(stack):
    return (Job.objects.count(), under_way(), left(stack)) == (0, [], [])


def test_what_is_there_is_found_again_and_the_push_is_as_any(sender, stack, caller, tmp_path):
    big, lib = deb(tmp_path, size=BIG), deb(tmp_path, "acme-lib")
    begun = sender.begin(big).said
    assert (begun["part_bytes"], begun["parts"], begun["there"]) == (PART_BYTES, 2, [])
    sender.send(begun["ticket"], big[1], [2])
    early = sender.complete(begun["ticket"])
    assert (early.status_code, early.said["code"]) == (409, "parts_missing")
    again = sender.begin(big).said
    assert (again["there"], sender.there(begun["ticket"]).said["there"]) == ([2], [2])
    assert sender.begin((big[0], big[1][:-1])).said["there"] == []  # is another file
    assert Sender(caller("upload")).begin(big).said["there"] == []  # is another token
    sender.send(again["ticket"], big[1], [1])
    done = sender.complete(again["ticket"], sender.whole(lib), Idempotency_Key="one")
    assert (done.status_code, done.said["standing"]) == (202, "waiting"), done.said
    assert [(file["file"], file["known"]) for file in done.said["files"]] == [(big[0], False), (lib[0], False)]
    assert sender.complete(again["ticket"], sender.whole(lib), Idempotency_Key="one").status_code == 422  # key_reused
    stack.run_jobs()
    assert {record.package_name: record.sha256_hash for record in stack.records()} == {
        name.partition("_")[0]: hashlib.sha256(body).hexdigest() for name, body in (big, lib)
    }
    gone = sender.complete(again["ticket"])
    assert (gone.status_code, gone.said["code"]) == (410, "upload_gone")
    known = sender.complete(sender.whole(lib))
    assert (known.status_code, known.said["files"][0]["known"], known.said["job"]) == (200, True, None)
    lines = list(AuditEntry.objects.filter(what__contains="parts").order_by("pk"))
    assert "api.put/uploads/parts/<number>" not in [line.what for line in lines]
    assert next(line.packages for line in lines if line.what == "api.post/uploads/parts") == "tool"
    assert begun["ticket"] not in "".join(line.given for line in lines)


def test_all_of_a_push_are_taken_or_none_and_nothing_is_kept_of_what_is_refused(sender, stack, caller, tmp_path):
    tool, lib, other = deb(tmp_path), deb(tmp_path, "acme-lib"), deb(tmp_path, "other")
    one = sender.whole(lib)
    for bad, code in (
        (("tool_1.0_amd64.deb", b"!<arch>\nno"), "invalid_deb"), (other, "not_defined"), (tool, "parts_differ"),
    ):  # fmt: skip
        said = {"sha256": hashlib.sha256(b"x").hexdigest()} if code == "parts_differ" else {}
        refused = sender.complete(one, sender.whole(bad, **said))
        assert (refused.status_code, refused.said["code"]) == (422, code)
        assert refused.said["remedy"]
        assert nothing_is_left(stack)
        one = sender.whole(lib)
    # Files of a token's own that it may not push show what they are once they are there.
    narrow = Sender(caller("upload", packages=["acme-*"]))
    refused = narrow.complete(narrow.whole(("acme-lib_1.0_amd64.deb", tool[1])))
    assert (refused.status_code, refused.said["code"]) == (403, "right_missing")
    for tickets in ([one, one], [one, sender.begin(tool, suite="stable").said["ticket"]]):
        assert sender.complete(*tickets).said["code"] == "package_refused"
    assert sender.complete().status_code == 422
    assert not Job.objects.exists()
    assert sender.there(one).said["there"] == [1]
    assert sender.complete(sender.whole(lib)).status_code == 202  # what was asked wrongly cost nothing
    stack.run_jobs()
    conflict = sender.complete(sender.whole(deb(tmp_path / "b", "acme-lib", size=10)))
    assert (conflict.status_code, conflict.said["code"]) == (409, "version_conflict")


def test_what_can_be_known_is_refused_when_it_begins(sender, stack, caller, settings, tmp_path):
    tool = deb(tmp_path)
    settings.UPLOAD_LIMIT_BYTES = 100_000
    for who, said, status, code in (
        (sender, {"size": 100_001}, 413, "too_large"),
        (sender, {"filename": "../tool.deb"}, 422, "package_refused"),
        (sender, {"filename": "tool.zip"}, 422, "package_refused"),
        (sender, {"suite": "nowhere"}, 422, "package_refused"),
        (sender, {"build": "No Build"}, 422, "package_refused"),
        (sender, {"sha256": "x"}, 422, "bad_request"),
        (sender, {"size": 0}, 422, "bad_request"),
        (Sender(caller("upload", packages=["acme-*"])), {}, 403, "right_missing"),
        (Sender(caller("upload", suites=["testing"])), {"suite": "stable"}, 403, "right_missing"),
    ):
        refused = who.begin(tool, **said)
        assert (refused.status_code, refused.said["code"]) == (status, code), said
    assert nothing_is_left(stack)
    for number in range(11):
        made = sender.begin((f"{number}.deb", tool[1]), size=90_000)
        assert made.status_code == 200
    full = sender.begin(("more.deb", tool[1]), size=90_000)
    assert (full.status_code, full.said["code"], "Retry-After" in full.headers) == (429, "too_many_files", True)
    assert Sender(caller("upload")).begin(tool).status_code == 200
    settings.UPLOAD_LIMIT_BYTES = 1_000_000
    uploads = adapters.part_uploads()
    folder = next(one.key for one in uploads.begun_below("") if one.key.endswith("/7.deb")).rsplit("/", 3)[0]
    for number in range(12, parts.MOST_BEGUN):  # by the store itself: each beginning lists all that were begun
        uploads.begin_parts(f"{folder}/{number:032}-1/x/{number}.deb")
    assert sender.begin(("last.deb", tool[1]), size=1).status_code == 200
    assert sender.begin(("more.deb", tool[1]), size=1).said["code"] == "too_many_files"
    assert sender.begin(("7.deb", tool[1]), size=90_000).status_code == 200  # is under way
    given_up = sender.caller.ask("DELETE", "/uploads/parts", Upload_Ticket=made.said["ticket"])
    assert (given_up.status_code, sender.there(made.said["ticket"]).said["code"]) == (200, "upload_gone")
    assert sender.begin(("more.deb", tool[1]), size=1).status_code == 200


def test_a_ticket_is_for_one_token_and_archive_and_some_hours(sender, stack, caller, root, settings, tmp_path):
    tool = deb(tmp_path)
    ticket = sender.begin(tool).said["ticket"]
    calls = (
        lambda who, given: who.there(given),
        lambda who, given: who.caller.get("/uploads/parts/addresses?number=1", Upload_Ticket=given),
        lambda who, given: who.put(given, 1, tool[1]),
        lambda who, given: who.complete(given),
        lambda who, given: who.caller.ask("DELETE", "/uploads/parts", Upload_Ticket=given),
    )
    said = signing.loads(ticket, salt=parts._SALT)
    of_another_archive = {**said, "whose": {**said["whose"], "archive": "other"}}
    signer = signing.TimestampSigner(salt=parts._SALT)
    signer.timestamp = lambda: signing.b62_encode(int(adapters.now().timestamp()) - TICKET_SECONDS - 1)
    expired = signer.sign_object(said)
    for call in calls:
        for who, given, status, code in (
            (Sender(caller("upload")), ticket, 403, "upload_ticket_refused"),
            (sender, f"{ticket}x", 403, "upload_ticket_refused"),
            (sender, ticket[1:], 403, "upload_ticket_refused"),
            (sender, signing.dumps(of_another_archive, salt=parts._SALT), 403, "upload_ticket_refused"),
            (sender, signing.dumps(said, salt="direct-upload"), 403, "upload_ticket_refused"),
            (sender, expired, 410, "upload_ticket_expired"),
        ):
            refused = call(who, given)
            assert (refused.status_code, refused.said["code"]) == (status, code)
    for number, content, status, code in (
        (1, tool[1][:-1], 422, "parts_differ"), (1, tool[1] + b"x", 422, "parts_differ"),
        (2, b"x", 422, "package_refused"), (1, bytes(PART_BYTES + 1), 413, "too_large"), (0, b"x", 422, "bad_request"),
    ):  # fmt: skip
        refused = sender.put(ticket, number, content)
        assert (refused.status_code, refused.said["code"]) == (status, code), number
    wrong = sender.caller.ask("PUT", "/uploads/parts/1", tool[1], Upload_Ticket=ticket,
                              Content_Digest=f"sha-256=:{'A' * 43}=:")  # fmt: skip
    assert (wrong.status_code, wrong.said["code"]) == (400, "digest_mismatch")
    assert sender.there(ticket).said["there"] == []
    # What nobody completes is forgotten when anybody begins, later.
    own, later = Sender(caller("upload")), adapters.now() + timedelta(seconds=TICKET_SECONDS + 60)
    with showing(own.caller.shown):
        parts.begin(tool[0], 5, "0" * 64, Place(), root, own.caller.shown, now=later)
    assert (len(under_way()), sender.there(ticket).said["code"]) == (1, "upload_gone")


def test_the_next_token_of_a_publisher_goes_on_and_by_a_ticket_of_its_own(stack, tmp_path):
    tool = deb(tmp_path, size=BIG)
    grants = grants_of(["upload"], ["tool"], ["*"])
    both = [TrustedPublisher.objects.create(name=name, issuer="https://issuer.example.org") for name in ("a", "b")]

    def next_of(publisher):
        return Sender(Caller(keep_token("ci", grants, owner=None, lasting=LASTING, publisher=publisher)[1]))

    first = next_of(both[0])
    ticket = first.begin(tool).said["ticket"]
    first.send(ticket, tool[1], [1])
    second = next_of(both[0])
    assert second.there(ticket).said["code"] == "upload_ticket_refused"
    assert (second.begin(tool).said["there"], next_of(both[1]).begin(tool).said["there"]) == ([1], [])
    assert second.complete(second.whole(tool)).status_code == 202


@pytest.mark.parametrize("column", ["folder"], indirect=True)
def test_of_two_completions_at_once_one_file_is_taken_in(sender, stack, tmp_path):
    tool = deb(tmp_path)
    ticket = sender.whole(tool)
    with ExitStack() as opened:  # the one has its file before the other is done with it
        inside = opened.enter_context(adapters.part_uploads().file_of_parts(*place_of(ticket), len(tool[1])))
        assert sender.complete(ticket).status_code == 202
        assert inside.read_bytes() == tool[1]
    assert sender.complete(ticket).said["code"] == "upload_gone"
    again = sender.complete(sender.whole(tool))
    assert again.status_code == 202
    stack.run_jobs()
    assert [job.result["new"] for job in Job.objects.filter(kind=Job.Kind.UPLOAD).order_by("created")] == [True, False]
    assert left(stack) == []


def place_of(ticket):
    said = signing.loads(ticket, salt=parts._SALT)
    return said["key"], said["upload"]
