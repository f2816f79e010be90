"""What stands in the bucket's root, as it is to be now: convenience copies, keyring, instructions page.

See docs/REQUIREMENTS.md R2, R16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from packages_app.core.definition import Definition, Definitions
from packages_app.core.errors import ObjectNotFound
from packages_app.core.ports import Progress
from packages_app.core.repository import Repository
from packages_app.indexes.entry import IndexEntry
from packages_app.publishing.contents import Contents
from packages_app.publishing.root import renew_convenience_copy, renew_root_files
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.publication.instructions import instructions_page

_LISTED_WHOLE = 200
"""A suite of so many packages is listed whole on the instructions page."""

log = structlog.get_logger(__name__)


def renew_root(
    repository: Repository,
    contents: Contents,
    progress: Progress,
    keep_lease: Callable[[], None],
    *,
    again: bool,
) -> None:
    """Renew convenience copies, keyring and instructions page for what the default suite shows.

    `keep_lease` is called before each; it raises when the publisher's lease is lost.
    """
    definitions, keyring = adapters.definitions(), adapters.signer().public_keyring()
    progress.step("convenience copy")
    for definition in definitions.bootstrap_packages():
        keep_lease()
        _renew_copy(definition, contents, progress, again=again)
    progress.step("instructions page")
    keep_lease()
    page = root_page(repository, definitions, contents)
    for key in renew_root_files(adapters.bucket(), repository, keyring, page):
        progress.note(f"renewed {key}")


def _renew_copy(definition: Definition, contents: Contents, progress: Progress, *, again: bool) -> None:
    try:
        copy = renew_convenience_copy(adapters.bucket(), definition, contents, again=again)
    except ObjectNotFound as error:
        # The publication stands; the missing file is named there too, and repair brings both back.
        progress.note(f"no convenience copy of {definition.name}: {error}", level="error")
        return
    if copy is None:
        progress.note(f"no version of {definition.name} to copy")
    elif copy.changed:
        progress.note(f"{copy.key} is now {copy.package} {copy.new_version} (before: {copy.old_version or 'none'})")
        log.info(
            "convenience_copy_renewed",
            key=copy.key,
            package=copy.package,
            old_version=copy.old_version,
            new_version=copy.new_version,
        )


def root_page(repository: Repository, definitions: Definitions, contents: Contents) -> bytes:
    """Return `index.html` for what the default suite shows: all of a small one, of others what has a definition."""
    more = contents.packages > _LISTED_WHOLE
    if more:
        names = sorted(definitions.by_package)
        packages = [entry for name in names if (entry := contents.newest_of(name)) is not None]
    else:
        packages = contents.newest_of_each()
    return instructions_page(
        repository,
        present_archive().public_url,
        [each for each in definitions.bootstrap_packages() if contents.newest_of(each.name) is not None],
        packages,
        more=more,
        example=example_package(definitions, contents, packages),
        fingerprint=adapters.signer().fingerprint,
    )


def example_package(definitions: Definitions, contents: Contents, packages: Sequence[IndexEntry]) -> str:
    """Return the package that instructions install: one that is there and no bootstrap package; "" when there is none.

    One that has a definition is taken before others; `packages` are those that the page lists.
    """
    defined = definitions.by_package
    ordinary = [name for name, definition in defined.items() if definition.bootstrap is None]
    others = [entry.package_name for entry in packages if entry.package_name not in defined]
    return next((name for name in ordinary if contents.newest_of(name) is not None), next(iter(others), ""))
