"""Definitions for what an adoption brings: offered in what it tells, and made where it was asked for."""

from __future__ import annotations

from packages_app.core.ports import Progress
from packages_app.services.configuration.many_definitions import make_definitions, sound_of
from packages_app.services.takeover.adoption_request import Adopted, AdoptionRequest, NewDefinitions


def offer_definitions(request: AdoptionRequest, result: Adopted) -> dict[str, str]:
    """Return the definitions, by package, of those that have none; `result` tells which, and which can't have one."""
    sound, result.undefinable = sound_of(result.offered.texts(request.allow))
    result.undefined = tuple(sound)
    result.suggested = result.offered.suggested(sound)
    return sound


def define_all(request: AdoptionRequest, texts: dict[str, str], result: Adopted, progress: Progress) -> None:
    """Make the definitions where that was asked for, all in one step; `result` tells which were made."""
    if request.definitions is NewDefinitions.NONE or not texts:
        return
    progress.step("define packages", f"{len(texts)} that have no definition")
    result.defined = make_definitions(texts, who=request.who).names
    result.undefined = tuple(sorted(set(texts) - set(result.defined)))
