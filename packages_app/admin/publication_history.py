"""A publication looked at again in the admin: what it held, how it differs from another, and rolling back to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from packages_app.admin.read_only import (
    PUBLISH,
    done_or_refused,
    go_to_job,
    plain_text,
    require,
    say_refused,
    send_back,
)
from packages_app.core.errors import RepomgrError
from packages_app.core.record import named_key
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.models import Publication
from packages_app.publishing.difference import Difference, in_order
from packages_app.services.lifecycle.publications import difference_of, pin, publication_before
from packages_app.services.lifecycle.rollback import (
    FIRST,
    Rollback,
    plan_rollback,
    preview_rollback,
    request_rollback,
)
from packages_app.services.publication.shown import Shown, shown_as, shown_by

_LONGEST_NAMED = 100

Lists = Sequence[tuple[str, Sequence[str]]]
"""Headings with their lines."""


def contents_line(publication: Publication) -> SafeString:
    """Return how many packages a publication held, by architecture, with a link to all of them; raise as `contents`."""
    keys = shown_by(publication).contents()
    counts = ", ".join(f"{count} {name}" for name, count in sorted(Counter(key[1] for key in keys).items()))
    page = reverse("admin:packages_app_publication_contents", args=[publication.pk])
    all_of_them = f"{len(keys)} package{'' if len(keys) == 1 else 's'}"
    return format_html('<a class="rm-link" href="{}">{}</a>{}', page, all_of_them, counts and f": {counts}")


def contents_page(request: HttpRequest, publication: Publication) -> HttpResponseBase:
    """Return all that a publication held, a line each, as plain text."""
    try:
        keys = sorted(shown_by(publication).contents(), key=in_order)
    except RepomgrError as error:
        return send_back(request, error, _own_page(publication))
    return plain_text(map(named_key, keys))


def compare_page(site: admin.AdminSite, opts: Any, request: HttpRequest, publication: Publication) -> HttpResponseBase:
    """Return how a publication differs from the one that `with` names, else the one before it.

    With `all` it is plain text, whole; the page has the first of each list.
    """
    named = request.GET.get("with", "").strip()[:_LONGEST_NAMED]
    page: dict[str, Any] = {"opts": opts, "title": "Compare publications", "publication": publication, "named": named}
    try:
        other = shown_as(named) if named else publication_before(publication)
        if other is not None:
            found = difference_of(other, shown_by(publication))
            lists = _lists_of(found, other)
            if "all" in request.GET:
                return plain_text(_whole_text(lists))
            page |= {"other": other, "own": shown_by(publication), "lists": first_of(lists), "first": FIRST}
    except RepomgrError as error:
        say_refused(request, error)
    return _page(site, request, "compare", page)


def rollback_page(site: admin.AdminSite, opts: Any, request: HttpRequest, publication: Publication) -> HttpResponseBase:
    """Return the page that shows what rolling back would change; with its consent ask for it, and go to its job."""
    require(request, PUBLISH)
    if request.method == "POST" and "consent" in request.POST:
        said, to = request.POST, shown_by(publication)
        return go_to_job(
            request,
            lambda: request_rollback(
                to.suite, to.digest, said.get("reason", ""), shown=said.getlist("shown"), user=request.user
            ),
            otherwise=lambda: _rollback_shown(site, opts, request, publication),
        )
    return _rollback_shown(site, opts, request, publication)


def _rollback_shown(
    site: admin.AdminSite, opts: Any, request: HttpRequest, publication: Publication
) -> HttpResponseBase:
    to = shown_by(publication)
    try:
        planned = plan_rollback(to.suite, to.digest)
        said = preview_rollback(planned)
    except RepomgrError as error:
        return send_back(request, error, _own_page(publication))
    page = {
        "opts": opts, "title": f"Roll {to.suite} back", "publication": publication, "planned": planned,
        "said": said, "lists": first_of(lists_of_rollback(planned)), "first": FIRST,
        "reason": request.POST.get("reason", "")[:LONGEST_REASON],
        "longest": LONGEST_REASON, "cancel": _own_page(publication),
    }  # fmt: skip
    return _page(site, request, "rollback", page)


def pin_view(request: HttpRequest, publication: Publication) -> HttpResponseBase:
    """Keep a publication for ever, or no longer than others; go back to its page."""
    require(request, PUBLISH)
    pinned = request.POST.get("pinned") == "1"

    def do() -> str:
        pin([publication], request.user, pinned=pinned)
        return "Kept for ever." if pinned else "Kept as long as others."

    done_or_refused(request, do)
    return HttpResponseRedirect(_own_page(publication))


def _lists_of(found: Difference, other: Shown) -> Lists:
    return (
        (f"Only here, not in {other}", list(map(named_key, found.only_after))),
        (f"Only in {other}", list(map(named_key, found.only_before))),
        ("Newer here", list(map(str, found.upgrades))),
        ("Older here", list(map(str, found.downgrades))),
    )


def lists_of_rollback(planned: Rollback) -> Lists:
    """Return what comes, leaves and is lost when a suite is set to what a publication or snapshot held."""
    return (
        ("Leave the suite", list(map(named_key, planned.leaving))),
        (planned.come.capitalize(), list(map(named_key, planned.coming))),
        ("Are lost", planned.lost),
        ("Have no record any more: clients lose them", list(map(named_key, planned.gone))),
    )


def first_of(lists: Lists) -> list[tuple[str, int, Sequence[str], int]]:
    """Return each list that is not empty with its count, its first lines and how many more there are."""
    return [(name, len(each), each[:FIRST], max(0, len(each) - FIRST)) for name, each in lists if each]


def _whole_text(lists: Lists) -> Iterator[str]:
    for name, each in lists:
        yield f"{name}: {len(each)}"
        yield from (f"  {line}" for line in each)


def _page(site: admin.AdminSite, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponseBase:
    template = f"admin/packages_app/publication/{name}.html"
    return TemplateResponse(request, template, {**site.each_context(request), **page})


def _own_page(publication: Publication) -> str:
    return reverse("admin:packages_app_publication_change", args=[publication.pk])
