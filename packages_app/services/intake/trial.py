"""Trying a definition before it is saved: upstream is asked, and nothing is fetched, taken in or kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from packages_app.core.caution import HTTP
from packages_app.core.conflict import conflict_between
from packages_app.core.definition import Definition
from packages_app.core.ports import Progress
from packages_app.core.redaction import redact
from packages_app.core.repository import definition_error
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.configuration.definitions import definition_in, require_definer
from packages_app.services.intake.known_offers import known_record
from packages_app.services.jobs import queue
from packages_app.services.outside_errors import error_told
from packages_app.services.rights.asker import Asker
from packages_app.sources.answers import NothingKept
from packages_app.sources.registry import source_types
from packages_app.sources.source import Offer

TRIAL = "trial"
"""The argument of a check upstream that is a trial: the text of the definition."""
_SHOWN = 100


def request_trial(name: str, text: str, user: Asker) -> Job:
    """Ask for a trial of a definition of this text; raise `RightMissing`, `TooManyJobs`."""
    require_definer(user)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return queue.enqueue(Job.Kind.SYNC, {TRIAL: text, "name": name}, subject=f"try {name[:200]} {digest}", user=user)


def try_definition(name: str, text: str, progress: Progress) -> dict[str, Any]:
    """Ask upstream what it offers to a definition, and say what would be taken in.

    Return {"would_take", "known", "passed_over", "conflicts", "failed"}. What is passed over is noted with its reason.
    Raise `DefinitionError` for a text that is no sound definition.
    """
    definition, faults = definition_in(name, text)
    if definition is None:
        raise definition_error(faults)
    progress.step("ask upstream", definition.name)
    result: dict[str, Any] = {"would_take": [], "known": 0, "passed_over": 0, "conflicts": [], "failed": ""}
    try:
        offers = _offers(definition, progress)
    except Exception as error:  # a plug-in's fault, or upstream's: it is what the trial was to find
        told = error_told(error) or error
        result["failed"] = redact(str(told) or type(told).__name__)
        progress.note(result["failed"], level="error")
        return result
    progress.step("compare with what is there", f"{len(offers)} offers")
    of_version = Counter((offer.version, definition.build_of(offer.filename)) for offer in offers)
    for offer in offers:
        alone = of_version[offer.version, definition.build_of(offer.filename)] == 1
        known = known_record(offer, definition, alone=alone)
        if known is None and offer.passed_over:
            result["passed_over"] += 1
        elif known is None:
            result["would_take"].append(_named(offer))
        elif conflict_between(known.file_identity, offer.file_identity):
            result["conflicts"].append(_named(offer))
            progress.note(f"{_named(offer)} is {known.named} with other bytes: a conflict", level="warning")
        else:
            result["known"] += 1
    taken = result["would_take"]
    for name_of_offer in taken[-_SHOWN:]:
        progress.note(f"would take {name_of_offer}")
    if len(taken) > _SHOWN:
        progress.note(f"and {len(taken) - _SHOWN} older ones")
    result["would_take"] = taken[-_SHOWN:]
    return result


def _offers(definition: Definition, progress: Progress) -> list[Offer]:
    fetcher = adapters.fetcher(https_only=HTTP not in definition.allow, answers=NothingKept())
    return source_types()[definition.source_type](definition, fetcher).offers(progress)


def _named(offer: Offer) -> str:
    return " ".join(filter(None, (offer.version, offer.architecture, offer.filename)))
