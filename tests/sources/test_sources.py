"""Vendors' feeds and downloads over real sockets, with everything that can go wrong switched on (R4, R12, R14)."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.definition import load_definitions
from packages_app.core.errors import SignatureRefused, UpstreamError, UpstreamUnavailable
from packages_app.core.ports import Silent
from packages_app.core.version import version_key
from packages_app.sources.download import Fetcher, Limits
from packages_app.sources.exchange import plain
from packages_app.sources.external_download import ExternalDownload
from packages_app.sources.registry import settings_readers
from repomgr.servers.process import free_port
from tests.core.test_definitions import GOOD, REPOSITORY
from tests.debs import build_deb
from tests.feeds import METADATA, Fault, Feed, VendorKey
from tests.records import versions
from tests.stack import LOOPBACK
from tests.values import notes_naming

BODY = bytes(range(256)) * 20_000
LIMIT = 10_000_000


class Noting(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text, *, level="info"):
        self.notes.append((level, text))


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


@pytest.fixture
def fetcher():
    return Fetcher(Limits(wait=0.01, connect=2, read=1), sleep=lambda _seconds: None, allowed_private=LOOPBACK)


def download(fetcher, feed, tmp_path, **options):
    feed.files.setdefault("/file", BODY)
    options = {"limit_bytes": LIMIT, "progress": Silent(), **options}
    checksums = fetcher.download(f"{feed.url}/file", tmp_path / "file", **options)
    assert (tmp_path / "file").read_bytes() == feed.files["/file"]
    assert checksums.sha256 == hashlib.sha256(feed.files["/file"]).hexdigest()
    assert checksums.sha512 == hashlib.sha512(feed.files["/file"]).hexdigest()
    return checksums


def test_a_download_is_hashed_on_the_way(feed, fetcher, tmp_path):
    assert download(fetcher, feed, tmp_path).size == len(BODY)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_broken_download_is_resumed_where_it_broke(feed, fetcher, tmp_path):
    feed.faults["/file"] = Fault(cut_after=2_000_000)
    download(fetcher, feed, tmp_path)
    resumed = [span for path, span in feed.requests if path == "/file" and span]
    assert len(resumed) == 1
    assert resumed[0].startswith("bytes=")


def test_a_file_that_changed_meanwhile_is_fetched_anew(feed, fetcher, tmp_path):
    feed.send_etags = False
    feed.faults["/file"] = Fault(cut_after=2_000_000)
    download(fetcher, feed, tmp_path)
    assert [span for path, span in feed.requests if path == "/file"] == ["", ""]


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429, headers={"Retry-After": "1"}), Fault(delay=1.5)]
)
def test_a_passing_fault_is_tried_again(feed, fetcher, tmp_path, fault):
    feed.faults["/file"] = fault
    download(fetcher, feed, tmp_path)


def fails(fetcher, feed, tmp_path, error, said, **options):
    with pytest.raises(error, match=said) as failed:
        download(fetcher, feed, tmp_path, **options)
    assert failed.value.remedy
    assert list(tmp_path.iterdir()) == []
    return failed.value


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_that_stays_is_an_error_after_three_tries(feed, fetcher, tmp_path, status):
    feed.faults["/file"] = Fault(status=status, times=9)
    assert fails(fetcher, feed, tmp_path, UpstreamUnavailable, str(status)).retryable
    assert len(feed.fetched("/file")) == 3


def test_a_refusal_is_not_tried_again(feed, fetcher, tmp_path):
    feed.faults["/file"] = Fault(status=403, times=9)
    assert not fails(fetcher, feed, tmp_path, UpstreamError, "403").retryable
    assert len(feed.fetched("/file")) == 1


def test_a_length_that_lies_is_an_error(feed, fetcher, tmp_path):
    feed.faults["/file"] = Fault(length=len(BODY) + 99, times=9)
    fails(fetcher, feed, tmp_path, UpstreamUnavailable, "can't be fetched")


def test_bounds_and_expectations_are_kept(feed, fetcher, tmp_path):
    fails(fetcher, feed, tmp_path, UpstreamError, "larger than 1000 bytes", limit_bytes=1000)
    fails(fetcher, feed, tmp_path, UpstreamError, "7 were announced", expected_size=7)
    fails(fetcher, feed, tmp_path, UpstreamError, "0000 was announced", expected_sha256="0" * 64)
    slow = Fetcher(Limits(overall=-1), allowed_private=LOOPBACK)
    fails(slow, feed, tmp_path, UpstreamError, "took longer")


def test_a_redirect_is_followed_to_http_only(feed, fetcher, tmp_path):
    feed.files["/there"] = BODY
    feed.faults["/here"] = Fault(status=302, headers={"Location": "/there"})
    assert fetcher.get_bytes(f"{feed.url}/here", limit_bytes=LIMIT) == BODY
    feed.faults["/here"] = Fault(status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(UpstreamError, match="can't be fetched"):
        fetcher.get_bytes(f"{feed.url}/here", limit_bytes=LIMIT)
    feed.faults["/here"] = Fault(status=302, headers={"Location": "/here"}, times=99)
    with pytest.raises(UpstreamError, match="can't be fetched"):
        fetcher.get_bytes(f"{feed.url}/here", limit_bytes=LIMIT)


def test_a_server_that_is_down_is_named_without_secrets(fetcher):
    url = f"http://user:secret@127.0.0.1:{free_port()}/x?token=secret"
    with pytest.raises(UpstreamUnavailable) as failed:
        fetcher.get_json(url)
    assert "secret" not in str(failed.value)
    assert plain(url).endswith("/x")


def source_of(folder, endpoint, fetcher, extra=""):
    (folder / "tool.yaml").write_text(GOOD.replace("https://example.org/feed.json", endpoint) + extra)
    definitions = load_definitions(folder, REPOSITORY, settings_readers())
    assert definitions.problems == ()
    return ExternalDownload(definitions.by_name["tool"], fetcher)


FILES = "  additional_files: {certificate: certificate.pem, signature: signature.bin}\n"


@pytest.fixture
def source(feed, fetcher, tmp_path_factory):
    def make(extra=""):
        return source_of(tmp_path_factory.mktemp("definition"), feed.endpoint, fetcher, extra)

    return make


def test_the_flat_form_is_one_offer(feed, source):
    feed.serve({"version": "1.2", "pub_date": "2026-01-02", "url": "/f/tool.deb", "certificate": "c.pem",
                "signature": "s.bin", "notes": "n", "sha256": "aa", "size": 5})  # fmt: skip
    [offer] = source(FILES).offers(Silent())
    assert (offer.version, offer.deb_url, offer.filename) == ("1.2", f"{feed.url}/f/tool.deb", "tool.deb")
    assert (offer.certificate_url, offer.signature_url) == (f"{feed.url}/c.pem", f"{feed.url}/s.bin")
    assert (offer.notes, offer.pub_date, offer.sha256, offer.size) == ("n", "2026-01-02", "aa", 5)


def test_the_nested_form_is_every_version_in_apts_order_its_files_told_apart(feed, source, tmp_path):
    key = VendorKey.make()
    for version in ("1.10", "1.9", "1.9~rc1"):
        feed.publish(build_deb(tmp_path, "tool", version), version, key=key)
    offers = source(FILES).offers(Silent())
    assert [offer.version for offer in offers] == ["1.9~rc1", "1.9", "1.10"]
    assert offers[0].deb_url.endswith("/1.9~rc1/tool_1.9~rc1_amd64.deb")
    assert offers[0].certificate_url.endswith("/1.9~rc1/certificate.pem")
    assert offers[0].signature_url.endswith("/1.9~rc1/signature.bin")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "gave a list"),
        ({}, "no version"),
        ({"version": "1.0"}, "no url"),
        ({"version": True, "url": "x"}, "no version"),
        ({"version": "1_0", "url": "x.deb"}, "'1_0'"),
        ({"version": "1.0", "url": "file:///etc/passwd"}, "is no http"),
        ({"version": "1.0", "url": "x.deb", "size": "5 MB"}, "has the size '5 MB'"),
        ({"version": "1.0", "url": "x.deb", "pub_date": 10**20}, "has the date 1"),
        ({"releases": []}, "an empty one"),
        ({"releases": "x"}, "is no list"),
        ({"releases": [1]}, r"releases\[0\] is no object"),
        ({"releases": [{"version": "1.0"}]}, r"releases\[0\] has no updateTo"),
        ({"releases": [{"version": "1.0", "updateTo": {"url": "a.pem"}}]}, "version 1.0 has no .deb"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_says_where(feed, source, document, said):
    feed.serve(document)
    with pytest.raises(UpstreamError, match=said) as failed:
        source().offers(Silent())
    assert failed.value.remedy


def test_of_two_packages_of_a_version_each_needs_a_signature_of_its_own(feed, source):
    names = ("tool_1.0_amd64.deb", "tool_1.0_arm64.deb")
    ours = [f"{name}.bin" for name in names]
    entries = [{"version": "1.0", "updateTo": {"url": name}} for name in (*names, *ours, "a.pem")]
    files = "  additional_files:\n    certificate: .pem\n    signature: .bin\n"
    feed.serve({"releases": entries})
    offers = source(files).offers(Silent())
    assert [offer.signature_url.rpartition("/")[2] for offer in offers] == ours
    feed.serve({"releases": [*entries[:2], *({"version": "1.0", "updateTo": {"url": f"{n}.bin"}} for n in "xy")]})
    with pytest.raises(UpstreamError, match=r"\b2 files\b.*\.bin"):
        source(files).offers(Silent())


def test_html_instead_of_json_is_an_error(feed, source):
    feed.files[METADATA] = b"<html>down for maintenance</html>"
    with pytest.raises(UpstreamError, match="JSON.*'<html>down"):
        source().offers(Silent())


def test_one_bad_entry_does_not_hide_the_others(feed, source, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    feed.serve({"currentRelease": "7", "releases": [*feed.releases, {"version": "2.0"}]})
    progress = Noting()
    assert [offer.version for offer in source().offers(progress)] == ["1.0"]
    assert len(notes_naming(progress.notes, "warning", "tool: ", "releases[1]", "updateTo")) == 1
    assert len(notes_naming(progress.notes, "warning", "currentRelease '7'")) == 1


@settings(max_examples=100)
@given(st.lists(versions, min_size=1, max_size=6, unique_by=version_key))
def test_any_set_of_versions_is_offered_once_each_in_dpkgs_order(tmp_path_factory, drawn):
    class Canned(Fetcher):
        def get_json(self, url):
            return {"releases": [{"version": v, "updateTo": {"url": f"https://x.example.org/{v}.deb"}} for v in drawn]}

    folder = tmp_path_factory.mktemp("definition")
    offers = source_of(folder, "https://x.example.org/feed.json", Canned()).offers(Silent())
    assert [offer.version for offer in offers] == sorted(drawn, key=version_key)


def fetch(feed, source, tmp_path, *, key=None, extra=FILES, corrupt=()):
    deb = build_deb(tmp_path / "made", "tool", "1.0")
    feed.publish(deb, "1.0", key=key)
    for path, body in corrupt:
        feed.files[path] = body
    [offer] = source(extra).offers(Silent())
    (tmp_path / "fetched").mkdir()
    progress = Noting()
    fetched = source(extra).fetch(offer, tmp_path / "fetched", progress)
    assert fetched.path.read_bytes() == deb.read_bytes()
    return progress.notes


@pytest.mark.parametrize("scheme", ["pkcs1", "pss", "ecdsa"])
def test_a_vendors_signature_is_checked(feed, source, tmp_path, scheme):
    key = VendorKey.make(scheme)
    pinned = (
        FILES
        + f'  certificate_fingerprint: "{":".join(key.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()}"\n'
    )
    notes = fetch(feed, source, tmp_path, key=key, extra=pinned)
    [(level, text)] = notes
    assert level == "info"
    assert "CN=Vendor" in text
    assert key.fingerprint in text


def test_a_signature_as_base64_text_is_read(feed, source, tmp_path):
    import base64

    key = VendorKey.make()
    deb = build_deb(tmp_path / "made", "tool", "1.0")
    text = base64.encodebytes(key.sign(deb.read_bytes()))
    fetch(feed, source, tmp_path, key=key, corrupt=[("/1.0/signature.bin", text)])


OTHER = VendorKey.make()
REFUSALS = {
    "missing": ({}, "has no certificate and no signature"),
    "wrong": ({"key": OTHER, "corrupt": [("/1.0/signature.bin", b"x" * 256)]}, "does not fit the file"),
    "garbage certificate": ({"key": OTHER, "corrupt": [("/1.0/certificate.pem", b"x")]}, "neither PEM nor DER"),
    "another pinned": (
        {"key": OTHER, "extra": FILES + f"  certificate_fingerprint: '{'0' * 64}'\n"},
        "the definition pins 0000",
    ),
    "expired": ({"key": VendorKey.make(valid_for=timedelta(days=-900))}, "the certificate is valid from"),
    "short key": ({"key": VendorKey.make(bits=1024)}, "has 1024 bits"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_signature_that_is_not_good_is_refused(feed, source, tmp_path, name):
    options, said = REFUSALS[name]
    with pytest.raises(SignatureRefused, match=said) as refused:
        fetch(feed, source, tmp_path, **options)
    assert refused.value.remedy


def test_a_date_of_the_feed_revives_no_expired_certificate(feed, source, tmp_path):
    key = VendorKey.make(valid_for=timedelta(days=-900))
    within = (datetime.now(UTC) - timedelta(days=900, hours=12)).isoformat()
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0", key=key, pub_date=within)
    pinned = FILES + f"  certificate_fingerprint: ['{'0' * 64}', '{key.fingerprint}']\n"
    for extra in (FILES, pinned):
        [offer] = source(extra).offers(Silent())
        assert offer.pub_date == within
        with pytest.raises(SignatureRefused, match="the certificate is valid from"):
            source(extra).fetch(offer, tmp_path, Silent())


def test_one_of_several_pins_is_enough_and_a_bad_one_is_named(feed, source, tmp_path):
    pins = f"['{'0' * 64}', '{OTHER.fingerprint}']"
    fetch(feed, source, tmp_path, key=OTHER, extra=FILES + f"  certificate_fingerprint: {pins}\n")
    with pytest.raises(AssertionError, match="source.certificate_fingerprint"):  # as a problem of the definition
        source(FILES + f"  certificate_fingerprint: ['{OTHER.fingerprint}', 'xy']\n")


@pytest.mark.parametrize("by_redirect", [False, True])
def test_http_is_for_hosts_that_the_operator_names(feed, tmp_path, by_redirect):
    feed.files["/file"] = BODY
    first, second = ("/moved", "/file") if by_redirect else ("/file", "")
    feed.faults["/moved"] = Fault(status=302, headers={"Location": second}, times=9)
    limits = Limits(tries=1, wait=0.01, connect=2, read=1)
    # Names and networks that are listed are the operator's own; an address that is merely public is not.
    named = Fetcher(limits, allowed_private=LOOPBACK, https_only=True)
    assert named.get_bytes(f"{feed.url}{first}", limit_bytes=LIMIT) == BODY
    before = len(feed.requests)
    for address in ("http://192.0.2.1/file", "http://8.8.8.8/file", "http://vendor.invalid/file"):
        target = f"{feed.url}/away" if by_redirect else address
        feed.faults["/away"] = Fault(status=302, headers={"Location": address}, times=9)
        with pytest.raises(UpstreamError) as refused:
            Fetcher(limits, allowed_private=LOOPBACK, https_only=True).get_bytes(target, limit_bytes=LIMIT)
        assert not refused.value.retryable
    assert len(feed.requests) == before + (3 if by_redirect else 0)


def test_the_policy_decides(feed, source, tmp_path):
    notes = fetch(feed, source, tmp_path, extra=FILES + "  signature_policy: warn\n")
    [(level, text)] = notes
    assert (level, text.partition(": ")[0]) == ("warning", "tool 1.0")
    assert "certificate" in text
    assert "signature" in text
    feed.releases.clear()
    assert fetch(feed, source, tmp_path / "off", key=OTHER, extra=FILES + "  signature_policy: 'off'\n") == []
    assert feed.fetched("signature.bin") == []
