"""Addresses of clients: as they are usually written, and which of them one customer has at his choice."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_LONGEST_ADDRESS = 100
_NETWORK_OF_ONE = 64
"""Bits of the network that a customer with IPv6 is given at the least: all addresses of it are his to choose."""


@lru_cache(maxsize=4096)  # asked of all connections at each new one
def of_one_customer(address: str) -> str:
    """Return what stands for all addresses that one customer may use: of IPv6 the first of the network of 64 bits."""
    plain = plain_address(address)
    if plain is None or plain.version == 4:
        return str(plain or address)
    return str(ip_network(f"{plain}/{_NETWORK_OF_ONE}", strict=False).network_address)


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address with or without a port, brackets and zone, one of IPv4 inside of IPv6 as IPv4; else None."""
    text = text.strip()[:_LONGEST_ADDRESS]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
