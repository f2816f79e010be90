"""What the upload page's script asks for where files go straight to the staging bucket; each answer is JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from packages_app.admin.forms import BeginForm
from packages_app.admin.read_only import UPLOAD, require
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.services.deliveries.direct import abort, address_of_part, begin, complete
from packages_app.services.deliveries.preview import Judged
from packages_app.services.outside_errors import told_as_ours

_Answer = Callable[[HttpRequest], dict[str, Any]]
_NAME = "packages_app_package_direct_"
_MOST_DIGITS = 6


def direct_upload_urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses, which follow upon each other for a file."""
    return [
        path(f"upload/{step}/", site.admin_view(require_POST(partial(_answered, answer))), name=_NAME + step)
        for step, answer in _STEPS.items()
    ]


def direct_upload_addresses() -> dict[str, str]:
    """Return the addresses by what they do."""
    return {step: reverse(f"admin:{_NAME}{step}") for step in _STEPS}


def told_fate(delivery: str, files: list[Judged]) -> dict[str, Any]:
    """Return what a script is told of files that came: the page behind, and what it shows beside each one's name."""
    return {
        "page": reverse("admin:packages_app_package_delivery", args=[delivery]),
        "files": [_told(file) for file in files],
    }


def _told(file: Judged) -> dict[str, str]:
    fate = file.fate.value if file.proposal is None else f"{file.fate.value}, to be defined"
    return {"name": file.came.name, "fate": fate, "said": str(file.refused or "")}


def _answered(answer: _Answer, request: HttpRequest) -> JsonResponse:
    """Answer, or say why not: 503 for what may succeed later."""
    require(request, UPLOAD)
    try:
        with told_as_ours():
            return JsonResponse(answer(request))
    except RepomgrError as error:
        return JsonResponse({"said": str(error), "code": error.code}, status=503 if error.retryable else 400)


def _begin(request: HttpRequest) -> dict[str, Any]:
    form = BeginForm(request=request)
    if not form.is_valid():
        said = " ".join(str(text) for errors in form.errors.values() for text in errors)
        raise PackageRefused(said, remedy="Choose the file and where it is to go again.")
    came = form.cleaned_data
    return asdict(begin(came["name"], came["size"], form.of_delivery, form.place, form.user))


def _sign(request: HttpRequest) -> dict[str, Any]:
    number = request.POST.get("number", "")
    part = int(number) if number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS else 0
    return {"address": address_of_part(_ticket(request), part, request.user)}


def _complete(request: HttpRequest) -> dict[str, Any]:
    delivery, judged = complete(_ticket(request), request.user)
    return told_fate(delivery, [judged])


def _abort(request: HttpRequest) -> dict[str, Any]:
    abort(_ticket(request), request.user)
    return {}


def _ticket(request: HttpRequest) -> str:
    return request.POST.get("ticket", "")


_STEPS: dict[str, _Answer] = {"begin": _begin, "sign": _sign, "complete": _complete, "abort": _abort}
