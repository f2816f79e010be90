"""The front page's values."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from packages_app.admin.window import PUBLISH, UPLOAD
from packages_app.services.front_page import front_page


def fill_front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the front page shows, and which buttons this user has."""
    may = {"publish": request.user.has_perm(PUBLISH), "upload": request.user.has_perm(UPLOAD)}
    return {**context, "title": "Overview", "page": front_page(), "may": may}
