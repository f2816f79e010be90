"""The switch between archives in the head of each page, where an installation has several."""

from __future__ import annotations

from django.http import HttpRequest

from packages_app.core.archive import DEFAULT, entered_slug
from packages_app.services.archives import slugs
from packages_app.services.rights.in_archive import archives_of


def archive_here() -> str:
    """Return the archive that a page is of, where there are several; else ""."""
    return entered_slug() if len(slugs()) > 1 else ""


def shown_archive(_request: HttpRequest) -> str:
    """Return what stands below the site's name: the archive that the page is of, where there are several."""
    return archive_here() or "APT repository"


def archive_links(request: HttpRequest) -> list[dict[str, str]]:
    """Return the archives that the user may see something of, each with the address of its admin."""
    if len(slugs()) == 1:
        return []
    return [
        {"title": slug, "icon": "deployed_code", "link": "/admin/" if slug == DEFAULT else f"/archives/{slug}/admin/"}
        for slug in archives_of(request.user)
    ]
