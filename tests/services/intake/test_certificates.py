"""A vendor's certificate that nobody pinned: the first is trusted, another is refused until the definition names it."""

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Job, Notice
from packages_app.services.intake.sync import sync_packages
from packages_app.services.jobs import queue
from packages_app.services.setup.doctor import examine
from tests.debs import build_deb
from tests.feeds import Feed, VendorKey


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


def watch(stack, feed, *pins, policy="required", **fields):
    files = {"certificate": "certificate.pem", "signature": "signature.bin"}
    source = {"type": "external_download", "endpoint": feed.endpoint, "additional_files": files}
    source |= {"signature_policy": policy, **({"certificate_fingerprint": list(pins)} if pins else {})}
    stack.define("tool", source, **fields)


def check(stack):
    """Check upstream; give the versions that are there, and whether a notice tells of a signature."""
    queue.enqueue(Job.Kind.SYNC, {"names": []})
    stack.run_jobs()
    told = Notice.objects.filter(kind="signature_refused", settled=None).exists()
    return sorted(record.version for record in stack.records()), told


def said_by_doctor():
    return next(probed for probed in examine() if probed.name == "definitions")


def test_another_certificate_than_the_first_is_refused_until_it_is_pinned(embedded, feed, tmp_path):
    first, other = VendorKey.make(), VendorKey.make()
    watch(embedded, feed)
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0", key=first)
    assert check(embedded) == (["1.0"], False)
    feed.publish(build_deb(tmp_path, "tool", "1.1"), "1.1", key=first)
    feed.publish(build_deb(tmp_path, "tool", "9.0"), "9.0", key=other)
    assert check(embedded) == (["1.0", "1.1"], True)
    notice = Notice.objects.get(kind="signature_refused")
    assert first.fingerprint in notice.text
    assert other.fingerprint in notice.text
    assert check(embedded) == (["1.0", "1.1"], True)
    assert "not pinned" in said_by_doctor().detail
    for policy, told in (("warn", True), ("off", False)):  # where no certificate is looked at, none is trusted
        watch(embedded, feed, policy=policy)
        assert ("not pinned" in said_by_doctor().detail) is told
    watch(embedded, feed, first.fingerprint, other.fingerprint)
    assert check(embedded) == (["1.0", "1.1", "9.0"], False)
    assert said_by_doctor().well
    assert "not pinned" not in said_by_doctor().detail


def test_what_a_warning_lets_in_makes_no_certificate_known(embedded, feed, tmp_path):
    first, other = VendorKey.make(), VendorKey.make()
    watch(embedded, feed, policy="warn")
    path = feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0", key=other)
    feed.files[path.replace("tool_1.0_amd64.deb", "signature.bin")] = b"x" * 256
    assert check(embedded)[0] == ["1.0"]
    watch(embedded, feed)
    feed.publish(build_deb(tmp_path, "tool", "1.1"), "1.1", key=first)
    feed.publish(build_deb(tmp_path, "tool", "1.2"), "1.2", key=other)
    assert check(embedded) == (["1.0", "1.1"], True)


def test_http_from_the_internet_is_for_definitions_that_allow_it(embedded, feed, tmp_path):
    source = {"type": "external_download", "endpoint": "http://8.8.8.8/feed.json"}
    embedded.define("tool", source)
    queue.enqueue(Job.Kind.SYNC, {"names": []})
    [job] = embedded.run_jobs()
    assert job.error_code == "upstream_error"
    assert "allow: [http]" in job.error
    probed = said_by_doctor()
    assert not probed.well
    assert "http://8.8.8.8/feed.json" in probed.detail
    assert "allow: [http]" in probed.remedy
    embedded.define("tool", source, enabled=False)
    assert said_by_doctor().well
    embedded.define("tool", {**source, "endpoint": feed.endpoint}, allow=["http"])
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    assert sync_packages([], Silent())["added"] == ["tool 1.0 amd64"]
    assert "tool" in said_by_doctor().detail.partition("over http")[2]


def test_what_may_come_over_http_does_from_an_address_that_is_nobody_s_own(embedded, feed, tmp_path, monkeypatch):
    """Through the environment's proxy, which is asked for whole addresses."""
    monkeypatch.setenv("http_proxy", feed.url)
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    feed.files |= {f"{feed.url}{path}": body for path, body in feed.files.items()}
    address = "http://vendor.invalid/metadata.json"
    feed.files[address] = feed.files["/metadata.json"]
    for allow, added in (([], []), (["http"], ["tool 1.0 amd64"])):
        embedded.define("tool", {"type": "external_download", "endpoint": address}, allow=allow)
        queue.enqueue(Job.Kind.SYNC, {"names": []})
        assert embedded.run_jobs()[0].result.get("added", []) == added
    assert address in [path for path, _ in feed.requests]
