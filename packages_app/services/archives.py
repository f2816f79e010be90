"""The archives of this installation, and the one that work is done in (`core/archive.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from django.conf import settings
from django.urls import reverse

from packages_app.core import archive
from packages_app.core.archive import Archive

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


def slugs() -> tuple[str, ...]:
    """Return the slugs of all archives, as they stand in ARCHIVES; `default` alone where that names none."""
    return tuple(settings.ARCHIVES)


def present_archive() -> Archive:
    """Return the archive that was entered, or the only one; raise `ArchiveNotNamed` where there are several.

    This is the one place where settings that an archive has of its own are read.
    """
    slug = archive.present_slug(settings.ARCHIVES)
    given: Archive | None = settings.ARCHIVES[slug]
    return given if given is not None else _of_settings(slug)


@contextmanager
def entered(slug: str) -> Iterator[None]:
    """Let the block be in an archive, "" for the one meant by who names none; raise as `slug_meant`."""
    with archive.within(archive.slug_meant(slug, settings.ARCHIVES)):
        yield


def in_each(work: Callable[[], Result]) -> list[Result]:
    """Do the same work in one archive after another; return what each returned.

    What one raises keeps no other from its work: the first error is raised when all have had their turn.
    """
    done: list[Result] = []
    failed: Exception | None = None
    for slug in slugs():
        with entered(slug):
            try:
                done.append(work())
            except Exception as error:
                if len(slugs()) > 1:  # whoever is raised one of them can't tell of which archive it is
                    log.error("archive_gave_up", error=f"{type(error).__name__}: {error}")
                failed = failed or error
    if failed is not None:
        raise failed
    return done


def admin_page(name: str, *arguments: object) -> str:
    """Return the whole address of a page of the admin, by its name; "" where nobody has set ADMIN_URL."""
    address = present_archive().admin_url
    if not address:
        return ""
    return f"{address}/{reverse(f'admin:{name}', args=arguments).removeprefix(reverse('admin:index'))}"


def _of_settings(slug: str) -> Archive:
    return Archive(
        slug=slug,
        home=settings.HOME,
        config_dir=settings.CONFIG_DIR,
        own_config_dir=settings.OWN_CONFIG_DIR,
        table=settings.PACKAGE_TABLE,
        bucket=settings.BUCKET,
        staging=settings.STAGING,
        embedded=settings.EMBEDDED_BUCKET,
        public_url=settings.PUBLIC_URL,
        public_url_given=settings.PUBLIC_URL_GIVEN,
        signing_key=settings.SIGNING_KEY,
        signing_certificate=settings.SIGNING_CERTIFICATE,
        signing_key_file=settings.SIGNING_KEY_FILE,
        admin_url=settings.ADMIN_URL,
        staging_upload_url=settings.STAGING_UPLOAD_URL,
    )
