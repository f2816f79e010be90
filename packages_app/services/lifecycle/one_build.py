"""That a suite gets one build of a version only: seen before anything is moved. The table holds to it."""

from __future__ import annotations

from collections.abc import Sequence

from packages_app.core.batches import batches_of
from packages_app.core.builds import check_apart, check_one_build, taken_by_others
from packages_app.core.moving import NewSuites
from packages_app.core.record import PackageRecord
from packages_app.models import Package
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import Step

_BATCH = 500


def check_builds(steps: Sequence[Step]) -> None:
    """Raise `OtherBuild`, before anything is moved, where a version would come into a suite of another build of it."""
    coming = [(step.record, suites) for step in steps if (suites := set(step.suites) - set(step.record.suites))]
    several = _with_builds([record for record, _ in coming])
    for record, suites in coming:
        if record.package_id in several:
            changes = adapters.package_table().suite_changes_of(record.package_name, record.version)
            check_one_build(record, suites, taken_by_others(adapters.package_table(), record, changes))
    check_apart(NewSuites(step.record, step.suites) for step in steps)


def _with_builds(records: Sequence[PackageRecord]) -> set[str]:
    """Return which versions may have builds: those of records with one, and where the mirror knows of one."""
    found = {record.package_id for record in records if record.build}
    for some in batches_of(sorted({record.package_id for record in records} - found), _BATCH):
        found |= set(Package.objects.filter(package_id__in=some).exclude(build="").values_list("package_id", flat=True))
    return found
