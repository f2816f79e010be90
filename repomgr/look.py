"""What the admin looks like: its title, style sheets and scripts, and what its sidebar leads to."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse, reverse_lazy


def _section(title: str, items: tuple[tuple[str, str, str, str], ...]) -> dict[str, object]:
    """Return a section of the admin's sidebar from (title, icon, page, permission or "")."""
    pages = tuple(page for _, _, page, _ in items)
    return {
        "title": title,
        "separator": True,
        "items": [
            {
                "title": name,
                "icon": icon,
                "link": reverse_lazy(page),
                "active": partial(_is_shown, pages, page),
                "permission": lambda request, right=right: not right or request.user.has_perm(right),
            }
            for name, icon, page, right in items
        ],
    }


def _is_shown(pages: tuple[str, ...], page: str, request: HttpRequest) -> bool:
    """Return whether a page, or one below it, is shown: of several of the section the one that is nearest."""
    index = reverse("admin:index")
    links = {reverse(one): one for one in pages}
    nearest = max((link for link in links if request.path.startswith(link)), key=len, default="")
    return links.get(nearest) == page and (nearest != index or request.path == index)


_SIDEBAR = [
    _section("Repository", (
        ("Overview", "home", "admin:index", ""),
        ("Packages", "inventory_2", "admin:packages_app_package_changelist", "packages_app.view_package"),
        ("Publications", "publish", "admin:packages_app_publication_changelist", "packages_app.view_publication"),
        ("Keys", "key", "admin:packages_app_publication_keys", "packages_app.view_publication"),
        ("Held back", "front_hand", "admin:packages_app_heldcandidate_changelist",
         "packages_app.view_heldcandidate"),
        ("Cleared cautions", "verified_user", "admin:packages_app_clearedcaution_changelist",
         "packages_app.view_clearedcaution"),
        ("Definitions", "description", "admin:packages_app_definitionstatus_changelist",
         "packages_app.view_definitionstatus"),
        ("Repository", "dns", "admin:packages_app_definitionstatus_repository", "packages_app.publish_suite"),
        ("Conflicts", "warning", "admin:packages_app_conflict_changelist", "packages_app.view_conflict"),
        ("Notices", "notifications", "admin:packages_app_notice_changelist", "packages_app.view_notice"),
        ("Webhooks", "webhook", "admin:packages_app_webhook_changelist", "packages_app.change_webhook"),
    )),
    _section("Work", (
        ("Jobs", "work_history", "admin:packages_app_job_changelist", "packages_app.view_job"),
        ("Schedules", "schedule", "admin:django_celery_beat_periodictask_changelist",
         "django_celery_beat.view_periodictask"),
    )),
    _section("Access", (
        ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
        ("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
        ("Rights", "shield_person", "admin:packages_app_accessgrant_changelist", "packages_app.view_accessgrant"),
        ("Tokens", "token", "admin:packages_app_accesstoken_changelist", ""),
        ("Uploaders' keys", "signature", "admin:packages_app_uploaderkey_changelist", ""),
        ("Audit trail", "receipt_long", "admin:packages_app_auditentry_changelist", "packages_app.view_auditentry"),
    )),
]  # fmt: skip


def look(static_url: str, account_links: Any) -> dict[str, Any]:
    """Return the settings of the theme (django-unfold), for static files at an address.

    `account_links` are those below one's own name.
    """
    return {
        "SITE_TITLE": "repomgr",
        "SITE_HEADER": "repomgr",
        "SITE_SUBHEADER": "packages_app.admin.archive_switch.shown_archive",
        "SITE_DROPDOWN": "packages_app.admin.archive_switch.archive_links",
        "SITE_SYMBOL": "deployed_code",
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_BACK_BUTTON": True,
        "DASHBOARD_CALLBACK": "packages_app.admin.front_page.fill_front_page",
        "STYLES": [lambda _request: f"{static_url}packages_app/admin.css"],
        "ACCOUNT": {"navigation": account_links},
        "SCRIPTS": [lambda _request: f"{static_url}packages_app/job.js"],
        "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": _SIDEBAR},
    }
