"""Adoptions asked for in the admin: a repository is looked at first, and adopted by consent to what was shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages_app.adoption.existing_repository import WebRepository
from packages_app.core.caution import ALLOWABLE
from packages_app.core.errors import PackageRefused, RepositoryRefused
from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.core.web_address import is_plain_address
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.configuration.definitions import require_definer
from packages_app.services.jobs import queue
from packages_app.services.publication.requests import known_suite
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job
from packages_app.services.takeover.adopt import adopt
from packages_app.services.takeover.adoption_request import Adopted, AdoptionRequest, NewDefinitions, PoolFiles
from packages_app.services.takeover.told import told_of_clients, told_of_definitions

_WHAT = "An adoption"
_LONGEST_KEYRING = 1024 * 1024
"""Characters. Debian's own keyring has some 60,000."""
_MAPS, _LISTS = ("suites", "components"), ("architectures", "allow")


def request_look(said: Mapping[str, str], user: Asker) -> Job:
    """Ask for a look at a repository, which writes nothing; return its job.

    `said` has `address`, `keyring` (armored, "" for signatures that are not looked at), `suites` and `components`
    (THEIRS=OURS by blanks), `flat` (a suite of ours), `architectures` and `allow` by blanks, `pool`, `definitions`, and
    `skip_broken`, "" for no. Raise `RightMissing`, `RepositoryRefused`, `PackageRefused` for a suite that is none.
    """
    require(user, Action.ADMINISTER, _WHAT)
    arguments = _arguments(said)
    _request(arguments, user, dry_run=True)
    subject = f"look at {arguments['address']}"[:255]
    return queue.enqueue(Job.Kind.ADOPT, {**arguments, "dry_run": True}, subject=subject, user=user)


def request_adoption(look: Job, user: Asker) -> Job:
    """Ask for the adoption of what a look has shown; return its job.

    Raise `RightMissing`, and `PackageRefused` for a job that is no look that has ended well.
    """
    require(user, Action.ADMINISTER, _WHAT)
    if look.kind != Job.Kind.ADOPT or not look.arguments.get("dry_run") or look.state != Job.State.DONE:
        raise PackageRefused(f"The job {look} shows no repository.", remedy="Look at one, and wait until it is shown.")
    arguments = {**look.arguments, "dry_run": False, "seen": look.result["releases"]}
    _request(arguments, user, dry_run=True)
    return queue.enqueue(Job.Kind.ADOPT, arguments, subject=str(arguments["address"])[:255], user=user)


def do_adopt(job: Job, progress: Progress) -> dict[str, Any]:
    """Look at a repository or adopt it, as a job says; return counts, and what is told of it.

    Raise `RightMissing` when who asked may no more, `PreviewOutdated` for a repository that is not as it was shown, and
    what `adopt` raises.
    """
    require_of_job(job, Action.ADMINISTER, _WHAT)
    look = bool(job.arguments["dry_run"])
    request = _request(job.arguments, job.requested_by, dry_run=look)
    return _told(adopt(request, progress), request)


def _told(result: Adopted, request: AdoptionRequest) -> dict[str, Any]:
    stanzas = [" ".join((*place, str(count))) for place, count in sorted(result.stanzas.items())]
    return {
        "packages": result.packages, "new": result.new, "known": result.known, "added": result.added,
        "refused": result.fault_count, "conflicts": result.faults, "stanzas": stanzas,
        "cautions": result.cautioned.sentences(), "clients": told_of_clients(result),
        "definitions": told_of_definitions(result, request), "releases": result.releases,
    }  # fmt: skip


def _arguments(said: Mapping[str, str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {name: said.get(name, "").strip() for name in ("address", "keyring", "flat")}
    arguments |= {name: said.get(name, "").split() for name in (*_MAPS, *_LISTS)}
    arguments |= {"pool": said.get("pool", ""), "definitions": said.get("definitions", "")}
    return arguments | {"skip_broken": bool(said.get("skip_broken")), "unsigned": bool(said.get("unsigned"))}


def _request(said: Mapping[str, Any], user: Asker | None, *, dry_run: bool) -> AdoptionRequest:
    """Return what a job's arguments ask for; raise `RepositoryRefused`, `PackageRefused`, `RightMissing`."""
    _check(said)
    suites = _mapped(said["suites"]) | ({"": said["flat"]} if said["flat"] else {})
    for ours in suites.values():
        known_suite(ours)
    if not suites:
        raise RepositoryRefused("No suite is named.", remedy="Say which: THEIRS=OURS, or that it is flat.")
    definitions = NewDefinitions(said["definitions"])
    if definitions is not NewDefinitions.NONE and user is not None:
        require_definer(user)
    return AdoptionRequest(
        repository=WebRepository(said["address"], adapters.fetcher()),  # private addresses are those of the settings
        suites=suites, pool=PoolFiles(said["pool"]), components=_mapped(said["components"]),
        architectures=tuple(said["architectures"]) or None, keyring=said["keyring"].encode() or None, dry_run=dry_run,
        skip_broken=said["skip_broken"], allow=tuple(said["allow"]), definitions=definitions,
        who=user.get_username() if user is not None else "", seen=said.get("seen"),
    )  # fmt: skip


def _check(said: Mapping[str, Any]) -> None:
    if not is_plain_address(said["address"]):
        raise RepositoryRefused(
            f"{said['address'][:200]!r} is no address of a repository.",
            remedy="Give http://… or https://…, what stands in front of dists/, without a password.",
        )
    if bool(said["keyring"]) == said["unsigned"] or len(said["keyring"]) > _LONGEST_KEYRING:
        raise RepositoryRefused(
            "A repository is verified with its keys, or it is said that it is not.",
            remedy="Paste the keys, armored, or tick that signatures are not looked at.",
        )
    if said["keyring"] and "-----BEGIN PGP PUBLIC KEY BLOCK-----" not in said["keyring"]:
        raise RepositoryRefused("This is no armored key.", remedy="Paste what gpg --armor --export gives.")
    for text in said["allow"]:
        if text.partition(":")[0] not in ALLOWABLE:
            raise RepositoryRefused(f"{text!r} can't be allowed.", remedy=f"Say some of {', '.join(ALLOWABLE)}.")
    for value, choices in ((said["pool"], PoolFiles), (said["definitions"], NewDefinitions)):
        if value not in [one.value for one in choices]:
            raise RepositoryRefused(f"{value!r} is no choice.", remedy="Choose one of the form.")


def _mapped(pairs: list[str]) -> dict[str, str]:
    return {theirs: ours or theirs for theirs, _, ours in (pair.partition("=") for pair in pairs)}
