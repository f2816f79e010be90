"""Builds of one version in several suites: a client that reads two of them gets either, whichever it meets first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations

from packages_app.core.record import PackageRecord
from packages_app.verification.finding import Cure, Finding


def build_findings(
    records: Iterable[PackageRecord], is_declared: Callable[[PackageRecord, str], bool]
) -> list[Finding]:
    """Return a finding for each two suites with other bytes of a version and architecture.

    `records` hold every build of what has several. `is_declared` says whether a definition gives a build to a suite:
    where it says so of both, nobody is meant to read the two.
    """
    places: dict[tuple[str, str], list[tuple[str, PackageRecord]]] = defaultdict(list)
    for record in records:
        places[record.package_id, record.architecture] += [(suite, record) for suite in record.suites]
    findings = []
    for those in places.values():
        for (suite, one), (other, another) in combinations(sorted(those, key=lambda each: each[0]), 2):
            if one.same_bytes_as(another) or (is_declared(one, suite) and is_declared(another, other)):
                continue
            where = f"{suite} and {other}: {one.package_name} {one.version} {one.architecture}"
            text = (
                f"They have it with other bytes, as {one.built_for} and {another.built_for}: a client that reads both"
                " gets either. Where none does, say in its definition which suites each build goes to (builds);"
                " else withdraw one."
            )
            findings.append(Finding("builds_meet", where, text, Cure.NONE))
    return findings
