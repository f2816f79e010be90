"""Which network addresses downloads may go to: those of the internet, and private ones that the operator names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from packages_app.core.errors import SettingsError
from packages_app.core.redaction import redact

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The one block that global unicast addresses are given from (IANA, "IPv6 Address Space"). All else is local, a
# multicast, a documentation prefix, or carries an IPv4 address in a way that was given up (RFC 4291, 2.5.5.1).
_GLOBAL_UNICAST = ip_network("2000::/3")
# All of it is of protocols (IANA, "IPv4 Special-Purpose Address Registry"); a cloud has its metadata at 192.0.0.192.
# Python before 3.11.10 knows some addresses of it alone.
_OF_PROTOCOLS = ip_network("192.0.0.0/24")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052; a network's own NAT64 prefix can't be told from any other


@dataclass(frozen=True)
class PrivateUpstreams:
    """What an operator allows besides the internet: names (lower case) with all their addresses, and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def permits(self, host: str, address: Address) -> bool:
        """Return whether a host, known to have this address, may be connected to there."""
        return is_public(address) or self.lists(host, address)

    def lists(self, host: str, address: Address) -> bool:
        """Return whether the operator names a host, or a network that this address of it is in."""
        if _plain_name(host) in self.names:
            return True
        # Whoever allows 127.0.0.1 allows ::ffff:127.0.0.1, which is another spelling of it.
        same = [address, *_carried(address)]
        return any(each in network for network in self.networks for each in same)

    def and_host(self, host: str) -> PrivateUpstreams:
        """Return these and one host more, with all its addresses."""
        return PrivateUpstreams(self.names | {_plain_name(host)}, self.networks)


def parse_private_upstreams(setting: str, items: Iterable[str]) -> PrivateUpstreams:
    """Read host names, addresses and networks (`10.1.0.0/16`); raise `SettingsError` that names the bad one."""
    names: set[str] = set()
    networks: list[Network] = []
    for item in items:
        try:
            networks.append(ip_network(item.removeprefix("[").removesuffix("]")))
        except ValueError:
            if not _is_name(item):
                raise SettingsError(
                    f"{setting} holds {redact(item)!r}, which is no host name and no network.",
                    remedy="Write names, addresses or networks: feeds.intern.example.org,10.1.0.0/16.",
                ) from None
            names.add(_plain_name(item))
    return PrivateUpstreams(frozenset(names), tuple(networks))


def is_public(address: Address) -> bool:
    """Return whether an address is one of the internet's, seen through IPv6 forms that carry an IPv4 address."""
    carried = _carried(address)
    if carried:
        return all(is_public(each) for each in carried)
    if address in _OF_PROTOCOLS or (isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST):
        return False
    # 224.0.0.0/4 counts as global to ipaddress, and 240.0.0.0/4 did in older versions.
    return address.is_global and not address.is_multicast and not address.is_reserved


def read_address(text: str) -> Address:
    """Read an address as the resolver gives it; raise ValueError."""
    return ip_address(text)


def _carried(address: Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to: mapped, 6to4, NAT64."""
    if not isinstance(address, IPv6Address):
        return []
    found = [each for each in (address.ipv4_mapped, address.sixtofour) if each]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _plain_name(host: str) -> str:
    return host.lower().rstrip(".")


def _is_name(item: str) -> bool:
    # Requests carry names in ASCII. One that ends in digits is an address in another spelling (2130706433, 127.1).
    labels = _plain_name(item).split(".")
    return item.isascii() and not labels[-1].isdigit() and all(_LABEL.match(label) for label in labels)
