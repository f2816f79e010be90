"""Files uploaded together: each has a fate of its own, packages are defined on the way, and nothing is half-done."""

from datetime import timedelta

import pytest

from packages_app.core.errors import DefinitionError, PackageRefused, RightMissing
from packages_app.core.ports import Silent
from packages_app.core.running_errors import TooManyJobs
from packages_app.models import Conflict, Job
from packages_app.services import adapters
from packages_app.services.deliveries.deliver import deliver, take_delivery_in
from packages_app.services.deliveries.delivered import Place, TooManyFiles, delivered, discard, new_delivery, waiting
from packages_app.services.deliveries.preview import look_at
from packages_app.services.intake.proposals import define_unknown, proposed
from packages_app.services.sweep import sweep
from tests.debs import build_deb
from tests.reader import read_everything

HERE = Place()


def keyring():
    return adapters.signer().public_keyring()


@pytest.fixture(params=["embedded", "distributed"])
def stack(request):
    return request.getfixturevalue(request.param)


def fates(delivery, user):
    said = look_at(delivered(delivery, user), user)
    return [(file.came.name, str(file.fate), file.refused.code if file.refused else "") for file in said.files]


def numbers(delivery, user):
    return {came.number for came in delivered(delivery, user)}


def test_a_bad_file_among_good_ones_has_its_own_line_and_the_rest_goes_on(stack, people, tmp_path):
    stack.define_uploads("tool", architecture=["amd64", "arm64"])
    old = build_deb(tmp_path / "old", "tool", "0.9")
    root, first = people["root"], new_delivery()
    deliver([(old, old.name)], first, HERE, root, is_all=False)
    take_delivery_in(first, numbers(first, root), root)
    stack.run_jobs()
    good, arm = build_deb(tmp_path, "tool", "1.0"), build_deb(tmp_path, "tool", "1.0", "arm64")
    other = build_deb(tmp_path / "other", "tool", "1.0", files={"usr/share/x": b"other"})
    odd = build_deb(tmp_path / "odd", "fresh", "2.0~rc1+b")
    for name, body in (("empty.deb", b""), ("page.deb", b"<html>")):
        (tmp_path / name).write_bytes(body)
    sent = [(good, "a.deb"), (arm, "b.deb"), (other, "c.deb"), (old, "d.deb"), (odd, "ö ~+%20 “.deb"),
            (tmp_path / "empty.deb", "empty.deb"), (tmp_path / "page.deb", "page.deb"), (good, "../evil.deb"),
            (good, "é" * 99 + ".deb"), (good, "line\nbreak.deb"), (good, "tool.zip")]  # fmt: skip
    delivery = new_delivery()
    deliver(sent, delivery, HERE, root, is_all=True)
    assert fates(delivery, root) == [
        ("../evil.deb", "refused", "package_refused"), ("a.deb", "new", ""), ("b.deb", "new", ""),
        ("c.deb", "conflict", ""), ("d.deb", "known", ""), ("empty.deb", "refused", "invalid_deb"),
        ("line\nbreak.deb", "refused", "package_refused"), ("page.deb", "refused", "invalid_deb"),
        ("tool.zip", "refused", "package_refused"), ("é" * 99 + ".deb", "refused", "package_refused"),
        ("ö ~+%20 “.deb", "new", ""),
    ]  # fmt: skip
    said = look_at(delivered(delivery, root), root)
    assert [str(seen) for seen in said.seen] == [
        "stable: fresh amd64: none → 2.0~rc1+b", "stable: tool amd64: 0.9 → 1.0", "stable: tool arm64: none → 1.0",
    ]  # fmt: skip
    assert [proposal.name for proposal in said.proposals] == ["fresh"]
    [job] = take_delivery_in(delivery, numbers(delivery, root), root)
    assert "fresh" in adapters.definitions().by_name
    assert [one.state for one in stack.run_jobs()] == ["done", "done"]
    job.refresh_from_db()
    assert {name: job.result[name] for name in ("files", "new", "known")} == {"files": 4, "new": 3, "known": 0}
    assert [line.partition(": ")[0] for line in job.result["refused"]] == ["c.deb"]
    named = {" ".join(key) for key in read_everything(stack.bucket, keyring())}
    assert named == {"tool 0.9 amd64", "tool 1.0 amd64", "tool 1.0 arm64", "fresh 2.0~rc1+b amd64"}
    assert stack.staging.read(Conflict.objects.get().quarantined) == other.read_bytes()
    by_name = {file.came.name: file for file in look_at(delivered(delivery, root), root).files}
    assert (len(by_name["c.deb"].said), by_name["a.deb"].said, by_name["a.deb"].job) == (1, (), job)
    with pytest.raises(PackageRefused):  # what was asked for is not asked for again
        take_delivery_in(delivery, numbers(delivery, root), root)
    assert [key for key, _ in stack.staging.keys("uploads/") if key.endswith("/d.deb")] != []
    discard(delivery, root)
    assert waiting(root) == {}


def test_who_may_not_define_is_refused_and_what_another_delivers_is_not_seen(embedded, people, tmp_path):
    fresh = build_deb(tmp_path, "fresh", "1.0")
    uploader, publisher, delivery = people["Uploaders"], people["Publishers"], new_delivery()
    for user in (uploader, publisher):
        deliver([(fresh, "f.deb")], delivery, HERE, user, is_all=False)
        assert fates(delivery, user) == [("f.deb", "refused", "not_defined")]
    assert [key for key, _ in embedded.staging.keys("") if key.endswith(".deb")] == []
    embedded.configure(define="publishers")
    other = new_delivery()
    deliver([(fresh, "f.deb")], other, HERE, publisher, is_all=True)
    assert fates(other, publisher) == [("f.deb", "new", "")]
    assert delivered(other, people["root"]) == delivered(other, uploader) == []
    with pytest.raises(PackageRefused):
        take_delivery_in(other, numbers(other, publisher), uploader)
    with pytest.raises(PackageRefused):
        delivered("../" + other, publisher)
    embedded.configure(define="nobody")
    with pytest.raises(PackageRefused):
        take_delivery_in(other, numbers(other, publisher), publisher)
    with pytest.raises(RightMissing):
        define_unknown([fresh], who="ann")
    assert (Job.objects.count(), adapters.documents().documents()) == (0, [])


def test_what_no_definition_may_say_is_refused_and_defines_nothing(embedded, people, tmp_path):
    root, delivery = people["root"], new_delivery()
    good, strange = build_deb(tmp_path, "good", "1.0"), build_deb(tmp_path, "strange", "1.0", "sparc")
    bare = build_deb(tmp_path, "bare", "1.0", Maintainer="")
    deliver([(good, "g.deb"), (strange, "s.deb"), (bare, "b.deb")], delivery, HERE, root, is_all=True)
    assert [fate for _, fate, _ in fates(delivery, root)] == ["refused", "new", "refused"]
    assert {code for _, _, code in fates(delivery, root)} >= {"bad_definition"}
    with pytest.raises(DefinitionError):
        define_unknown([good, strange], who="ann")
    assert adapters.documents().documents() == []
    assert define_unknown([good, tmp_path / "missing"], who="ann") == ["good"]
    assert define_unknown([good], who="ann") == []
    [document] = adapters.documents().documents()
    assert (document.who, document.text) == ("ann", proposed("good", ["amd64"]).text)


def test_what_waits_is_bounded_and_swept_when_nobody_takes_it_in(embedded, people, tmp_path, settings):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    root, delivery, asked = people["root"], new_delivery(), new_delivery()
    deliver([(deb, "a.deb")], delivery, HERE, root, is_all=True)
    settings.UPLOAD_LIMIT_BYTES = deb.stat().st_size // 6
    with pytest.raises(TooManyFiles):
        deliver([(deb, "b.deb")], delivery, HERE, root, is_all=True)
    settings.UPLOAD_LIMIT_BYTES = 10**6
    deliver([(deb, "c.deb"), (build_deb(tmp_path, "tool", "2.0"), "d.deb")], asked, HERE, root, is_all=True)
    settings.MOST_WAITING_JOBS = 0
    with pytest.raises(TooManyJobs):
        take_delivery_in(asked, numbers(asked, root), root)
    settings.MOST_WAITING_JOBS = 5
    take_delivery_in(asked, numbers(asked, root), root)
    assert waiting(root) == {delivery: 1, asked: 2}
    sweep(Silent(), now=adapters.now() + timedelta(days=settings.SWEEP_DAYS + 1))
    assert (waiting(root), fates(delivery, root)) == ({asked: 2}, [])
    embedded.run_jobs()
    assert {record.version for record in embedded.records()} == {"1.0", "2.0"}
