"""Lines of the audit trail about jobs: that one was asked for, and how it ended."""

from __future__ import annotations

from typing import Any

from packages_app.core.audit import Result
from packages_app.core.outcome import Outcome
from packages_app.models import Job
from packages_app.services.audit.write import write

_SUITES = ("suite", "suites", "touched")
_PACKAGES = ("names", "keys", "files", "packages")


def tell_asked(job: Job) -> None:
    """Tell, in the transaction that makes it, that a job was asked for, by whom, and with what."""
    write(
        f"job.{job.kind}", result=Result.ASKED, subject=job.subject, packages=packages_of(job), suites=suites_of(job),
        given=job.arguments, job=str(job.pk), actor=job.actor,
    )  # fmt: skip


def tell_ended(job: Job) -> None:
    """Tell, in the transaction that ends it, what became of a job, with its result or its error."""
    done = job.state == Job.State.DONE
    ended = Result.DONE if done else Result.FAILED
    if job.outcome is Outcome.REFUSED:
        ended = Result.REFUSED
    after = {"result": job.result} if done else {"result": job.result, "error": job.error}
    write(
        f"job.{job.kind}", result=ended, subject=job.subject, packages=packages_of(job), suites=suites_of(job),
        after=after, code=job.error_code, job=str(job.pk), actor=job.actor,
    )  # fmt: skip


def suites_of(job: Job) -> set[str]:
    """Return the suites that a job's arguments and result name."""
    return {name for said in (job.arguments, job.result) for key in _SUITES for name in _texts(said.get(key)) if name}


def packages_of(job: Job) -> set[str]:
    """Return the packages that a job's arguments name."""
    named = {_package_in(text) for key in _PACKAGES for text in _firsts(job.arguments.get(key))}
    if job.kind in (Job.Kind.BUILD, Job.Kind.SYNC):
        named |= set(_texts(job.arguments.get("name")))
    if job.kind == Job.Kind.UPLOAD:
        named |= set(_texts(job.arguments.get("key"))[:1])
    return named - {""}


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _firsts(value: Any) -> list[str]:
    """Return the texts of a list, and the first text of each list in it: that of a record's key."""
    each_first = [each[0] if isinstance(each, list) and each else each for each in _listed(value)]
    return [each for each in each_first if isinstance(each, str)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _package_in(text: str) -> str:
    """Return the name in `name#version`, or the name itself."""
    return text.partition("#")[0]
