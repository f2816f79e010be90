"""Checking upstream: every definition's source is asked, and what is new is fetched and taken in.

See docs/REQUIREMENTS.md R4, R12.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from packages_app.core.caution import HTTP
from packages_app.core.conflict import conflict_between, version_conflict
from packages_app.core.definition import Definition
from packages_app.core.errors import (
    LeaseBusy,
    PackageRefused,
    RepomgrError,
    SignatureRefused,
    UpstreamError,
    UpstreamUnavailable,
)
from packages_app.core.hand_made import maker_of
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.storable_text import storable
from packages_app.models import Job, Notice
from packages_app.services import adapters
from packages_app.services.audit.write import actor_now
from packages_app.services.intake.admit import admission_of
from packages_app.services.intake.checks_at_work import checking
from packages_app.services.intake.conflicts import refusal_of, report_conflict
from packages_app.services.intake.hand_made import settle_overtaken
from packages_app.services.intake.known_offers import known_record
from packages_app.services.intake.new_record import Provenance
from packages_app.services.intake.refused_offers import RefusedOffers
from packages_app.services.intake.take_in import Refused, StagedFile, take_in
from packages_app.services.intake.trial import TRIAL, try_definition
from packages_app.services.mirror.definitions import record_check
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.outside_errors import error_told
from packages_app.sources.registry import source_types
from packages_app.sources.source import Offer, Source

_LONGEST_FAILURE = 1000
_REMEDY_OF_CHANGED = "Ask upstream why a released version changed; what clients have is not replaced."
_REMEDY_OF_HAND_MADE = (
    "It was uploaded by hand, and is not replaced. Settle the conflict; a hot-fix is best given a version of its own,"
    " such as 1.2+fix1."
)

log = structlog.get_logger(__name__)


@dataclass
class Checked:
    """How the check of one definition went. `passing` says that a later try may cure all that failed.

    `refused` counts offers that were fetched and refused by an earlier check, and are the same: they are no failure.
    """

    name: str
    added: list[str] = field(default_factory=list)
    known: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    passing: bool = True

    def fail(self, text: str, error: Exception) -> None:
        """Take note of a failure, in a sentence for people."""
        self.failures.append(storable(text, _LONGEST_FAILURE))
        self.passing = self.passing and isinstance(error, RepomgrError) and error.retryable

    def summary(self) -> str:
        """Return one sentence for people."""
        words = [f"{len(self.added)} new", f"{self.known} known"]
        words += [f"{self.refused} refused before and not fetched again"] if self.refused else []
        return "; ".join([", ".join(words), *self.failures])


def do_sync(job: Job, progress: Progress) -> dict[str, Any]:
    """Do a job's check upstream, of the definitions that it names, as `sync_packages`; or try one (`trial.py`)."""
    if TRIAL in job.arguments:
        return try_definition(job.arguments["name"], job.arguments[TRIAL], progress)
    return sync_packages(job.arguments.get("names", []), progress, job=job)


def sync_packages(names: Sequence[str], progress: Progress, *, job: Job | None = None) -> dict[str, Any]:
    """Check the named definitions, or all enabled ones; one's failure never stops another's.

    Return {"checked", "added", "known", "failed", "failures", "at_work"}: the last are definitions that another job
    had in hand, and are left to it. Raise `LeaseBusy` when others have all that are named, `UpstreamError` when every
    one failed (`UpstreamUnavailable` where a later try may cure all of it), or `PackageRefused` for a name that is not
    defined, and where no file makes a definition.
    """
    definitions = _wanted(names, progress)
    results: list[Checked] = []
    at_work: list[str] = []
    for number, definition in enumerate(definitions):
        with checking(definition.name, job) as ours:
            if ours:
                result = check_definition(definition, progress, job=job)
                record_check(definition.name, result.summary(), failed=bool(result.failures))
                results.append(result)
            else:
                at_work.append(definition.name)
                progress.note(f"{definition.name} is left to another job, which is checking it")
        progress.advance(number + 1, len(definitions))
    if names and at_work and not results:
        raise LeaseBusy(f"Other jobs are checking {', '.join(at_work)}.", remedy="Wait until they have ended.")
    failed = [result for result in results if result.failures]
    failures = [f"{result.name}: {failure}" for result in failed for failure in result.failures]
    if failed and len(failed) == len(results):
        kind = UpstreamUnavailable if all(result.passing for result in failed) else UpstreamError
        raise kind(f"Every check failed. {' '.join(failures)}", remedy="Each failure is named with its remedy above.")
    return {
        "checked": len(results),
        "added": [added for result in results for added in result.added],
        "known": sum(result.known for result in results),
        "failed": [result.name for result in failed],
        "failures": failures,
        "at_work": at_work,
    }


def check_definition(definition: Definition, progress: Progress, *, job: Job | None = None) -> Checked:
    """Ask one definition's source and take in what is new, oldest version first; failures are in the result."""
    result = Checked(definition.name)
    progress.step("check upstream", definition.name)
    with structlog.contextvars.bound_contextvars(package=definition.name):
        try:
            fetcher = adapters.fetcher(https_only=HTTP not in definition.allow)
            source = source_types()[definition.source_type](definition, fetcher)
            offers = source.offers(progress)
        except Exception as error:  # a plug-in's fault must not stop the others
            result.fail(_failure(definition, error, job), error_told(error) or error)
            progress.note(result.failures[-1], level="error")
            return result
        refused = RefusedOffers(definition)
        of_version = Counter((offer.version, definition.build_of(offer.filename)) for offer in offers)
        for offer in offers:
            try:
                alone = of_version[offer.version, definition.build_of(offer.filename)] == 1
                known = known_record(offer, definition, alone=alone)
                if known is not None:
                    _compare(offer, known, job)
                    result.known += 1
                    log.info("version_known", version=offer.version, skipped=offer.deb_url)
                elif offer.passed_over:
                    log.info("version_passed_over", version=offer.version, skipped=offer.deb_url)
                elif refused.why(offer):
                    result.refused += 1
                    log.info("refused_before", version=offer.version, skipped=offer.deb_url)
                else:
                    _take_offer(source, offer, definition, result, progress, job=job)
            except Exception as error:
                refused.note(offer, _named(offer), error)
                result.fail(f"{_named(offer)}: {_failure(definition, error, job)}", error_told(error) or error)
                progress.note(f"{definition.name} {result.failures[-1]}", level="error")
    refused.keep()
    settle_overtaken(definition.names)
    if not result.failures:
        settle_notices(Notice.Kind.SIGNATURE_REFUSED, definition.name)
    return result


def _take_offer(
    source: Source, offer: Offer, definition: Definition, result: Checked, progress: Progress, *, job: Job | None
) -> None:
    progress.step("fetch", f"{definition.name} {_named(offer)}")
    with tempfile.TemporaryDirectory(prefix="repomgr-fetch-") as folder:
        fetched = source.fetch(offer, Path(folder), progress)
        provenance = Provenance(
            offer.deb_url, offer.certificate_url, offer.signature_url, offer.notes, offer.pub_date, fetched.certificate,
            who=job.asker if job else str(actor_now()), way="check upstream",
        )  # fmt: skip
        file = StagedFile(offer.filename, fetched.path, fetched.checksums, provenance)
        [taken] = take_in([file], admission_of(definition), progress)
        if isinstance(taken, Refused):
            raise refusal_of(taken, offer.deb_url, job=job)
    record = taken.record
    if offer.version and record.version != offer.version:
        progress.note(f"the feed calls it {offer.version}, the package {record.version}", level="warning")
    if taken.added:
        result.added.append(record.named)
        return
    result.known += 1
    if record.deb_url != offer.deb_url:
        progress.note(f"{offer.filename} is the {record.version} {record.built_for} that is there", level="warning")


def _named(offer: Offer) -> str:
    return offer.version or offer.filename


def _compare(offer: Offer, known: PackageRecord, job: Job | None) -> None:
    """Raise the alarm when upstream says that a known version has other bytes now."""
    offered = offer.file_identity
    if not conflict_between(known.file_identity, offered):
        return
    conflict = report_conflict(known, offer.deb_url, offered=offered, job=job)
    if conflict.settled:
        return  # a person has looked into just this offer; clients keep what they have
    raise version_conflict(
        known.named,
        known.file_identity,
        offered,
        remedy=_REMEDY_OF_HAND_MADE if maker_of(known) else _REMEDY_OF_CHANGED,
    )


def _wanted(names: Sequence[str], progress: Progress) -> list[Definition]:
    """Return the definitions to check; a check of all tells what is wrong with the files that make none."""
    definitions = adapters.definitions()
    problems = () if names else definitions.problems
    if problems and not definitions.by_name:
        raise PackageRefused(
            "\n".join(["No definition can be used.", *map(str, problems)]),
            remedy=f"Correct {len({problem.file for problem in problems})} files.",
        )
    for problem in problems:
        progress.note(f"left out: {problem}", level="warning")
    unknown = [name for name in names if name not in definitions.by_name]
    if unknown:
        known = ", ".join(definitions.by_name) or "none"
        raise PackageRefused(
            f"No usable definition is named {', '.join(unknown)}.",
            remedy=f"Use one of: {known}; `manage.py doctor` names files with faults.",
        )
    types = source_types()
    chosen = [definitions.by_name[name] for name in names] or [d for d in definitions.by_name.values() if d.enabled]
    return [definition for definition in chosen if names or not types[definition.source_type].takes_uploads]


def _failure(definition: Definition, raised: Exception, job: Job | None) -> str:
    error = error_told(raised) or raised  # a full disk is no crash
    if isinstance(error, SignatureRefused):
        notify(Notice.Kind.SIGNATURE_REFUSED, definition.name, error.message, remedy=error.remedy, job=job)
    if isinstance(error, RepomgrError):
        log.warning("definition_failed", definition=definition.name, code=error.code, error=error.message)
        return str(error)
    log.exception("definition_crashed", definition=definition.name)
    return f"{type(error).__name__}: {error}"
