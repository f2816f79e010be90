"""A feed can't make the repository ask inside its own network: only what the operator names is reached (R14, R19)."""

import socket
from ipaddress import ip_address

import pytest

from packages_app.core.errors import SettingsError, UpstreamError, UpstreamUnavailable
from packages_app.core.ports import Silent
from packages_app.core.private_upstreams import PrivateUpstreams, is_public, parse_private_upstreams
from packages_app.services import adapters
from packages_app.sources.download import Fetcher, Limits
from tests.feeds import Fault, Feed
from tests.stack import LOOPBACK

NONE = PrivateUpstreams()
LOCALHOST = PrivateUpstreams(frozenset({"localhost"}))


@pytest.fixture(autouse=True)
def no_proxy_of_the_machine(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def feed():
    with Feed() as feed:
        feed.serve({"secret": "of the inside"})
        yield feed


@pytest.fixture
def other():
    with Feed() as feed:
        feed.serve({"secret": "of the inside"})
        yield feed


def fetcher(allowed=NONE):
    return Fetcher(Limits(tries=2, wait=0.01, connect=2, read=1), sleep=lambda _: None, allowed_private=allowed)


def at(feed, host):
    return feed.endpoint.replace("127.0.0.1", host)


PUBLIC = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
NOT_PUBLIC = (
    "127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fe80::1%1", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001:0:4136:e378::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "4000::1", "::ffff:192.0.0.192",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_needs_no_leave(address):
    assert is_public(ip_address(address))
    assert PrivateUpstreams().permits("feeds.example.org", ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_the_inside_needs_leave_in_every_form(address):
    assert not is_public(ip_address(address))
    assert not PrivateUpstreams().permits("feeds.example.org", ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "LOCALHOST", "0x7f000001", "127.1", "2130706433", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "0.0.0.0", "0"],
)  # fmt: skip
def test_no_request_arrives_at_the_inside_however_it_is_spelled(feed, tmp_path, host):
    with pytest.raises(UpstreamError, match="private address") as refused:
        fetcher().get_json(at(feed, host))
    assert "PRIVATE_UPSTREAMS" in refused.value.remedy
    with pytest.raises(UpstreamError, match="private address"):
        fetcher().download(at(feed, host), tmp_path / "x", limit_bytes=999, progress=Silent())
    assert feed.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_to_the_inside_is_refused_at_its_hop(feed, other, tmp_path):
    feed.faults["/metadata.json"] = Fault(status=302, headers={"Location": other.endpoint}, times=2)
    address = at(feed, "localhost")
    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1 .*private"):
        fetcher(LOCALHOST).get_json(address)
    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1 .*private"):
        fetcher(LOCALHOST).download(address, tmp_path / "x", limit_bytes=999, progress=Silent())
    assert len(feed.requests) == 2
    assert other.requests == []
    feed.faults["/metadata.json"] = Fault(status=302, headers={"Location": at(other, "localhost")})
    assert fetcher(LOCALHOST).get_json(address) == {"secret": "of the inside"}


@pytest.fixture
def resolver(monkeypatch):
    """A name server that answers for rebinding.example.org what the test says, one answer a question."""
    answers = []
    real = socket.getaddrinfo

    def resolve(host, port, *args, **options):
        if host != "rebinding.example.org":
            return real(host, port, *args, **options)
        return [found for address in answers.pop(0) for found in real(address, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


def test_the_address_that_was_checked_is_the_one_connected_to(feed, resolver):
    resolver += [["127.0.0.2"], ["127.0.0.1"]]
    allowed = parse_private_upstreams("X", ["127.0.0.2"])
    # 127.0.0.2 has no server: the name is asked again, and its second answer is looked at too.
    with pytest.raises(UpstreamError, match=r"rebinding\.example\.org \(127\.0\.0\.1\)"):
        fetcher(allowed).get_json(at(feed, "rebinding.example.org"))
    assert feed.requests == []


def test_a_name_with_one_private_address_among_its_own_is_refused(feed, resolver):
    resolver += [["8.8.8.8", "127.0.0.1"]]
    with pytest.raises(UpstreamError, match=r"rebinding\.example\.org \(127\.0\.0\.1\)"):
        fetcher().get_json(at(feed, "rebinding.example.org"))
    assert feed.requests == []


@pytest.mark.parametrize(
    "allowed",
    [["127.0.0.1"], ["127.0.0.0/8", "::1"], ["localhost", "127.0.0.1/32"], ["[::1]", "LocalHost.", "127.0.0.1"]],
)
def test_what_the_operator_names_is_reached(feed, allowed):
    assert fetcher(parse_private_upstreams("X", allowed)).get_json(feed.endpoint) == {"secret": "of the inside"}


def test_an_allowed_address_is_allowed_in_its_ipv6_form(feed):
    assert LOOPBACK.permits("x", ip_address("::ffff:127.0.0.1"))
    assert not LOOPBACK.permits("x", ip_address("::ffff:127.0.0.2"))


@pytest.mark.parametrize(
    "item", ["10.0.0.1/8", "2130706433", "127.1", "a_b..c", "feeds/x", "bücher.example", "-x", "*"]
)
def test_a_setting_that_names_nothing_is_refused(item):
    with pytest.raises(SettingsError, match="PRIVATE_UPSTREAMS holds") as refused:
        parse_private_upstreams("PRIVATE_UPSTREAMS", ["10.0.0.0/8", item])
    assert refused.value.remedy


def test_a_name_that_is_none_is_a_passing_fault(feed):
    for host in ("nowhere.invalid", "a" * 70 + ".invalid"):
        with pytest.raises(UpstreamUnavailable, match="can't be fetched"):
            fetcher().get_json(f"http://{host}/metadata.json")


def test_the_proxy_of_the_environment_is_used_but_not_into_the_inside(feed, other, monkeypatch):
    monkeypatch.setenv("http_proxy", feed.url)
    address = "http://vendor.invalid/metadata.json"
    feed.files[address] = feed.files["/metadata.json"]
    assert fetcher().get_json(address) == {"secret": "of the inside"}
    for host in ("127.0.0.1", "0x7f000001", "localhost"):
        with pytest.raises(UpstreamError, match="private address"):
            fetcher().get_json(at(other, host))
    assert [path for path, _ in feed.requests] == [address]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetcher(LOOPBACK).get_json(other.endpoint) == {"secret": "of the inside"}
    assert len(feed.requests) == 1
    for proxy in ("gopher://proxy.invalid", "http://proxy.invalid:port"):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(UpstreamError, match="names the proxy"):
            fetcher().get_json(address)


def test_an_address_that_the_operator_typed_needs_no_second_leave(embedded, settings, feed, other):
    settings.PRIVATE_UPSTREAMS = PrivateUpstreams()
    typed = at(feed, "localhost")
    assert adapters.fetcher(typed).get_json(typed) == {"secret": "of the inside"}
    with pytest.raises(UpstreamError, match="private address"):
        adapters.fetcher().get_json(typed)
    with pytest.raises(UpstreamError, match="private address"):
        adapters.fetcher(typed).get_json(other.endpoint)
