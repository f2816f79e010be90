"""What stands at the foot of each page."""

from __future__ import annotations

from django.http import HttpRequest

from packages_app.admin.archive_switch import archive_here
from packages_app.core.product import product_version


def shown_version(_request: HttpRequest) -> dict[str, str]:
    """Give every page `product_version`, and the archive that it is of as `archive_here` (a context processor)."""
    return {"product_version": product_version(), "archive_here": archive_here()}
