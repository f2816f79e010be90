"""A conflict settled as two builds: the offered file comes in beside the known one, into suites of its own."""

from __future__ import annotations

from collections.abc import Sequence

from packages_app.core.builds import check_build, check_one_build, taken_by_others
from packages_app.core.errors import PackageRefused
from packages_app.core.record import PackageRecord
from packages_app.core.rights import Action
from packages_app.models import Conflict, Job
from packages_app.services import adapters
from packages_app.services.intake.admit import defined
from packages_app.services.jobs import queue
from packages_app.services.publication.requests import known_suites
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require

_OF_NONE = "?"
"""No build is labelled so: each is another one."""


def suites_free_for(conflict: Conflict) -> list[str]:
    """Return the suites that the offered file may come into: no build of its version is or was there."""
    taken = _taken(_offered(conflict, _OF_NONE), conflict)
    return [suite.name for suite in adapters.repository().suites if suite.name not in taken]


def request_two_builds(conflict: Conflict, build: str, suites: Sequence[str], user: Asker | None) -> Job:
    """Ask for the intake of a conflict's file as another build, into these suites; return the job, which settles it.

    Raise `RightMissing`; `PackageRefused` for a label that is none, no suite or an unknown one, a file that is not
    kept, and a package without a definition; `OtherBuild` for a suite that has or had another build.
    """
    check_build(build)
    names = known_suites(suites) if suites else []
    require(user, Action.PUBLISH, "To settle a conflict as two builds", packages=[conflict.package_name],
            suites=names or [""])  # fmt: skip
    if not names:
        raise PackageRefused("No suite is named.", remedy="Name those whose clients get the offered build.")
    if not conflict.quarantined or adapters.staging().head(conflict.quarantined) is None:
        raise PackageRefused(
            f"The file that was offered of {conflict} is not kept here.",
            remedy="Say in its definition which files are which build (builds), and check upstream, or upload it.",
        )
    defined(conflict.package_name)
    offered = _offered(conflict, build)
    check_one_build(offered, names, _taken(offered, conflict))
    arguments = {
        "staged": conflict.quarantined, "suite": "", "suites": names, "component": "", "build": build, "rollout": [],
        "key": [offered.package_name, offered.version, offered.built_for],
        "sha256": conflict.offered_sha256, "definition": conflict.package_name,
    }  # fmt: skip
    return queue.enqueue(Job.Kind.UPLOAD, arguments, subject=f"as another build: {offered.named}"[:255], user=user)


def _offered(conflict: Conflict, build: str) -> PackageRecord:
    return PackageRecord(conflict.package_name, conflict.version, conflict.architecture, build=build)


def _taken(offered: PackageRecord, conflict: Conflict) -> dict[str, str]:
    table = adapters.package_table()
    return taken_by_others(table, offered, table.suite_changes_of(conflict.package_name, conflict.version))
