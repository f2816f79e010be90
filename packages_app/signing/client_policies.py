"""Which apt takes a key of a kind, and until when: by the policies that the clients themselves ship.

apt 2.6 (Debian 12) verifies by gpgv and knows no policy of its own. apt 3 verifies by sqv, with the dates of its
`default-sequoia.config` (apt 3.0.4). apt 2.8 (Ubuntu 24.04) verifies by gpgv and looks at algorithms by
`APT::Key::Assert-Pubkey-Algo`: what is not in its list `Next` is warned of at each update, what is not in `Future` is
told only to who asks for an audit (`apt-config dump` of apt 2.8.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packages_app.signing.key_facts import KeyFacts

_LATER = "it is not in the list that a later apt will ask for (rsa3072, ed25519, ed448)"


class Taking(StrEnum):
    """What a client makes of a key."""

    TAKES = "takes it"
    WARNS = "takes it with a warning"
    PERHAPS_WARNS = "may warn of it"
    REFUSES = "refuses it"


@dataclass(frozen=True)
class ClientWord:
    """What a client makes of a key now, and until when it takes it (UTC; None without an end); `said` says why."""

    client: str
    taking: Taking
    until: datetime | None
    said: str = ""


def words_of_clients(facts: KeyFacts, now: datetime) -> tuple[ClientWord, ...]:
    """Return what apt 2.6, apt 3 and Ubuntu's apt make of a key whose kind all read."""
    ends = [end for end in (facts.expires, facts.algorithm_ends) if end is not None]
    ubuntu, said = _by_ubuntus_lists(facts.algorithm)
    return (
        _word("apt 2.6 (Debian 12)", Taking.TAKES, facts.expires, now),
        _word("apt 3.0 (Debian 13)", Taking.TAKES, min(ends, default=None), now),
        _word("apt 2.8 (Ubuntu 24.04)", ubuntu, facts.expires, now, said),
    )


def _word(client: str, taking: Taking, until: datetime | None, now: datetime, said: str = "") -> ClientWord:
    return ClientWord(client, Taking.REFUSES if until is not None and until <= now else taking, until, said)


def _by_ubuntus_lists(algorithm: str) -> tuple[Taking, str]:
    name, _, size = algorithm.partition(" ")
    if name == "Ed25519" or (name == "RSA" and int(size) >= 3072):
        return Taking.TAKES, ""
    if algorithm == "NIST P-521":
        return Taking.PERHAPS_WARNS, "its list writes nistp512, which is no name of this curve: try it on one client"
    if name in ("RSA", "NIST"):
        return Taking.TAKES, _LATER
    return Taking.WARNS, "it is not in the list Assert-Pubkey-Algo::Next"
