"""Work on signing keys asked for in the admin, and the jobs that do it: each calls what `manage.py keys` calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from packages_app.core.errors import SigningKeyError
from packages_app.core.outcome import Outcome
from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.models import Job
from packages_app.publishing.key_roles import KeyRole
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.keys.emergency import give_up, plan_emergency, prolong, show_to_all
from packages_app.services.keys.home_keys import add_key
from packages_app.services.keys.rotation import (
    RotationUnfinished,
    Step,
    leave_keyring,
    retire_key,
    rotation_of,
    ship,
    sign_by_new_alone,
)
from packages_app.services.keys.standing import look_at_keys
from packages_app.services.keys.told import tell_keys
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job


class Work(StrEnum):
    """What a job does."""

    LOOK = "look"
    ADD = "add"
    SHIP = "ship"
    SIGN = "sign"
    LEAVE = "leave"
    RETIRE = "retire"
    LOST = "lost"
    PROLONG = "prolong"


_OPEN_AT = {
    Work.ADD: (Step.ADD,),
    Work.SHIP: (Step.SHIP,),
    Work.SIGN: (Step.WAIT, Step.SIGN),
    Work.LEAVE: (Step.LEAVE,),
}
"""At which step each work on a change of keys may be done."""


class BadDate(SigningKeyError):
    """What was given as a date is none, or is past."""

    code = "bad_date"
    outcome = Outcome.REFUSED


class KeysOtherThanShown(SigningKeyError):
    """Keys are not as who asked was shown them: another changed them meanwhile."""

    code = "keys_changed_meanwhile"
    outcome = Outcome.REFUSED


def day_to_come(text: str) -> datetime:
    """Return a day that a person wrote (UTC); raise `BadDate` for what is none, or is past."""
    try:
        day = datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        raise BadDate(f"{text[:80]!r} is no date.", remedy="Write it like 2030-12-31.") from None
    if day <= adapters.now():
        raise BadDate(f"{text[:80]} is past.", remedy="Name a day to come.")
    return day


def request_key_work(
    work: Work, user: Asker, *, key: str = "", new: str = "", until: str = "", waited: bool = False
) -> Job:
    """Ask for work on keys; return its job, or the one that is at work on keys already.

    `key` is the fingerprint that it is about, `new` the one that takes over, as they were shown; `until` a day, of a
    key to be prolonged; `waited` says that clients had time. Raise `RightMissing` and `BadDate`.
    """
    require(user, Action.KEYS, f"To change signing keys ({work})")
    if work is Work.PROLONG:
        day_to_come(until)
    if at_work := Job.objects.filter(kind=Job.Kind.KEYS, state__in=(Job.State.QUEUED, Job.State.RUNNING)).first():
        return at_work
    arguments = {"do": str(work), "key": key, "new": new, "until": until.strip(), "waited": waited}
    return queue.enqueue(Job.Kind.KEYS, arguments, subject=f"{work} {key}".strip(), user=user)


def do_keys(job: Job, progress: Progress) -> dict[str, Any]:
    """Do a job's work on keys; return the keys with what each is for, and the step that comes next.

    A job that was cut off completes what it began. Raise `RightMissing` when who asked may change keys no more,
    `KeysOtherThanShown`, and as the work itself does.
    """
    work = Work(job.arguments["do"])
    require_of_job(job, Action.KEYS, f"To change signing keys ({work})")
    if work is not Work.LOOK:
        begun = bool(job.arguments.get("begun"))
        progress.step("look at keys")
        if not begun:
            _check_shown(work, job.arguments)
            Job.objects.filter(pk=job.pk).update(arguments={**job.arguments, "begun": True})
        progress.step(work.value)
        _DO[work](job.arguments, progress, job.asker, begun)
    standing = tell_keys()
    roles = {key.fingerprint: str(key.role) for key in standing.keys}
    return {"did": str(work), "keys": roles, "next": int(rotation_of(standing, adapters.now()).step)}


def _check_shown(work: Work, asked: Mapping[str, Any]) -> None:
    """Raise where keys are other than who asked was shown, so that the work would not be what was consented to."""
    if work is Work.LOST and (successor := plan_emergency(asked["key"]).successor) != asked["new"]:
        raise KeysOtherThanShown(
            f"In its place would sign {successor or 'a key that is made then'}, which is not what was shown.",
            remedy="Look at the Keys page again, and give it up from there.",
        )
    if work not in _OPEN_AT:
        return
    rotation = rotation_of(look_at_keys(), adapters.now())
    if rotation.step not in _OPEN_AT[work]:
        raise RotationUnfinished(
            f"Step {rotation.step.value} is the next one of the change of keys.",
            remedy="Look at the Keys page again: what lacks is named there.",
        )
    if rotation.new != asked["new"]:
        raise KeysOtherThanShown(
            f"The last key that signs is {rotation.new} now, not {asked['new'][:40] or 'none'}.",
            remedy="Look at the Keys page again, and take the step from there.",
        )


def _add(_asked: Mapping[str, Any], progress: Progress, _who: str, begun: bool) -> None:
    if not begun or rotation_of(look_at_keys(), adapters.now()).step is Step.ADD:
        progress.note(f"made the key {add_key(None)}")


def _ship(_asked: Mapping[str, Any], progress: Progress, who: str, _begun: bool) -> None:
    ship(progress, who)


def _sign(asked: Mapping[str, Any], progress: Progress, who: str, begun: bool) -> None:
    if begun and rotation_of(look_at_keys(), adapters.now()).step not in _OPEN_AT[Work.SIGN]:
        ship(progress, who)
    else:
        sign_by_new_alone(progress, who, waited=asked["waited"])


def _leave(_asked: Mapping[str, Any], progress: Progress, who: str, begun: bool) -> None:
    if begun and rotation_of(look_at_keys(), adapters.now()).step is not Step.LEAVE:
        ship(progress, who)
    else:
        leave_keyring(progress, who)


def _retire(asked: Mapping[str, Any], progress: Progress, who: str, begun: bool) -> None:
    if begun and _is_out(asked["key"]):
        ship(progress, who)
    else:
        retire_key(asked["key"], progress, who)


def _give_up(asked: Mapping[str, Any], progress: Progress, who: str, begun: bool) -> None:
    if begun and _is_out(asked["key"]):
        show_to_all(progress, who)
    else:
        give_up(plan_emergency(asked["key"]), progress, who)


def _prolong(asked: Mapping[str, Any], progress: Progress, who: str, _begun: bool) -> None:
    prolong(asked["key"], day_to_come(asked["until"]), progress, who)


def _is_out(fingerprint: str) -> bool:
    """Return whether a key is there no more, or is retired."""
    return all(key.role is KeyRole.RETIRED for key in look_at_keys().keys if key.fingerprint == fingerprint)


_DO: Mapping[Work, Callable[[Mapping[str, Any], Progress, str, bool], None]] = {
    Work.ADD: _add,
    Work.SHIP: _ship,
    Work.SIGN: _sign,
    Work.LEAVE: _leave,
    Work.RETIRE: _retire,
    Work.LOST: _give_up,
    Work.PROLONG: _prolong,
}
