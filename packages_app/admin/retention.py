"""A suite's retention in the admin: what its policies take out, what stays and why, and consent, on one page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from packages_app.admin.read_only import PUBLISH, go_to_job, require, say_refused, send_back, size_text
from packages_app.core.errors import RepomgrError
from packages_app.core.record import named_key
from packages_app.services.lifecycle.retention import broken_by_retention, plan_retention, request_retention
from packages_app.services.lifecycle.shown import PreviewOutdated

_SHOWN = 200


def retain_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show what would go out of a suite; with consent to just that, ask for it."""
    require(request, PUBLISH)
    given = request.POST if request.method == "POST" else request.GET
    suite = given.get("suite", "")
    try:
        plan = plan_retention(suite)
    except RepomgrError as error:
        return send_back(request, error, reverse("admin:index"))
    if "consent" in request.POST:
        if request.POST.get("digest") == plan.digest:
            consented = {suite: [one.key for one in plan.going]}
            here = f"{reverse('admin:packages_app_publication_retain')}?{urlencode({'suite': suite})}"
            return go_to_job(
                request, lambda: request_retention([suite], consented=consented, user=request.user), otherwise=here
            )
        outdated = PreviewOutdated("What would go has changed since it was shown.", remedy="Look at what goes now.")
        say_refused(request, outdated)
    broken, unasked = broken_by_retention(plan)
    page = {
        "opts": opts, "title": "Retention", "plan": plan, "freed": size_text(plan.freed),
        "going": [(named_key(one.key), size_text(one.size)) for one in plan.going[:_SHOWN]],
        "broken_said": {"broken": broken, "unasked": unasked},
        "unshown": max(0, len(plan.going) - _SHOWN), "staying": sum(plan.stays.values()),
    }  # fmt: skip
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/publication/retain.html", context)
