"""Withdrawing and restoring packages in the admin: what clients will see, a reason, and consent on one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.read_only import PUBLISH, go_to_job, require
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.record import TableKey, key_named, named_key
from packages_app.core.suite_change import LONGEST_REASON, What
from packages_app.services.lifecycle.move import MOST, preview_move, request_move

_TITLES = {What.WITHDRAWN: "Withdraw", What.RESTORED: "Restore"}


def move_page(site: admin.AdminSite, opts: Any, request: HttpRequest, what: What, keys: Sequence[TableKey]) -> Any:
    """Return the page that shows what clients will see, or go back to the list with what is wrong."""
    back = reverse("admin:packages_app_package_changelist")
    if len(keys) > MOST:
        messages.error(request, f"At most {MOST} packages are moved at once.")
        return HttpResponseRedirect(back)
    try:
        said = preview_move(what, keys)
    except RepomgrError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    page = {
        "opts": opts, "title": f"{_TITLES[what]} packages", "what": str(what), "verb": _TITLES[what], "said": said,
        "keys": "\n".join(named_key(key) for key in keys), "cancel": back, "longest": LONGEST_REASON,
        "needs_reason": what is What.WITHDRAWN,
    }  # fmt: skip
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/package/move.html", context)


def move_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the page for the posted packages, or with its consent ask for the move."""
    require(request, PUBLISH)
    back = reverse("admin:packages_app_package_changelist")
    try:
        what, keys = What(request.POST.get("what", "")), _keys_posted(request)
    except ValueError:
        messages.error(request, str(PackageRefused("This names no packages.", remedy="Choose them in the list.")))
        return HttpResponseRedirect(back)
    if "consent" not in request.POST:
        page: HttpResponseBase = move_page(site, opts, request, what, keys)
        return page
    suites, reason = request.POST.getlist("suite"), request.POST.get("reason", "")
    return go_to_job(request, lambda: request_move(what, keys, suites, reason, user=request.user), otherwise=back)


def _keys_posted(request: HttpRequest) -> list[TableKey]:
    return [key_named(line) for line in request.POST.get("keys", "").splitlines() if line]
