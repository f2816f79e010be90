"""The one hierarchy of errors.

Every error has a `code` (stable, for logs, jobs and tests), a sentence that names the offending thing, and the
`remedy`. Its class says by `outcome` what it means for who asked: jobs, commands and the admin read it there alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.outcome import Outcome


class RepomgrError(Exception):
    """Base of all errors that the product raises on purpose.

    `result` is what a job had done before it failed, small and JSON-able; it is kept with the job.
    """

    code = "repomgr_error"
    outcome = Outcome.FAILED

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.result: dict[str, Any] = {}

    @property
    def retryable(self) -> bool:
        """Return whether the same call may succeed later without anyone changing anything."""
        return self.outcome is Outcome.TRY_AGAIN

    def with_result(self, result: Mapping[str, Any]) -> Self:
        """Return this error with what had been done before it."""
        self.result = dict(result)
        return self

    def __str__(self) -> str:
        return f"{self.message} Remedy: {self.remedy}"


class SettingsError(RepomgrError):
    """A setting, in the environment or in the settings file, is missing or makes no sense."""

    code = "bad_setting"
    outcome = Outcome.REFUSED


class HomeMissing(RepomgrError):
    """The home is not there: REPOMGR_HOME is not the server's, or its disk is away; or it is another user's."""

    code = "home_missing"
    outcome = Outcome.REFUSED


class DatabaseOutdated(RepomgrError):
    """The Django database was made by an earlier release, or is empty: its migrations are not applied."""

    code = "database_outdated"


class DefinitionError(RepomgrError):
    """A file in `config/` can't be used."""

    code = "bad_definition"
    outcome = Outcome.REFUSED


class InvalidVersion(RepomgrError):
    """A string is no Debian version (deb-version(7))."""

    code = "invalid_version"
    outcome = Outcome.REFUSED


class FileUnreadable(RepomgrError):
    """A file that a command was given is missing, is none, or may not be read."""

    code = "file_unreadable"


class InvalidDeb(RepomgrError):
    """A file is no `.deb` that we would hand to a client (deb(5), Debian Policy 5)."""

    code = "invalid_deb"
    outcome = Outcome.REFUSED


class PackageRefused(RepomgrError):
    """A sound `.deb` that does not belong here: another name, architecture, suite or component than configured."""

    code = "package_refused"
    outcome = Outcome.REFUSED


class RightMissing(RepomgrError):
    """Somebody asked for what he may not do: a bootstrap package, or a place that the definition does not name."""

    code = "right_missing"
    outcome = Outcome.REFUSED


class VersionConflict(RepomgrError):
    """The same version is there with other bytes; what clients have is never replaced."""

    code = "version_conflict"
    outcome = Outcome.REFUSED


class RecordNotFound(RepomgrError):
    """The package table has no such record."""

    code = "record_not_found"


class UpstreamError(RepomgrError):
    """A vendor's endpoint or download gave something that can't be used."""

    code = "upstream_error"


class NotAsAnnounced(UpstreamError):
    """A download has another size or SHA256 than upstream announces."""


class UpstreamUnavailable(UpstreamError):
    """A vendor's endpoint did not answer, or answered with a passing fault."""

    code = "upstream_unavailable"
    outcome = Outcome.TRY_AGAIN


class SignatureRefused(RepomgrError):
    """A vendor's signature is missing, wrong, or made by a certificate that the definition does not allow."""

    code = "signature_refused"


class SigningKeyError(RepomgrError):
    """The repository's OpenPGP key can't be used."""

    code = "bad_signing_key"


class TableUnavailable(RepomgrError):
    """The package table did not answer after all retries."""

    code = "table_unavailable"
    outcome = Outcome.TRY_AGAIN


class TableMissing(RepomgrError):
    """The package table, or its index, is not there."""

    code = "table_missing"


class TableRefused(RepomgrError):
    """The package table does not take an item as it is: too large, or not valid for its server."""

    code = "table_refused"


class ServerUnfit(RepomgrError):
    """A server lacks or ignores what we rely on; `broken` says of each call or header what is wrong with it."""

    def __init__(self, server: str, broken: Sequence[str], *, remedy: str) -> None:
        super().__init__(f"The {server} does not keep what we rely on: {'; '.join(broken)}.", remedy=remedy)
        self.broken = tuple(broken)


class TableUnfit(ServerUnfit):
    """The package table's server must not be used: conditions, transactions or consistent reads lack."""

    code = "table_unfit"


class StoreUnavailable(RepomgrError):
    """The object store did not answer after all retries."""

    code = "store_unavailable"
    outcome = Outcome.TRY_AGAIN


class StoreMissing(RepomgrError):
    """The bucket or folder is not there, or may not be used."""

    code = "store_missing"


class StoreUnfit(ServerUnfit):
    """The object store's server must not be used: it ignores conditions of writes, or the like."""

    code = "store_unfit"


class ObjectNotFound(RepomgrError):
    """The object store has no object of that key."""

    code = "object_not_found"


class ObjectExists(RepomgrError):
    """A write with `if_none_match` met an object of that key."""

    code = "object_exists"


class ObjectChanged(RepomgrError):
    """A write with `if_match` met another object than the one that was seen."""

    code = "object_changed"
    outcome = Outcome.TRY_AGAIN


class ImmutableObjectConflict(RepomgrError):
    """An immutable key (pool, by-hash) holds other bytes than those to be written."""

    code = "immutable_object_conflict"


class LeaseBusy(RepomgrError):
    """Another publisher holds the suite's lease."""

    code = "lease_busy"
    outcome = Outcome.TRY_AGAIN


class LeaseLost(RepomgrError):
    """This publisher's lease ran out and another took it."""

    code = "lease_lost"
    outcome = Outcome.TRY_AGAIN


class CandidateRefused(RepomgrError):
    """A candidate publication failed its checks and was not published."""

    code = "candidate_refused"


class CandidateHeld(CandidateRefused):
    """A candidate publication is sound and suspicious: it waits for a person's word.

    `added` and `removed` are what clients would see, as `name version architecture`; `packages` how many there would
    be.
    """

    code = "candidate_held"

    def __init__(
        self,
        suite: str,
        findings: tuple[CandidateFinding, ...],
        *,
        added: tuple[str, ...],
        removed: tuple[str, ...],
        packages: int,
    ) -> None:
        super().__init__(
            f"The publication of suite {suite} is held back. {' '.join(finding.text for finding in findings)}",
            remedy=" ".join(
                [*(finding.remedy for finding in findings), "Or approve it in the admin, under Held back."]
            ),
        )
        self.suite, self.findings = suite, findings
        self.added, self.removed, self.packages = added, removed, packages


class NothingPublished(RepomgrError):
    """A suite has no Release in place after its first publication should have put one there."""

    code = "nothing_published"


class ClockWrong(RepomgrError):
    """This machine's clock is off: clients would refuse or ignore what it dates."""

    code = "clock_wrong"


class HeldByClock(ClockWrong, CandidateHeld):
    """A candidate publication that clients would ignore by its date: it waits for the clock, or a person's word."""


class EnvironmentRefused(RepomgrError):
    """An environment's Terraform state can't be read, or is not that of the settings."""

    code = "bad_environment"
    outcome = Outcome.REFUSED


class BackupRefused(RepomgrError):
    """A backup file is there already, is damaged, or belongs to another table."""

    code = "bad_backup"
    outcome = Outcome.REFUSED


class MigrationRefused(RepomgrError):
    """A table can't be migrated as it is, or has been migrated already."""

    code = "migration_refused"
    outcome = Outcome.REFUSED


class RepairRefused(RepomgrError):
    """A repair would do something else than what somebody consented to."""

    code = "repair_refused"
    outcome = Outcome.REFUSED


class RepositoryRefused(RepomgrError):
    """An existing repository can't be adopted: its signature, an index or a file is not what it should be."""

    code = "repository_refused"
    outcome = Outcome.REFUSED


class BuildFailed(RepomgrError):
    """A package could not be built from its templates."""

    code = "build_failed"


class ServiceUnavailable(RepomgrError):
    """The broker or the Django database did not answer."""

    code = "service_unavailable"
    outcome = Outcome.TRY_AGAIN


def outcome_of(code: str) -> Outcome:
    """Return what the errors of this code mean; failed for a code that no error class has, such as a crash's."""
    return next((error.outcome for error in _classes(RepomgrError) if error.code == code), Outcome.FAILED)


def _classes(base: type[RepomgrError]) -> list[type[RepomgrError]]:
    """Return a class of errors and all that are made from it, those of plug-ins too."""
    return [base, *(each for derived in base.__subclasses__() for each in _classes(derived))]
