"""Signing keys: how they stand, and the guided change from one to the next."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from packages_app.api.needs import KEYS, READS
from packages_app.api.shapes import PROBLEMS, JobShape, Said
from packages_app.services.keys.standing import KeyStanding
from packages_app.services.keys.told import told_keys
from packages_app.services.keys.work import Work, request_key_work

router = Router(tags=["keys"], auth=READS)


class KeyShape(Schema):
    """A signing key: what it is, when it ends, what it is for; `signs` are suites, `fault` why clients refuse it."""

    fingerprint: str
    algorithm: str
    made: datetime | None
    expires: datetime | None
    role: str
    signs: list[str]
    in_root: bool
    fault: str


class KeysShape(Schema):
    """The signing keys as a worker saw them last; `at` is null where none has looked."""

    at: datetime | None
    keys: list[KeyShape]


@router.get("", response={200: KeysShape, **PROBLEMS})
def keys(request: HttpRequest) -> dict[str, Any]:
    """Return the signing keys."""
    told = told_keys()
    if told is None:
        return {"at": None, "keys": []}
    return {"at": told.at, "keys": [_key(key) for key in told.standing.keys]}


def _key(key: KeyStanding) -> dict[str, Any]:
    facts = key.facts
    return {
        "fingerprint": key.fingerprint, "algorithm": facts.algorithm if facts else "",
        "made": facts.made if facts else None, "expires": facts.expires if facts else None, "role": str(key.role),
        "signs": list(key.signs), "in_root": key.in_root, "fault": str(key.fault or ""),
    }  # fmt: skip


class KeyWork(Said):
    """Work on keys: `key` is the fingerprint it is about, `new` the one that takes over, as they were shown."""

    do: Literal["look", "add", "ship", "sign", "leave", "retire", "lost", "prolong"]
    key: str = Field(default="", max_length=64)
    new: str = Field(default="", max_length=64)
    until: str = Field(default="", max_length=32)
    waited: bool = False


@router.post("/work", response={202: JobShape, **PROBLEMS}, auth=KEYS)
def work_on_keys(request: HttpRequest, body: KeyWork) -> Status[dict[str, Any]]:
    """Ask for one step of a change of keys; each is checked before the next opens."""
    job = request_key_work(
        Work(body.do), request.user, key=body.key, new=body.new, until=body.until, waited=body.waited
    )
    return Status(202, JobShape.of(job))
