"""A suite's retention in the admin: what its policies take out, what stays and why, and consent, on one page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from packages_app.admin.read_only import PUBLISH, go_to_job, require, size_text
from packages_app.core.errors import RepomgrError
from packages_app.core.record import named_key
from packages_app.services.lifecycle.retention import plan_retention, request_retention

_SHOWN = 200


def retain_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show what would go out of a suite; with consent to just that, ask for it."""
    require(request, PUBLISH)
    given = request.POST if request.method == "POST" else request.GET
    suite = given.get("suite", "")
    try:
        plan = plan_retention(suite)
    except RepomgrError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:index"))
    if "consent" in request.POST:
        if request.POST.get("digest") == plan.digest:
            consented = {suite: [one.key for one in plan.going]}
            here = f"{reverse('admin:packages_app_publication_retain')}?{urlencode({'suite': suite})}"
            return go_to_job(
                request, lambda: request_retention([suite], consented=consented, user=request.user), otherwise=here
            )
        messages.warning(request, "What would go has changed since this page was shown. Remedy: look at it again.")
    page = {
        "opts": opts, "title": "Retention", "plan": plan, "freed": size_text(plan.freed),
        "going": [(named_key(one.key), size_text(one.size)) for one in plan.going[:_SHOWN]],
        "unshown": max(0, len(plan.going) - _SHOWN), "staying": sum(plan.stays.values()),
    }  # fmt: skip
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/publication/retain.html", context)
