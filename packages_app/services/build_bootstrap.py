"""Building a bootstrap package (`kiro-repo`) from its templates, and taking it in like any other package (R5)."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from packages_app.core.checksums import checksums_of_file
from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused
from packages_app.core.layout import ALL
from packages_app.core.ports import Progress, Written
from packages_app.core.version import parse_version
from packages_app.debian.bootstrap import BootstrapValues, build_bootstrap_deb
from packages_app.services import adapters
from packages_app.services.intake import Origin, place_of, take_in
from packages_app.sources.build_script import BuildScriptSettings

FIRST_VERSION = "1.0.0"
# The same input gives the same bytes, so files in the package carry a fixed date, not that of the build.
_FILE_DATE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def bootstrap_definition(name: str) -> Definition:
    """Give the definition of a bootstrap package that is built from templates; raises `PackageRefused`."""
    definition = adapters.definitions().by_name.get(name)
    if definition is None or definition.bootstrap is None or not _settings(definition).templates:
        raise PackageRefused(
            f"{name} is not a bootstrap package that is built here.",
            remedy="Its definition needs `bootstrap` and a source of type build_script with `templates`.",
        )
    return definition


def build_package(definition: Definition, version: str, folder: Path, *, repository_url: str) -> Path:
    """Build the `.deb` of a version into a folder; gives its path. Raises `BuildFailed`, `InvalidVersion`."""
    parse_version(version)
    repository = adapters.repository()
    suite = repository.suite(definition.suites[0]) or repository.default_suite
    values = BootstrapValues(
        name=definition.name,
        version=version,
        architecture=ALL,
        maintainer=definition.maintainer,
        section=definition.section,
        priority=definition.priority,
        homepage=definition.homepage,
        description=definition.description,
        repository_url=repository_url,
        suite=suite.name,
        components=" ".join(suite.components),
        keyring=repository.keyring,
    )
    templates = settings.TEMPLATES_DIR / _settings(definition).templates
    keyring = adapters.signer().public_keyring()
    return build_bootstrap_deb(templates, values, keyring, folder, source_date_epoch=_FILE_DATE)


def build_and_take_in(name: str, version: str, progress: Progress) -> dict[str, Any]:
    """Build a version and take it in; a publication is asked for. Gives the record's key and whether it is new."""
    definition = bootstrap_definition(name)
    with tempfile.TemporaryDirectory(prefix="repomgr-build-") as folder:
        progress.step("build", f"{name} {version}")
        path = build_package(definition, version, Path(folder), repository_url=settings.PUBLIC_URL)
        progress.step("checksums")
        checksums = checksums_of_file(path)
        place = place_of(definition, adapters.repository())
        record, written = take_in(path, checksums, definition, place, Origin(), progress)
    return {"package": record.package_name, "version": record.version, "new": written is Written.ADDED}


def _settings(definition: Definition) -> BuildScriptSettings:
    if isinstance(definition.source_settings, BuildScriptSettings):
        return definition.source_settings
    return BuildScriptSettings()
