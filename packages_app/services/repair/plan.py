"""A repair planned: the exact actions that heal what a verification found, shown before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256

from packages_app.core.errors import RepomgrError
from packages_app.core.layout import INDEX_PAGE
from packages_app.core.ports import Progress
from packages_app.core.record import TableKey
from packages_app.core.repository import Suite
from packages_app.indexes.packages import plan_of
from packages_app.services import adapters
from packages_app.services.repair.repair import RepairSource, SourceKind, repair_sources
from packages_app.verification.finding import Cure, Finding, Verification

_DIGEST_DIGITS = 16


class Act(StrEnum):
    """What is done to an object. The order is that in which a repair does them."""

    RESTORE = "restore"
    DROP = "drop"
    PUBLISH = "publish"
    SET_ASIDE = "set aside"
    RECONCILE = "reconcile"


@dataclass(frozen=True)
class Action:
    """One step of a repair. `suite` is whose lease it needs; `source`, `sha256` and `record` say which bytes are put.

    `record` is the key of the record whose bytes they are, and `replaces` says that wrong ones stand there now. `text`
    is the sentence that people consent to.
    """

    act: Act
    key: str
    text: str
    suite: str = ""
    source: RepairSource | None = None
    sha256: str = ""
    replaces: bool = False
    record: TableKey | None = None

    @property
    def digest(self) -> str:
        """What names this action, with all that it does."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:_DIGEST_DIGITS]


@dataclass(frozen=True)
class RepairPlan:
    """What a repair does, in its order, and the findings that it can't heal, each with the reason."""

    verification: Verification
    actions: tuple[Action, ...]
    hopeless: tuple[tuple[Finding, str], ...]

    @property
    def digest(self) -> str:
        """What names the plan; "" when there is nothing to do."""
        if not self.actions:
            return ""
        return sha256(" ".join(sorted(action.digest for action in self.actions)).encode()).hexdigest()

    def lines(self) -> list[str]:
        """Return the plan as people read it."""
        return [action.text for action in self.actions] + [
            f"not repaired: {finding.code} {finding.where}: {why}" for finding, why in self.hopeless
        ]


def plan_repair(verification: Verification, progress: Progress) -> RepairPlan:
    """Plan a repair of all that can be healed; changes nothing."""
    progress.step("plan the repair")
    by_cure: dict[Cure, list[Finding]] = {cure: [] for cure in Cure}
    for finding in verification.findings:
        by_cure[finding.repair].append(finding)
    restored, hopeless = _restoring(by_cure[Cure.RESTORE])
    hopeless = [(finding, finding.text) for finding in by_cure[Cure.NONE]] + hopeless
    drops = [
        Action(Act.DROP, finding.where, f"delete {finding.where}: its bytes are not what its name says", finding.suite)
        for finding in by_cure[Cure.DROP]
    ]
    to_publish = {finding.suite for cure in (Cure.PUBLISH, Cure.DROP) for finding in by_cure[cure]}
    published = [_publication(suite) for suite in adapters.repository().suites if suite.name in to_publish]
    moved = [_setting_aside(finding) for finding in by_cure[Cure.SET_ASIDE]]
    actions = [*restored, *drops, *published, *moved, *_reconciling(by_cure[Cure.RECONCILE])]
    return RepairPlan(verification, tuple(actions), tuple(hopeless))


def _restoring(findings: Iterable[Finding]) -> tuple[list[Action], list[tuple[Finding, str]]]:
    listed = list(findings)
    if not listed:
        return [], []
    records = adapters.package_table().get_many({finding.record for finding in listed if finding.record is not None})
    repair_source_of = repair_sources()
    actions, hopeless = [], []
    for finding in listed:
        record = records.get(finding.record) if finding.record is not None else None
        try:
            if record is None or record.pool_path != finding.where:
                raise RepomgrError(f"No record names {finding.where} any more.", remedy="Verify again.")
            source = repair_source_of(record)
        except RepomgrError as error:
            hopeless.append((finding, str(error)))
            continue
        verb = "fetch" if source.place is SourceKind.VENDOR else "copy"
        text = f"{verb} {source} to {finding.where}: {record.file_size} bytes, SHA256 {record.sha256_hash}"
        replaces = finding.code == "pool_differs"
        if replaces:
            text += "; the wrong bytes there are put into staging below quarantine/ first"
        actions.append(
            Action(
                Act.RESTORE, finding.where, text, source=source, sha256=record.sha256_hash, replaces=replaces,
                record=record.key,
            )
        )  # fmt: skip
    return actions, hopeless


def _publication(suite: Suite) -> Action:
    forms = ", ".join(sorted({name.rpartition("/")[2] for name in plan_of(suite).stored}))
    folders = plan_of(suite).folders
    texts = [f"publish suite {suite.name} again from the table: put {forms} of {', '.join(folders)}",
             "by hash and by name, Release.gpg, Release, InRelease"]  # fmt: skip
    if suite == adapters.repository().default_suite:
        copies = [d.bootstrap.copy for d in adapters.definitions().bootstrap_packages() if d.bootstrap]
        texts.append(", ".join(["in the root", *copies, adapters.repository().keyring_key, INDEX_PAGE]))
    return Action(Act.PUBLISH, f"dists/{suite.name}", "; ".join(texts), suite.name)


def _setting_aside(finding: Finding) -> Action:
    text = f"copy {finding.where} to staging below swept/, then delete it"
    return Action(Act.SET_ASIDE, finding.where, text, finding.suite)


def _reconciling(findings: list[Finding]) -> list[Action]:
    if not findings:
        return []
    rows = ", ".join(sorted(finding.where.removeprefix("mirror: ") for finding in findings))
    return [Action(Act.RECONCILE, "mirror", f"write {len(findings)} rows of the mirror from the table: {rows}")]
