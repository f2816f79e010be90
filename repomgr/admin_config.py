"""The admin as an application. Its pages are imported with the addresses: commands and workers go without them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(SimpleAdminConfig):
    """Django's admin on the theme's site."""

    default_site = "repomgr.admin_site.Site"

    def ready(self) -> None:
        """Have the admin checked where all is checked."""
        checks.register(check_pages, checks.Tags.admin)


def check_pages(**asked: Any) -> list[checks.CheckMessage]:
    """Check the admin and its pages, which nobody may have imported yet; return Django's findings."""
    admin.autodiscover()
    return [*check_dependencies(**asked), *check_admin_app(**asked)]
