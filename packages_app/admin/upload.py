"""Uploads in the admin: files are sent, together or one by one, looked at on one page, and taken in from there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_protect

from packages_app.admin.direct_upload import direct_upload_addresses, told_fate
from packages_app.admin.forms import UploadForm
from packages_app.admin.read_only import UPLOAD, as_fault, go_to_job, require, say_refused
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.services.audit.write import refused_with
from packages_app.services.deliveries.deliver import deliver, take_delivery_in
from packages_app.services.deliveries.delivered import Delivered, delivered, discard, waiting
from packages_app.services.deliveries.direct import server_for_browsers
from packages_app.services.deliveries.preview import Fate, look_at
from packages_app.services.outside_errors import told_as_ours
from packages_app.uploading import LimitedUpload, give_pass

_UPLOAD, _DELIVERY = "admin:packages_app_package_upload", "admin:packages_app_package_delivery"


def upload_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the upload form, and look at the files that are sent."""
    require(request, UPLOAD)
    request.upload_handlers = [LimitedUpload(request)]
    answered: Callable[[HttpRequest], HttpResponseBase] = partial(_checked, site, opts)
    if server := server_for_browsers():
        answered = csp_update({"connect-src": [SELF, server]})(answered)
    try:
        response = csrf_protect(answered)(request)
    except TooManyFilesSent:
        most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        messages.error(request, f"More than {most} files at once. Send fewer, or let the page's script send them.")
        response = HttpResponseRedirect(reverse(_UPLOAD))
    if isinstance(response, HttpResponse):
        give_pass(response, request.user.pk)
    return response


def _checked(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Answer a request whose token is good: a script, which sends one file a request, in JSON."""
    form = UploadForm(request=request)
    scripted = request.headers.get("Accept", "").startswith("application/json")
    if request.method == "POST" and form.is_valid():
        try:
            with told_as_ours():
                answer = _sent(form, scripted=scripted)
        except RepomgrError as error:
            form.add_error(form.refused_field, as_fault(error))
        else:
            if answer is not None:
                return answer
    if scripted and request.method == "POST":
        said = " ".join(str(text) for errors in form.errors.values() for text in errors)
        return JsonResponse({"said": said}, status=400)
    context = {
        **site.each_context(request),
        "opts": opts,
        "title": "Upload packages",
        "form": form,
        "limit": settings.UPLOAD_LIMIT_BYTES,
        "direct": direct_upload_addresses() if server_for_browsers() else {},
        "waiting": _waiting(request),
        "cancel": reverse("admin:packages_app_package_changelist"),
    }
    return TemplateResponse(request, "admin/packages_app/package/upload.html", context)


def _waiting(request: HttpRequest) -> list[tuple[str, int]]:
    """Return address and number of files of each delivery that is not taken in; the form is there without them too."""
    try:
        return [(reverse(_DELIVERY, args=[name]), files) for name, files in waiting(request.user).items()]
    except RepomgrError as error:
        say_refused(request, error)
        return []


def _sent(form: UploadForm, *, scripted: bool) -> HttpResponseBase | None:
    """Look at the files of a valid form; return where that leads to, None where the form says why one is refused."""
    said = form.cleaned_data
    delivery = form.of_delivery
    files = [(Path(upload.temporary_file_path()), upload.name or "") for upload in said["file"]]
    judged = deliver(files, delivery, form.place, form.user, is_all=not scripted)
    page = reverse(_DELIVERY, args=[delivery])
    if scripted:
        for file in judged:
            if file.refused is not None:
                refused_with(file.refused.code, file.refused.message)
        return JsonResponse(told_fate(delivery, judged))
    if len(judged) == 1 and (refused := judged[0].refused) is not None:
        form.add_error(form.refused_field, as_fault(refused))
        return None
    return HttpResponseRedirect(page)


def delivery_view(site: admin.AdminSite, opts: Any, request: HttpRequest, delivery: str) -> HttpResponseBase:
    """Show the fate of each file of a delivery and what clients would see; take in what is ticked, or discard it."""
    require(request, UPLOAD)
    here = reverse(_UPLOAD)
    try:
        files = delivered(delivery, request.user)
    except PackageRefused as error:
        raise Http404(str(error)) from error
    if request.method == "POST" and "discard" in request.POST:
        discard(delivery, request.user)
        messages.success(request, "What nobody asked for is discarded.")
        return HttpResponseRedirect(here)
    if not files:
        messages.info(request, "Nothing of that upload is there: it was discarded, or swept.")
        return HttpResponseRedirect(here)
    if request.method == "POST":
        return _taken_in(site, opts, request, delivery)
    return _page(site, opts, request, files)


def _taken_in(site: admin.AdminSite, opts: Any, request: HttpRequest, delivery: str) -> HttpResponseBase:
    """Ask for what is ticked; go to the job of a single one, or stay where the fate of each is shown."""
    page = reverse(_DELIVERY, args=[delivery])
    chosen = set(request.POST.getlist("file"))

    def ask() -> Any:
        with told_as_ours():
            return take_delivery_in(delivery, chosen, request.user)

    return go_to_job(request, ask, otherwise=page)


def _page(site: admin.AdminSite, opts: Any, request: HttpRequest, files: list[Delivered]) -> HttpResponseBase:
    said = look_at(files, request.user)
    context = {
        **site.each_context(request),
        "opts": opts,
        "title": "Look at the upload",
        "said": said,
        "asked_for": [file for file in said.files if file.fate is Fate.ASKED_FOR],
        "others": [file for file in said.files if file.fate is not Fate.ASKED_FOR],
        "upload": reverse(_UPLOAD),
    }
    return TemplateResponse(request, "admin/packages_app/package/delivery.html", context)
