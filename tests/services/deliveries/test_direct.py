"""Files that a browser sends straight to the staging bucket: looked at as those of a form, and nobody else's."""

import hashlib
import os
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.core import signing

from packages_app.core.direct_upload import PART_BYTES, PartsDiffer, PartsMissing, UploadGone, part_sizes
from packages_app.core.errors import PackageRefused
from packages_app.core.locations import FolderStore
from packages_app.services import adapters
from packages_app.services.archives import entered, present_archive
from packages_app.services.deliveries import direct, tickets
from packages_app.services.deliveries.deliver import deliver, take_delivery_in
from packages_app.services.deliveries.delivered import (
    LOOKED_INTO_BYTES,
    Place,
    TooManyFiles,
    delivered,
    folder_of,
    new_delivery,
)
from packages_app.services.deliveries.direct import abort, address_of_part, begin, complete
from packages_app.services.deliveries.preview import look_at
from packages_app.signing.openpgp import verified_text
from tests.debs import build_deb
from tests.services.deliveries.test_deliveries import fates, numbers

HERE = Place()
LARGE = LOOKED_INTO_BYTES + PART_BYTES


@pytest.fixture
def stack(distributed, settings):
    settings.STAGING_UPLOAD_URL = settings.STAGING.endpoint
    distributed.define_uploads("tool")
    return distributed


def large_deb(folder, version, **files):
    """Build a package that is not read to its end before it is taken in."""
    return build_deb(folder, "tool", version, compression="", files={"usr/share/x": os.urandom(LARGE), **files})


def send_parts(ticket, body, user, without=()):
    for number, size in enumerate(part_sizes(len(body)), start=1):
        start = (number - 1) * PART_BYTES
        if number not in without:
            answer = httpx.put(address_of_part(ticket, number, user), content=body[start : start + size])
            assert answer.status_code == 200


def send(path, delivery, user, place=HERE, name=""):
    """Send a file straight to staging; gives its fate."""
    body = path.read_bytes()
    ticket = begin(name or path.name, len(body), delivery, place, user).ticket
    send_parts(ticket, body, user)
    return complete(ticket, user)[1].fate


def under_way():
    return [each.key for each in adapters.direct_uploads().begun_below("")]


def test_a_large_file_is_known_by_its_head_and_hashed_when_it_is_taken_in(stack, people, tmp_path):
    root, first = people["root"], new_delivery()
    deb = large_deb(tmp_path, "1.0")
    assert send(deb, first, root) == "new"
    [came] = delivered(first, root)
    assert (came.is_hashed, came.cautions, came.contents.control["Version"]) == (False, None, "1.0")
    [job] = take_delivery_in(first, numbers(first, root), root)
    assert "each" in job.arguments  # once its file is gone, such a job knows by what it kept whether it took it in
    assert [job.state for job in stack.run_jobs()] == ["done", "done"]
    [record] = [one for one in stack.records() if one.package_name == "tool"]
    assert record.sha256_hash == hashlib.sha256(deb.read_bytes()).hexdigest()
    assert stack.bucket.read(record.pool_path) == deb.read_bytes()
    verified_text(stack.bucket.read("dists/stable/InRelease"), adapters.signer().public_keyring())
    # The same version again: with as many bytes, the same or others, and with more.
    other, delivery = large_deb(tmp_path / "other", "1.0"), new_delivery()
    more = large_deb(tmp_path / "more", "1.0", **{"usr/share/y": b"more" * 5000})
    sent = [send(path, delivery, root, name=f"{number}.deb") for number, path in enumerate((deb, other, more))]
    assert sent == ["there already", "there already", "conflict"]
    take_delivery_in(delivery, numbers(delivery, root), root)
    stack.run_jobs()
    said = [line for file in look_at(delivered(delivery, root), root).files for line in file.said]
    assert sorted(line.partition(":")[0] for line in said) == ["1.deb", "2.deb"]
    assert [one.sha256_hash for one in stack.records() if one.package_name == "tool"] == [record.sha256_hash]


def test_a_small_file_is_looked_at_as_one_of_a_form_and_what_is_no_package_leaves_its_reason(stack, people, tmp_path):
    root, delivery = people["root"], new_delivery()
    deb, fresh = build_deb(tmp_path, "tool", "1.0", Essential="yes"), build_deb(tmp_path, "fresh", "1.0")
    (tmp_path / "page.deb").write_text("<html>")
    assert [send(path, delivery, root) for path in (deb, fresh, tmp_path / "page.deb")] == ["new", "new", "refused"]
    by_form = new_delivery()
    deliver([(deb, deb.name)], by_form, HERE, root, is_all=False)
    ours = {came.name: came for came in delivered(delivery, root)}
    [form] = delivered(by_form, root)
    assert replace(ours[deb.name], number="", key="") == replace(form, number="", key="")
    assert {name: fate for name, fate, _ in fates(delivery, root)}["page.deb"] == "refused"
    assert [key for key, _ in stack.staging.keys("uploads/") if key.endswith("page.deb")] == []
    uploader, other = people["Uploaders"], new_delivery()
    assert send(deb, other, uploader, Place(component="contrib")) == "refused"
    assert [(came.key, came.refused.code) for came in delivered(other, uploader)] == [("", "package_refused")]


def test_a_ticket_is_for_one_person_one_archive_and_some_hours(stack, people, settings, tmp_path):
    deb, root = build_deb(tmp_path, "tool", "1.0"), people["root"]
    body = deb.read_bytes()
    ticket = begin("a.deb", len(body), new_delivery(), HERE, root).ticket
    send_parts(ticket, body, root)
    calls = (complete, abort, lambda given, user: address_of_part(given, 1, user))
    settings.ARCHIVES = {"default": None, "other": replace(present_archive(), slug="other")}
    for call in calls:
        with entered("default"):
            for given, user in ((ticket, people["Publishers"]), (f"{ticket}x", root), (ticket[1:], root), ("", root)):
                with pytest.raises(tickets.TicketRefused):
                    call(given, user)
        with entered("other"), pytest.raises(tickets.TicketRefused):
            call(replaced(ticket, whose={"user": root.pk, "archive": "default"}), root)
    settings.ARCHIVES = {"default": None}
    for number in (0, 2, -1):
        with pytest.raises(PackageRefused):
            address_of_part(ticket, number, root)
    assert len(under_way()) == 1
    assert complete(ticket, root)[1].fate == "new"
    old = expired(ticket)
    for call in calls:
        with pytest.raises(tickets.TicketExpired):
            call(old, root)


def replaced(ticket, **values):
    return signing.dumps({**signing.loads(ticket, salt=direct._SALT), **values}, salt=direct._SALT)


def expired(ticket):
    """Give what a ticket would be that we gave when its time began."""
    signer = signing.TimestampSigner(salt=direct._SALT)
    signer.timestamp = lambda: signing.b62_encode(int(adapters.now().timestamp()) - tickets.TICKET_SECONDS - 1)
    return signer.sign_object(signing.loads(ticket, salt=direct._SALT))


def test_bad_parts_become_no_file_and_nothing_is_left_of_them(stack, people, tmp_path):
    root, delivery = people["root"], new_delivery()
    body = large_deb(tmp_path, "1.0").read_bytes()
    ticket = begin("a.deb", len(body), delivery, HERE, root).ticket
    send_parts(ticket, body, root, without={2})
    with pytest.raises(PartsMissing):
        complete(ticket, root)
    smaller = replaced(ticket, size=len(body) - 1)
    with pytest.raises(PartsDiffer):
        complete(smaller, root)
    assert under_way() == []
    for given in (ticket, replaced(ticket, upload="unknown")):
        with pytest.raises(UploadGone):
            complete(given, root)
        abort(given, root)
    assert (delivered(delivery, root), list(stack.staging.keys("uploads/"))) == ([], [])


def test_how_much_a_person_sends_is_bounded_and_what_was_left_is_forgotten(stack, people, settings, ministack):
    settings.STAGING_UPLOAD_URL = ministack  # moto says of every upload that it was begun in 2010
    settings.STAGING = replace(settings.STAGING, endpoint=ministack)
    adapters.staging().create()
    root, other = people["root"], people["Uploaders"]
    settings.UPLOAD_LIMIT_BYTES = 1000
    for name, size in (("a.deb", 0), ("a.deb", 1001), ("a.deb", -5), ("../a.deb", 5), ("a.zip", 5)):
        with pytest.raises(PackageRefused):
            begin(name, size, new_delivery(), HERE, root)
    with pytest.raises(PackageRefused):
        begin("a.deb", 5, "../x", HERE, root)
    adapters.staging().put(f"{folder_of(root)}{new_delivery()}/x.deb", bytes(9_999))
    with pytest.raises(TooManyFiles):
        begin("a.deb", 5, new_delivery(), HERE, root)
    assert under_way() == []
    for key, _ in [*adapters.staging().keys("uploads/")]:
        adapters.staging().delete(key)
    for number in range(direct.MOST_BEGUN):
        begin(f"{number}.deb", 5, new_delivery(), HERE, root)
    more = ("more.deb", 5, new_delivery(), HERE, root)
    with pytest.raises(TooManyFiles):
        begin(*more)
    begin("a.deb", 5, new_delivery(), HERE, other)
    assert len(under_way()) == direct.MOST_BEGUN + 1
    begin(*more, now=adapters.now() + timedelta(seconds=tickets.TICKET_SECONDS + 60))
    assert len(under_way()) == 2


def test_a_folder_takes_nothing_from_browsers(embedded, people, settings, tmp_path):
    settings.STAGING_UPLOAD_URL = "https://s3.example.org"
    assert isinstance(settings.STAGING, FolderStore)
    assert direct.server_for_browsers() == ""
    root = people["root"]
    for call in (lambda: begin("a.deb", 5, new_delivery(), HERE, root), lambda: complete("x", root)):
        with pytest.raises(direct.NoDirectUploads):
            call()
