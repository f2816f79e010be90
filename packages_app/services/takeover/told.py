"""What an adoption tells beside its counts: what clients notice, and what becomes of the packages afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from packages_app.adoption.noticed import told_of
from packages_app.services.takeover.adoption_request import Adopted, AdoptionRequest, NewDefinitions

_NAMED = 20


def told_of_clients(result: Adopted) -> list[str]:
    """Return what clients will notice, a line each: another identity, and what is left behind."""
    return [*map(str, result.differences), *told_of(result.left_behind)]


def told_of_definitions(result: Adopted, request: AdoptionRequest) -> list[str]:
    """Return which packages are or would be defined, which can't be updated without, and guesses, a line each."""
    lines = []
    if result.defined:
        lines.append(f"defined, new versions can be uploaded: {_named(result.defined)}")
    if result.undefined and request.dry_run and request.definitions is NewDefinitions.UPLOAD:
        lines.append(f"would be defined, so that new versions can be uploaded: {_named(result.undefined)}")
    elif result.undefined:
        lines.append(f"not defined, so that no new version is taken (--definitions upload): {_named(result.undefined)}")
    lines += [f"can't be defined: {sentence}" for sentence in result.undefinable[:_NAMED]]
    if several := result.offered.in_several_components():
        lines.append(f"in several components, new versions go to that of the newest: {_named(several)}")
    if result.suggested:
        guesses = [f"{name} ({repository})" for name, repository in sorted(result.suggested.items())]
        lines.append(f"by their homepages perhaps of a github_release definition, try it: {_named(guesses)}")
    return lines


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)}: {', '.join(names[:_NAMED])}{more}"
