"""The doctor: one probe for each thing that work needs, each with its remedy (docs/REQUIREMENTS.md R14)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection

from packages_app.core.errors import (
    RepomgrError,
    ServiceUnavailable,
    SigningKeyError,
    StoreMissing,
    StoreUnavailable,
    TableMissing,
    TableUnavailable,
    UpstreamError,
)
from packages_app.core.release_fields import admits
from packages_app.core.repository import Installability, definition_error
from packages_app.debian.debcheck import PACKAGE, PROGRAM
from packages_app.debian.solver import SolverMissing, solver_here
from packages_app.publishing.place import named_keys
from packages_app.services import adapters
from packages_app.services.audit.check import check_trail
from packages_app.services.audit_keeping import check_export
from packages_app.services.intake.pins import refused_over_http, taken_on_trust
from packages_app.services.lifecycle.placing import placed_elsewhere
from packages_app.services.outside_errors import error_told, told_as_ours
from packages_app.services.publication.watch_expiry import KEY_REMEDY
from packages_app.services.setup.clock import check_clock
from packages_app.services.setup.database import check_database
from packages_app.services.setup.disk_space import look_at_disks
from packages_app.services.setup.faults import configuration_faults
from packages_app.services.setup.private_files import paths_open_to_others
from packages_app.services.verification.keys import key_findings
from packages_app.signing.unproven import claims_of

_PROBE_BYTES = 16 * 1024
"""What a probe writes: more than fits into the room that a full file may have inside."""
_PROBE_QUEUE = "repomgr.doctor"


@dataclass(frozen=True)
class Probed:
    """What one probe found: its name, whether work can go on, what it saw, and what to do otherwise.

    With a remedy although it is well it is a warning.
    """

    name: str
    well: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Warned:
    """What a probe saw that stops no work yet, and what to do."""

    detail: str
    remedy: str


def examine() -> Iterator[Probed]:
    """Probe all that work needs; yield one finding for each, in turn."""
    for name, probe in _PROBES.items():
        try:
            seen = probe()
            yield Probed(name, True, seen.detail, seen.remedy) if isinstance(seen, Warned) else Probed(name, True, seen)
        except RepomgrError as error:
            yield Probed(name, False, error.message, error.remedy)
        except Exception as error:  # a doctor who faints helps nobody
            yield Probed(
                name, False, f"{type(error).__name__}: {error}", "See the log; this probe failed unexpectedly."
            )


def _database() -> str:
    check_database()
    with told_as_ours():
        row = Session.objects.create(
            session_key=f"doctor{secrets.token_hex(8)}", session_data="-" * _PROBE_BYTES, expire_date=adapters.now()
        )
        row.delete()
    return f"{connection.vendor} can be written, all migrations applied"


def _broker() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
            with broker.SimpleQueue(_PROBE_QUEUE) as queue:
                queue.clear()  # what a disk without room has left of an earlier probe can't be read
                queue.put({"probe": "-" * _PROBE_BYTES})
                queue.get(timeout=5).ack()
                queue.queue.delete()
            return f"{broker.transport.driver_type} takes messages and gives them"
    except Exception as error:
        raise error_told(error) or ServiceUnavailable(
            f"The broker does not answer: {type(error).__name__} {error}.",
            remedy="Check BROKER_URL and that the server runs.",
        ) from error


def _key() -> str:
    signer = adapters.signer()
    if ending := [said for facts in signer.facts if (said := facts.ends_soon(adapters.now()))]:
        raise ServiceUnavailable(" ".join(ending), remedy=KEY_REMEDY)
    if other := _other_keys():
        raise ServiceUnavailable(
            f"The key in use is {named_keys(signer.fingerprints)}. {other}",
            remedy="Give SIGNING_KEY the key that clients know. If the change is meant: build the next bootstrap"
            " package, then force_rebuild --new-key.",
        )
    signing = [claim.key for claim in claims_of(signer.sign_clear(b"Origin: doctor\n"))]
    suites = adapters.repository().suites
    if locked := [suite.name for suite in suites if not admits(suite.fields.signed_by, signer.fingerprints, signing)]:
        raise SigningKeyError(
            f"Signed-By of {', '.join(locked)} does not name {named_keys(signer.fingerprints)}, which"
            " signs: clients would take this Release and refuse the next one, until their lists are deleted.",
            remedy="Add that fingerprint to signed_by in repository.yaml, beside those that follow it, and publish.",
        )
    until = f"until {signer.expires:%Y-%m-%d}" if signer.expires else "without expiry"
    return f"{named_keys(signer.fingerprints)} signs and verifies, valid {until}"


def _other_keys() -> str:
    """Return where another key is met, "" when nowhere; table and bucket have probes of their own for being away."""
    try:
        return " ".join(f"{finding.where}: {finding.text}" for finding in key_findings())
    except (StoreMissing, StoreUnavailable, TableMissing, TableUnavailable):
        return ""


def _audit_trail() -> str:
    check_database()
    with told_as_ours():
        checked, copied = check_trail(), check_export()
    back = f"; {checked.taken_back} taken back from the home" if checked.taken_back else ""
    return "; ".join(filter(None, [f"{checked.lines} lines hold to number {checked.number}{back}", copied]))


def _clock() -> str | Warned:
    compared, warning = check_clock()
    if warning:
        return Warned(f"{compared}; {warning}", "Synchronise this machine's clock (NTP), or find out what dated that.")
    return compared


def _package_table() -> str:
    table = adapters.package_table()
    said = table.probe()
    if not table.suites_are_listed():
        raise ServiceUnavailable(
            f"{said} was made by an earlier release: it has no lists of its suites, so it is read whole for each.",
            remedy="Stop workers of the earlier release, then run manage.py create_storage.",
        )
    return f"{said}, its suites are listed"


def _definitions() -> str | Warned:
    if faults := configuration_faults():
        raise definition_error(faults)
    definitions = adapters.definitions()
    if refused := refused_over_http(definitions, settings.PRIVATE_UPSTREAMS):
        raise UpstreamError(
            f"Fetched over http, and so never: {', '.join(refused)}.",
            remedy="Write the https address; or allow: [http] in the definition, if upstream has none.",
        )
    if elsewhere := _placed_elsewhere():
        return Warned(
            f"{len(definitions.by_name)} in use; versions lie elsewhere than they say, of {', '.join(elsewhere)}",
            "Look what would move: manage.py place_packages NAME --dry-run, or the page of the definition.",
        )
    in_use = f"{len(definitions.by_name)} in use: {', '.join(definitions.by_name) or 'none'}"
    return "; ".join([in_use, *taken_on_trust(definitions)])


def _placed_elsewhere() -> list[str]:
    """Return the packages that lie elsewhere than defined; table and database have probes of their own."""
    try:
        with told_as_ours():
            return placed_elsewhere()
    except RepomgrError:
        return []


def _private_files() -> str:
    found = list(paths_open_to_others())
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise ServiceUnavailable(
            f"Other users of this machine may read what is not for them: {found[0]}{more}.",
            remedy="Run manage.py first_start as their owner, or take the rights of group and others away (chmod go=).",
        )
    return f"{settings.HOME} is its owner's alone"


def _solver() -> str | Warned:
    asked = [suite.name for suite in adapters.repository().suites if suite.installability is not Installability.OFF]
    if not asked:
        return "no suite asks whether its packages can be installed"
    named = ", ".join(asked)
    try:
        solver = solver_here()
    except SolverMissing as error:
        return Warned(f"{error.message} Whether packages of {named} can be installed is not looked at", error.remedy)
    if solver != PROGRAM:
        return Warned(
            f"{solver} says whether packages of {named} can be installed, of small changes alone",
            f"Install {PACKAGE}, which answers for changes of any size.",
        )
    return f"{solver} says whether packages of {named} can be installed"


_PROBES: dict[str, Callable[[], str | Warned]] = {
    "package table": _package_table,
    "bucket": lambda: adapters.bucket().probe(),
    "staging": lambda: adapters.staging().probe(),
    "broker": _broker,
    "database": _database,
    "audit trail": _audit_trail,
    "signing key": _key,
    "clock": _clock,
    "definitions": _definitions,
    "solver": _solver,
    "private files": _private_files,
    "disk space": look_at_disks,
}
