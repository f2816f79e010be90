"""Building a bootstrap package (`kiro-repo`) from its templates, and taking it in like any other package.

See docs/REQUIREMENTS.md R5.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from packages_app.core.checksums import Checksums, checksums_of_file
from packages_app.core.conflict import conflict_between, version_conflict
from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused
from packages_app.core.layout import ALL
from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.core.version import parse_version
from packages_app.debian.bootstrap import build_bootstrap_deb
from packages_app.debian.deb_file import OpenedDeb, open_deb
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.intake.admit import admission_of, admit
from packages_app.services.intake.bootstrap_values import bootstrap_values, templates_of
from packages_app.services.intake.new_record import Provenance
from packages_app.services.intake.take_in import Refused, StagedFile, take_in
from packages_app.services.rights.rule import require_of_job
from packages_app.sources.build_script import BuildScriptSettings

FIRST_VERSION = "1.0.0"
PARTS = ("major", "minor", "patch")
_THREE_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)\Z", re.ASCII)
# The same input gives the same bytes, so files in the package carry a fixed date, not that of the build.
_FILE_DATE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Built:
    """A package that was built and checked, and not taken in yet."""

    definition: Definition
    path: Path
    checksums: Checksums
    contents: OpenedDeb


def bootstrap_definition(name: str) -> Definition:
    """Return the definition of a bootstrap package that is built from templates; raise `PackageRefused`."""
    definition = adapters.definitions().by_name.get(name)
    if definition is None or definition.bootstrap is None or templates_of(definition) is None:
        raise _not_built_here(name)
    return definition


def _not_built_here(name: str) -> PackageRefused:
    return PackageRefused(
        f"{name} is not a bootstrap package that is built here.",
        remedy="Its definition needs `bootstrap` and a source of type build_script with `templates`.",
    )


def build_package(definition: Definition, version: str, folder: Path, *, repository_url: str) -> Path:
    """Build the `.deb` of a version into a folder; return its path. Raise `BuildFailed`, `InvalidVersion`."""
    parse_version(version)
    templates = templates_of(definition)
    if templates is None:
        raise _not_built_here(definition.name)
    values = bootstrap_values(definition, version, repository_url=repository_url)
    keyring = adapters.signer().public_keyring()
    return build_bootstrap_deb(templates, values, keyring, folder, source_date_epoch=_FILE_DATE)


def next_version(name: str, part: str) -> str:
    """Return the version after the newest one in the table; `part` is major, minor or patch.

    The first version of all is `FIRST_VERSION`. Raise `PackageRefused` when the newest is not of the form 1.2.3.
    """
    newest = adapters.package_table().newest_of(name)
    if newest is None:
        return FIRST_VERSION
    found = _THREE_NUMBERS.match(newest.version)
    if found is None:
        raise PackageRefused(
            f"The newest {name} is {newest.version}, which is not of the form 1.2.3.", remedy="Say --version X.Y.Z."
        )
    numbers = [int(number) for number in found.groups()]
    place = PARTS.index(part)
    return ".".join(str(n) for n in [*numbers[:place], numbers[place] + 1, 0, 0][: len(numbers)])


def the_bootstrap_package() -> str:
    """Return the name of the one bootstrap package that is built from templates; raise `PackageRefused`."""
    names = [d.name for d in adapters.definitions().bootstrap_packages() if templates_of(d)]
    if len(names) != 1:
        raise PackageRefused(
            f"{len(names)} bootstrap packages are built from templates: {', '.join(names) or 'none'}.",
            remedy="Name the one to build: --package NAME.",
        )
    return names[0]


def build_into(name: str, version: str, folder: Path, repository_url: str, progress: Progress) -> Built:
    """Build a version into a folder and check it; nothing else changes.

    Raise `PackageRefused`, `InvalidVersion`, `BuildFailed`, `InvalidDeb`, and `VersionConflict` when the table has
    this version with other bytes.
    """
    definition = bootstrap_definition(name)
    progress.step("build", f"{name} {version} for {repository_url}")
    path = build_package(definition, version, folder, repository_url=repository_url)
    progress.step("check")
    contents = open_deb(path)
    admit(contents, admission_of(definition), path.name)
    progress.step("checksums")
    checksums = checksums_of_file(path)
    for kind, value in (("MD5", checksums.md5), ("SHA1", checksums.sha1), ("SHA256", checksums.sha256)):
        progress.note(f"{kind} {value}")
    return Built(definition, path, checksums, contents)


def check_not_taken(built: Built) -> bool:
    """Return whether the table has these very bytes already; raise `VersionConflict` when it has others."""
    known = adapters.package_table().get(built.definition.name, built.contents.control["Version"], ALL)
    if known is None:
        return False
    there, offered = known.file_identity, built.checksums.file_identity
    if conflict_between(there, offered):
        raise version_conflict(known.named, there, offered, remedy="Build the next version: --increment patch.")
    return True


def do_build(job: Job, progress: Progress) -> dict[str, Any]:
    """Build what a job names, as `build_and_take_in`; raise `RightMissing` when who asked may publish no more."""
    # A right may have been taken between the request and now; jobs of earlier releases needed a smaller one.
    require_of_job(job, Action.BOOTSTRAP, "A build", packages=[job.arguments["name"]])
    address = job.arguments.get("repository_url", "")
    name, version = job.arguments["name"], job.arguments["version"]
    return build_and_take_in(name, version, progress, repository_url=address, who=job.asker)


def build_and_take_in(
    name: str, version: str, progress: Progress, *, repository_url: str = "", who: str = "intake"
) -> dict[str, Any]:
    """Build a version and take it in, as asked for by `who`; a publication is asked for.

    Return the record's key and whether it is new.
    """
    with tempfile.TemporaryDirectory(prefix="repomgr-build-") as folder:
        built = build_into(name, version, Path(folder), repository_url or present_archive().public_url, progress)
        staged = f"{_settings(built.definition).prefix_for(built.definition.name)}/{uuid4().hex}/{built.path.name}"
        progress.step("upload to staging", staged)
        adapters.staging().put(staged, built.path)
        try:
            file = StagedFile(built.path.name, built.path, built.checksums, Provenance(who=who, way="build"))
            [taken] = take_in([file], admission_of(built.definition), progress)
            if isinstance(taken, Refused):
                raise taken.error
        finally:
            adapters.staging().delete(staged)
    return {"package": taken.record.package_name, "version": taken.record.version, "new": taken.added}


def _settings(definition: Definition) -> BuildScriptSettings:
    if isinstance(definition.source_settings, BuildScriptSettings):
        return definition.source_settings
    return BuildScriptSettings()
