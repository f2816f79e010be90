"""The configuration of a repository with a name of its own, made in the home: an upgrade of the program touches it not.

It is whole or it is not there: all files are written into a draft, read as every process reads them, and renamed.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from packages_app.core.archive import DEFAULT
from packages_app.core.configuration import Configuration
from packages_app.core.errors import BuildFailed, RepomgrError
from packages_app.core.home import (
    CONFIG,
    DATABASE_FILE,
    FOLDER_MODE,
    SETTINGS_FILE,
    SIGNING_KEY_FILE,
    TABLE_FILE,
    TEMPLATES,
)
from packages_app.core.identity import AddressRefused, Identity
from packages_app.core.outcome import Outcome
from packages_app.core.repository import definition_error
from packages_app.debian.bootstrap import SHIPPED_TEMPLATES, source_template
from packages_app.services.archives import present_archive
from packages_app.sources.registry import settings_readers

_REPOSITORY = """\
# The repository as its clients know it. Origin, label, suite and codename are its identity: clients that upgrade
# unattended match on them, so think before you change one.
origin: {origin}
label: {name}
description: {description}
# The public key's file name: /usr/share/keyrings/<keyring>.gpg on clients, <keyring>.gpg in the bucket's root.
keyring: {keyring}
suites:
  # The first suite is the one that packages go to when nothing else is said.
"""
_SUITE = """\
  - name: {suite}
    codename: {codename}
    version: "1.0"
    description: {description}
    components: [main]
    architectures: {architectures}
    # Days from Date to Valid-Until; the signature is renewed at half of it.
    valid_days: 14
    # With more packages than this, clients fetch patches of an index, and not the whole of it.
    pdiff_above: 5000
"""
_DEFINITION = """\
# This package sets clients up: after each publication its newest version lies at this name in the bucket's root.
name: {bootstrap}
description: {description}
maintainer: {maintainer}
homepage: {homepage}
section: admin
priority: optional
architecture: all
bootstrap:
  copy: {bootstrap}.deb
source:
  type: build_script
  staging_prefix: {bootstrap}
  # Of templates/ beside packages/.
  templates: {bootstrap}
"""
_TERRAFORM = """\
# For deploy/terraform: terraform apply -var environment=… -var-file=THIS
name      = "{slug}-apt"
keyring   = "{keyring}"
bootstrap = "{bootstrap}"
"""


class HomeConfigured(RepomgrError):
    """The home has a configuration, or an installation whose clients know it by another name."""

    code = "home_configured"
    outcome = Outcome.REFUSED


def make_own_configuration(chosen: Identity, *, once: bool = False) -> tuple[Path, bool]:
    """Make the home's configuration for an identity; return its folder, and whether it was made now.

    With `once` one of this very name that is there already is let be. The address goes into the settings file.
    Raise `HomeConfigured`, and `AddressRefused` where the settings name another address; nothing changes then.
    """
    target: Path = present_archive().own_config_dir
    if once and target.is_dir() and target == present_archive().config_dir:
        present = Configuration(target, settings_readers()).repository().label
        if present == chosen.name:
            return target, False
        raise _configured(f"The home {present_archive().home} is that of {present}, not of {chosen.name}.")
    _check_home(target)
    with _drafted(present_archive().home) as draft:
        _write(draft / CONFIG, chosen)
        with _settings_file(chosen.url):
            try:
                os.rename(draft / CONFIG, target)
            except OSError as error:
                if not target.exists():
                    raise
                raise _configured(f"The home has a configuration by now: {target}.") from error
    return target, True


def _check_home(target: Path) -> None:
    if present_archive().config_dir not in (target, settings.SHIPPED_CONFIG_DIR):
        raise _configured(f"REPOMGR_CONFIG is {present_archive().config_dir}, so nobody would read {target}.")
    if target.exists():
        raise _configured(f"The home has a configuration: {target}.")
    home = present_archive().home
    installed = [name for name in (SIGNING_KEY_FILE, TABLE_FILE, DATABASE_FILE) if (home / name).exists()]
    if installed:
        raise _configured(f"The home {home} has an installation with another name: its {installed[0]}.")


def _configured(said: str) -> HomeConfigured:
    return HomeConfigured(
        said,
        remedy="Give REPOMGR_HOME a folder of its own for the new repository, or change the files that are there:"
        " clients hold on to a name, so a publication under another one waits for a person.",
    )


@contextmanager
def _drafted(home: Path) -> Iterator[Path]:
    """Make a folder in the home for the block; a home that was made for it goes with it, unless something stays."""
    made = not home.exists()
    home.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    draft = home / f"{CONFIG}.{secrets.token_hex(4)}"
    try:
        draft.mkdir(mode=FOLDER_MODE)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if made:
            with suppress(OSError):
                home.rmdir()


def _write(folder: Path, chosen: Identity) -> None:
    """Write all files into a folder, and read them as processes will; raise `DefinitionError` for what they refuse."""
    for path, text in _files(chosen):
        file = folder / path
        file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    problems = Configuration(folder, settings_readers()).definitions().problems
    if problems:
        raise definition_error(list(problems))


def _files(chosen: Identity) -> Iterator[tuple[str, str]]:
    values = {
        "name": _quoted(chosen.name),
        "origin": _quoted(chosen.origin),
        "keyring": chosen.keyring,
        "bootstrap": chosen.bootstrap,
        "maintainer": _quoted(chosen.maintainer),
        "homepage": _quoted(chosen.url or present_archive().public_url),
        "architectures": _quoted(list(chosen.architectures)),
    }
    text = _REPOSITORY.format(**values, description=_quoted(f"Packages of {chosen.name}"))
    for number, suite in enumerate(chosen.suites):
        said = {"suite": suite, "codename": suite if number else chosen.codename}
        about = _quoted(f"Packages of {chosen.name}, {suite}")
        text += _SUITE.format(**values, **{name: _quoted(value) for name, value in said.items()}, description=about)
    yield "repository.yaml", text
    about = _quoted(f"APT source and signing key of the {chosen.name} repository")
    yield f"packages/{chosen.bootstrap}.yaml", _DEFINITION.format(**values, description=about)
    yield "terraform.tfvars", _TERRAFORM.format(**values, slug=chosen.slug)
    shipped: Path = settings.TEMPLATES_DIR / SHIPPED_TEMPLATES
    if not shipped.is_dir():
        raise BuildFailed(f"The templates {shipped} are missing.", remedy="Restore them from the release.")
    for template in sorted(shipped.iterdir()):
        name = f"{chosen.slug}.sources" if template == source_template(shipped) else template.name
        yield f"{TEMPLATES}/{chosen.bootstrap}/{name}", template.read_text(encoding="utf-8")


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # which YAML reads alike: what is not printable was refused


@contextmanager
def _settings_file(url: str) -> Iterator[None]:
    """Have the settings file name the address once the block has ended well; raise `AddressRefused` before it."""
    if not url or url == present_archive().public_url:
        yield
        return
    if present_archive().public_url_given or present_archive().slug != DEFAULT:
        raise AddressRefused(
            f"PUBLIC_URL is {present_archive().public_url}, not {url}.",
            remedy="Leave --url out, or change the setting (of another archive than default in ARCHIVES).",
        )
    file: Path = settings.SETTINGS_FILE or settings.HOME / SETTINGS_FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text("".join(f"{line}\n" for line in (*lines, f"PUBLIC_URL={url}")), encoding="utf-8")
        if file.exists():
            shutil.copymode(file, draft)
        yield
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
