"""Requests of machines whose body can't be had whole: they are answered by their head alone, and have their line.

The web process knows of it while it reads (`web_request`); who asks, and whether he counts, is found as of any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome

UNFIT = "repomgr.unfit"
"""Where the environment of a request has what is wrong with it. What a client sends as headers stands under HTTP_."""


class BodyCutOff(RepomgrError):
    """A connection ended, or went silent, before all of a request's body had come."""

    code = "body_cut_off"
    outcome = Outcome.REFUSED


class LengthInvalid(RepomgrError):
    """A head says no length of its body that can be read."""

    code = "length_invalid"
    outcome = Outcome.REFUSED


class BodyUnreadable(RepomgrError):
    """A body is said to come in chunks, and does not."""

    code = "body_unreadable"
    outcome = Outcome.REFUSED


def check_fit(environment: Mapping[str, Any]) -> None:
    """Raise what the web process found to be wrong with a request's body."""
    unfit: RepomgrError | None = environment.get(UNFIT)
    if unfit is not None:
        raise unfit
