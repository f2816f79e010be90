"""The switch between archives in the head of each page, where an installation has several."""

from __future__ import annotations

from django.http import HttpRequest

from packages_app.core.archive import DEFAULT, present_slug
from packages_app.services.archive_rights import archives_of
from packages_app.services.archives import slugs


def shown_archive(_request: HttpRequest) -> str:
    """Return what stands below the site's name: the archive that the page is of, where there are several."""
    return present_slug(slugs()) if len(slugs()) > 1 else "APT repository"


def archive_links(request: HttpRequest) -> list[dict[str, str]]:
    """Return the archives that the user may see something of, each with the address of its admin."""
    if len(slugs()) == 1:
        return []
    return [
        {"title": slug, "icon": "deployed_code", "link": "/admin/" if slug == DEFAULT else f"/archives/{slug}/admin/"}
        for slug in archives_of(request.user)
    ]
