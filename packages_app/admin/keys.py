"""The Keys page: signing keys, the guided change from one to the next, and what to do when one is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from packages_app.admin.read_only import go_to_job, require, send_back
from packages_app.core.errors import RepomgrError
from packages_app.models import Job
from packages_app.publishing.key_roles import KeyRole
from packages_app.services import adapters
from packages_app.services.keys.emergency import planned_of
from packages_app.services.keys.guide import ending_of, guided_steps, place_of, still_set
from packages_app.services.keys.home_keys import revocation_of
from packages_app.services.keys.rotation import NO_CHANGE, Rotation, rotation_of
from packages_app.services.keys.standing import KeyStanding
from packages_app.services.keys.told import Told, told_keys
from packages_app.services.keys.work import Work, request_key_work
from packages_app.services.rights.granted import KEYS
from packages_app.services.sign_in.note import require_fresh
from packages_app.signing.client_policies import words_of_clients

_VIEW = "packages_app.view_publication"


def key_addresses(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses of the Keys page and of what its buttons ask for."""

    def at(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        return path(f"keys/{address}", site.admin_view(view), name=f"packages_app_publication_keys{name}")

    def keys(request: HttpRequest) -> HttpResponseBase:
        return keys_page(site, request)

    def lost(request: HttpRequest, fingerprint: str) -> HttpResponseBase:
        return lost_page(site, request, fingerprint)

    return [
        at("", require_safe(keys), ""),
        at("work/", require_POST(work_view), "_work"),
        at("<str:fingerprint>/lost/", require_safe(lost), "_lost"),
        at("<str:fingerprint>/public/", require_safe(public_view), "_public"),
        at("<str:fingerprint>/revocation/", require_safe(revocation_view), "_revocation"),
    ]


def keys_page(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Show keys as a worker saw them last, and how far the change from one to the next is."""
    require(request, _VIEW)
    page: dict[str, Any] = {"title": "Signing keys", "may_change": request.user.has_perm(KEYS)}
    try:
        told = told_keys()
        if told is not None:
            page |= _told(told)
    except RepomgrError as error:
        page["fault"] = error
    at_work = Job.objects.filter(kind=Job.Kind.KEYS, state__in=(Job.State.QUEUED, Job.State.RUNNING))
    return _page(site, request, "keys", {**page, "at_work": at_work.first()})


def _told(told: Told) -> dict[str, Any]:
    page: dict[str, Any] = {"told": told, "left": still_set(told)}
    try:
        rotation = rotation_of(told.standing, adapters.now())
        page["steps"] = guided_steps(told, rotation)
    except RepomgrError as error:
        page["fault"], rotation = error, NO_CHANGE
    return {**page, "rotation": rotation, "keys": [_row(key, told, rotation) for key in told.standing.keys]}


def _row(key: KeyStanding, told: Told, rotation: Rotation) -> dict[str, Any]:
    now = adapters.now()
    return {
        "key": key,
        "fingerprint": key.fingerprint,
        "grouped": " ".join(key.fingerprint[at : at + 4] for at in range(0, len(key.fingerprint), 4)),
        "place": place_of(key, rotation),
        "kind": told.kinds[key.fingerprint],
        "warning": ending_of(key, now),
        "words": words_of_clients(key.facts, now) if key.facts is not None else (),
        "revocation": bool(revocation_of(key.fingerprint)),
        "may_prolong": not told.are_set and key.role is not KeyRole.RETIRED,
        "may_retire": key.fingerprint in told.standing.signing[1:] and key.fingerprint == rotation.new,
        "may_be_lost": key.role is not KeyRole.RETIRED,
    }


def work_view(request: HttpRequest) -> HttpResponseBase:
    """Ask for the work on keys that a button names."""
    require(request, KEYS)
    require_fresh(request)
    said = request.POST
    if said.get("do") not in set(Work):
        raise Http404
    return go_to_job(
        request,
        lambda: request_key_work(
            Work(said["do"]),
            request.user,
            key=said.get("key", ""),
            new=said.get("new", ""),
            until=said.get("until", ""),
            waited=bool(said.get("waited")),
        ),
        otherwise=_address(),
    )


def lost_page(site: admin.AdminSite, request: HttpRequest, fingerprint: str) -> HttpResponseBase:
    """Say what breaks when a key is given up, and what clients must type then; its form asks for it."""
    require(request, KEYS)
    require_fresh(request)
    try:
        told = told_keys()
        if told is None:
            raise Http404
        planned = planned_of(told.standing, fingerprint, are_set=told.are_set)
    except RepomgrError as error:
        return send_back(request, error, _address())
    page = {"title": "A key is lost or stolen", "planned": planned, "are_set": told.are_set, "cancel": _address()}
    return _page(site, request, "lost", page)


def public_view(request: HttpRequest, fingerprint: str) -> HttpResponseBase:
    """Give a key's public certificate, armored."""
    require(request, _VIEW)
    told = told_keys()
    found = [key for key in told.standing.keys if key.fingerprint == fingerprint] if told is not None else []
    if not found:
        raise Http404
    return _file(found[0].public_armored, f"{fingerprint}.asc")


def revocation_view(request: HttpRequest, fingerprint: str) -> HttpResponseBase:
    """Give the revocation certificate that is kept of a key of the home, to who may change keys alone."""
    require(request, KEYS)
    require_fresh(request)
    told = told_keys()
    known = {key.fingerprint for key in told.standing.keys} if told is not None else set()
    text = revocation_of(fingerprint) if fingerprint in known else ""
    if not text:
        raise Http404
    return _file(text, f"{fingerprint}.rev")


def _file(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/pgp-keys")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(site: admin.AdminSite, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponseBase:
    context = {**site.each_context(request), "content_title": page["title"], **page}
    return TemplateResponse(request, f"admin/packages_app/keys/{name}.html", context)


def _address() -> str:
    return reverse("admin:packages_app_publication_keys")
