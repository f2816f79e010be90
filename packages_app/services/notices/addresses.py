"""Where notices are sent on: addresses of apprise. They hold passwords, so only number and scheme of one are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from django.conf import settings
from django.utils.crypto import salted_hmac

_SECONDS_EACH = 30.0
_SHORTEST_HIDDEN = 3


@dataclass(frozen=True)
class Address:
    """One address of NOTIFY_URLS, counted from 1."""

    number: int
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """What logs and pages call it: a host may be a token already (slack://TOKEN/…)."""
        return f"address {self.number} ({self.url.partition('://')[0].lower()})"

    @property
    def digest(self) -> str:
        """What it is known by when the setting's order changes; it can't be guessed back without SECRET_KEY."""
        return salted_hmac("repomgr.notices", self.url).hexdigest()[:12]


@dataclass(frozen=True)
class Message:
    """What is sent; `level` as a notice has it."""

    title: str
    body: str
    level: str


def notify_addresses() -> list[Address]:
    """Return the addresses of NOTIFY_URLS, in its order."""
    return [Address(number, url) for number, url in enumerate(settings.NOTIFY_URLS, start=1)]


def deliver(message: Message, to: Iterable[Address]) -> dict[Address, str]:
    """Send to all at once, 30 s at most; return what went wrong by address, "" where it was received."""
    # Not above: it takes a tenth of a second to import, which every command would wait for.
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

    types = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "error": NotifyType.FAILURE}
    there = {f"address{address.number}": address for address in to}
    faults = dict.fromkeys(there.values(), "it did not answer in time")
    # Nothing is kept on disk, and no redirect is followed: it would turn a post into a get, and lose the message.
    asset = AppriseAsset(
        app_id="repomgr",
        app_desc="APT repository",
        storage_mode="memory",
        service_timeout=_SECONDS_EACH,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    service = Apprise(asset=asset)
    for tag, address in there.items():
        if not service.add(address.url, tag=tag):
            faults[address] = "it is no address that apprise can use; see its documentation of this scheme"
    if not len(service):
        return faults
    try:
        results = service.notify(
            message.body, title=message.title, notify_type=types[message.level], body_format=NotifyFormat.TEXT
        )
    except Exception as error:  # a plug-in's fault is a fault of sending, whatever it raises
        return dict.fromkeys(faults, f"apprise failed with {type(error).__name__}")
    for result in results:
        address = there[result.tag[0]]
        said = " ".join(entry.message for entry in result.logs())
        faults[address] = "" if result else _without_secrets(said, address.url) or "it was not received"
    return faults


def _without_secrets(said: str, url: str) -> str:
    """Take everything out of a sentence that stands in an address behind its scheme: any of it may be a secret."""
    rest = url.partition("://")[2]
    parts = {part for text in (rest, unquote_plus(rest)) for part in re.split(r"[/:@?&=#,;+\s]+", text)}
    secrets = sorted((part for part in parts if len(part) >= _SHORTEST_HIDDEN), key=len, reverse=True)
    hidden = re.sub("|".join(map(re.escape, secrets)), "(hidden)", said, flags=re.IGNORECASE) if secrets else said
    return " ".join(hidden.split())
