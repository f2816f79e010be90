"""What the templates of a bootstrap package are filled with: its definition, and the repository as it is now."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from packages_app.core.definition import Bootstrap, Definition
from packages_app.core.errors import BuildFailed, PackageRefused
from packages_app.core.home import TEMPLATES
from packages_app.core.layout import ALL
from packages_app.core.redaction import redact
from packages_app.core.repository import Repository, Suite
from packages_app.core.web_address import is_plain_address
from packages_app.debian.bootstrap import BootstrapValues, check_templates
from packages_app.publishing.root import origins_pattern
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.sources.build_script import BuildScriptSettings

_ANY_VERSION = "1.0.0"


def templates_of(definition: Definition) -> Path | None:
    """Return the folder of a definition's templates, or None when it is not built here.

    It is that of the configuration where there is one, else ours.
    """
    source = definition.source_settings
    named = source.templates if isinstance(source, BuildScriptSettings) else ""
    if not named:
        return None
    own: Path = present_archive().config_dir / TEMPLATES / named
    return own if own.is_dir() else settings.TEMPLATES_DIR / named


def bootstrap_values(definition: Definition, version: str, *, repository_url: str) -> BootstrapValues:
    """Return the values for a version of a definition's package.

    Raise `PackageRefused` for an address that is none, `BuildFailed` where unattended upgrades are asked for and no
    line of apt.conf names the repository alone.
    """
    if not is_plain_address(repository_url):
        raise PackageRefused(
            f"{redact(repository_url)[:200]!r} is no address of a repository.",
            remedy="Write it like https://apt.example.org, without blanks, quotes, user name and password.",
        )
    repository = adapters.repository()
    suite = repository.suite(definition.suites[0]) or repository.default_suite
    bootstrap = definition.bootstrap or Bootstrap("")
    return BootstrapValues(
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
        replaces=bootstrap.replaces,
        apt_conf=_apt_conf(repository, suite) if bootstrap.unattended_upgrades else "",
        drops_apt_conf=bootstrap.unattended_upgrades is False,
    )


def _apt_conf(repository: Repository, suite: Suite) -> str:
    line = origins_pattern(repository, suite)
    if not line:
        raise BuildFailed(
            f"No Origins-Pattern means {repository.origin}, {repository.label}, {suite.codename}, and nothing else.",
            remedy="Leave bootstrap.unattended_upgrades out, or take *, ? and [ out of origin, label and codename.",
        )
    return line


def check_templates_of(definition: Definition) -> None:
    """Fill a definition's templates as a build would, if it has some; raise `BuildFailed`, or `InvalidDeb`."""
    templates = templates_of(definition)
    if templates is not None:
        address = present_archive().public_url
        check_templates(templates, bootstrap_values(definition, _ANY_VERSION, repository_url=address))
