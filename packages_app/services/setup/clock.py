"""This machine's clock against every other that can be asked: servers, clients' Releases, and what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
from django.db import Error
from django.utils.http import parse_http_date

from packages_app.core.certificates import trusted
from packages_app.core.errors import ClockWrong, RepomgrError
from packages_app.core.layout import suite_path
from packages_app.core.locations import DynamoTable, FolderStore
from packages_app.core.repository import Suite
from packages_app.models import Job
from packages_app.publishing.dates import CLOCK_SLACK
from packages_app.publishing.published import read_published
from packages_app.services import adapters
from packages_app.services.archives import present_archive

RECORDED_AHEAD = timedelta(minutes=5)
"""So far ahead of this clock nothing may be dated that this installation has recorded."""

_SYNCHRONISE = "Synchronise this machine's clock (NTP)"


def check_clock() -> tuple[str, str]:
    """Return what this clock was compared with, and a warning, "" when there is none.

    Raise `ClockWrong` where clients would refuse or ignore what it dates: it is off a server's clock, or behind a
    Release that they were given, by more than apt takes. What was recorded later than now is a warning.
    """
    now = adapters.now()
    servers = _check_servers(now)
    if newest := max(_given(), default=None):
        _check_given(*newest, now)
    recorded = max(_recorded(), default=None)
    if recorded is not None and recorded[0] - now > RECORDED_AHEAD:
        return servers, f"{recorded[1]} is of {_said(recorded[0])}, {recorded[0] - now} ahead of this clock"
    return servers, ""


def _check_servers(now: datetime) -> str:
    said = []
    for endpoint in _endpoints():
        date = ""
        with suppress(httpx.HTTPError):
            date = httpx.head(endpoint, timeout=5, verify=trusted()).headers.get("Date", "")
        try:
            ahead = now - datetime.fromtimestamp(parse_http_date(date), UTC)
        except ValueError:
            said.append(f"{endpoint} tells no date")
            continue
        if abs(ahead) > CLOCK_SLACK:
            raise ClockWrong(
                f"This clock is {ahead.total_seconds():+.0f} s off {endpoint}'s.",
                remedy=f"{_SYNCHRONISE}: clients refuse a Release dated in the future.",
            )
        said.append(f"within {CLOCK_SLACK.total_seconds():.0f} s of {endpoint}'s")
    return f"{_said(now)}, {', '.join(said) or 'no server to compare with'}"


def _endpoints() -> list[str]:
    """Return an address of each server whose clock can be asked."""
    found, archive = [], present_archive()
    for location in (archive.bucket, archive.staging):
        if not isinstance(location, FolderStore):
            found.append(getattr(location, "endpoint", "") or "https://s3.amazonaws.com")
    if isinstance(archive.table, DynamoTable) and archive.table.endpoint:
        found.append(archive.table.endpoint)
    return list(dict.fromkeys(found))


def _check_given(date: datetime, what: str, now: datetime) -> None:
    if date - now > CLOCK_SLACK:
        raise ClockWrong(
            f"{what} is of {_said(date)}, {date - now} ahead of this clock: clients ignore what is dated before it.",
            remedy=f"{_SYNCHRONISE}. If it is right, that date is wrong, and the next publication waits for approval.",
        )


def _given() -> Iterator[tuple[datetime, str]]:
    """Yield dates that clients of a suite were given or see; table and bucket have probes of their own."""
    with suppress(RepomgrError):
        for suite in adapters.repository().suites:
            with suppress(RepomgrError):
                given = adapters.package_table().last_given(suite.name)
                if given is not None:
                    yield given.date, f"The Release that clients of {suite.name} were given last"
            with suppress(RepomgrError):
                yield from _in_place(suite)


def _in_place(suite: Suite) -> Iterator[tuple[datetime, str]]:
    published = read_published(adapters.bucket(), suite.name, adapters.signer().public_keyring())
    date = published.release.date if published.release is not None else None
    if published.unrecognised is not None:
        date = published.unrecognised.date
    if date is not None:
        yield date, suite_path(suite.name, "InRelease")


def _recorded() -> Iterator[tuple[datetime, str]]:
    """Yield when the newest job was asked for, and when InRelease was written by the clock of the bucket."""
    with suppress(Error):
        created = Job.objects.order_by("-created").values_list("created", flat=True).first()
        if created is not None:
            yield created, "The newest job"
    with suppress(RepomgrError):
        for suite in adapters.repository().suites:
            info = adapters.bucket().head(suite_path(suite.name, "InRelease"))
            if info is not None:
                yield info.modified, f"The file {suite_path(suite.name, 'InRelease')}"


def _said(date: datetime) -> str:
    return f"{date:%Y-%m-%d %H:%M:%S} UTC"
