"""What all pages of the admin have in common: rows are looked at, not edited; requests are forms that are posted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from packages_app.admin.long_list import LongChangeList, LongListPaginator
from packages_app.core.batches import batches_of
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.audit.write import refused_with
from packages_app.services.deliveries.delivered import Refusal
from packages_app.services.rights import granted
from packages_app.services.rights.rule import rights_of

LONGEST_SEARCH, MOST_WORDS = 300, 8
"""What a search may have: characters, and words."""
_LINES_AT_ONCE = 1000
PUBLISH, UPLOAD, BOOTSTRAP = granted.PUBLISH, granted.UPLOAD, granted.BOOTSTRAP


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows that come from elsewhere: none is added, changed or deleted here."""

    show_full_result_count = False
    paginator = LongListPaginator
    list_per_page = list_max_show_all = 50
    show_facets = admin.ShowFacets.NEVER  # each would count all rows
    list_fullwidth = True

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[LongChangeList]:
        """List very many rows at the cost of few."""
        return LongChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; each of its links repeats what is searched for, so no more of that than is looked for."""
        search = request.GET.get(SEARCH_VAR, "")
        if len(search) > LONGEST_SEARCH:
            asked = request.GET.copy()
            asked[SEARCH_VAR] = search[:LONGEST_SEARCH]
            request.GET = asked  # type: ignore[assignment]
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find rows by the first words of what is searched for: each is a condition on each row."""
        words = search_term[:LONGEST_SEARCH].split()[:MOST_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Return False: rows come from elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: rows come from elsewhere."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: rows come from elsewhere."""
        return False

    def viewable(self, request: HttpRequest, pk: object) -> Any:
        """Return a row that the user may look at; raise `Http404` where there is none, `PermissionDenied` if not."""
        row = get_object_or_404(self.model, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def has_publish_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Return whether the user may publish anything; what is chosen then is asked of the service."""
        return request.user.has_perm(PUBLISH)

    def may_publish(self, request: HttpRequest, row: Any) -> bool:
        """Return whether the user may do what the buttons of a row's page ask for."""
        return rights_of(request.user).may(Action.PUBLISH)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **named: Any) -> Any:
        """Show a row's page, with the buttons of what may be done to just this row."""
        row = named.get("obj")
        context["may_publish"] = row is not None and self.may_publish(request, row)
        return super().render_change_form(request, context, *args, **named)


def suites_to_publish(request: HttpRequest) -> list[str]:
    """Return the suites all of which the user may publish; none where the configuration can't be read."""
    rights = rights_of(request.user)
    try:
        return [suite.name for suite in adapters.repository().suites if rights.may(Action.PUBLISH, suite=suite.name)]
    except RepomgrError:
        return []


def done_or_refused(request: HttpRequest, do: Callable[[], str]) -> None:
    """Do what an action of a list asks for and say what it said, or why it was refused."""
    try:
        messages.success(request, do())
    except RepomgrError as error:
        say_refused(request, error)


def require(request: HttpRequest, permission: str) -> None:
    """Refuse a user without a right (403)."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def may_administer(request: HttpRequest) -> bool:
    """Return whether the user may do everything."""
    return rights_of(request.user).may(Action.ADMINISTER)


def require_superuser(request: HttpRequest) -> None:
    """Refuse a user who may not do everything (403)."""
    if not may_administer(request):
        raise PermissionDenied


def deferred_of_job(at: str = "") -> list[str]:
    """Return what of a job may be large, for a list that does not show it; `at` is the field that leads to the job."""
    return [f"{at}__{name}" if at else name for name in ("steps", "arguments", "result", "error", "remedy")]


def job_page(job: Job) -> str:
    """Return the address of a job's page."""
    return reverse("admin:packages_app_job_change", args=[job.pk])


def refusal(error: RepomgrError) -> SafeString:
    """Return what is shown wherever a call was refused: what and why, the remedy, and the code to look up."""
    return format_html('<span class="rm-bad">{} ({})</span>', error, error.code)


def say_refused(request: HttpRequest, error: RepomgrError) -> None:
    """Show a refusal at the top of the page that comes next; the audit trail has it too."""
    refused_with(error.code, error.message)
    messages.error(request, refusal(error))


def as_fault(error: RepomgrError | Refusal) -> ValidationError:
    """Return a refusal as a fault of a form; the audit trail has it too."""
    refused_with(error.code, error.message)
    return ValidationError(str(error), code=error.code)


def send_back(request: HttpRequest, error: RepomgrError, to: str) -> HttpResponseRedirect:
    """Go back to a page, which shows the refusal."""
    say_refused(request, error)
    return HttpResponseRedirect(to)


def told_or_refused(tell: Callable[[], SafeString]) -> SafeString:
    """Return what a field of a page tells, or the refusal: the page shows the rest all the same."""
    try:
        return tell()
    except RepomgrError as error:
        return refusal(error)


def go_to_job(
    request: HttpRequest, ask: Callable[[], Job | list[Job]], *, otherwise: str | Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Ask a service for jobs and go to the page of the only one, or to the list with a line about each.

    A refusal is shown with its remedy where the user came from: at an address, or on the page that is given.
    """
    try:
        made = ask()
    except RepomgrError as error:
        if isinstance(otherwise, str):
            return send_back(request, error, otherwise)
        say_refused(request, error)
        return otherwise()
    jobs = made if isinstance(made, list) else [made]
    if len(jobs) == 1:
        return HttpResponseRedirect(job_page(jobs[0]))
    links = format_html_join(", ", '<a href="{}">{}</a>', ((job_page(job), job) for job in jobs))
    messages.info(request, format_html("{} jobs: {}", len(jobs), links))
    return HttpResponseRedirect(reverse("admin:packages_app_job_changelist"))


def lines(of_text: list[str]) -> SafeString:
    """Return lines as a list of the page; "none" where there are none."""
    if not of_text:
        return SafeString("none")
    return format_html(
        '<ul class="rm-list">{}</ul>', format_html_join("", "<li>{}</li>", ((line,) for line in of_text))
    )


def first_lines(of_text: list[str], count: int, all_of_them: str) -> SafeString:
    """Return the first lines of a list, and how many more than these there are, with a link to the page of all."""
    more = count - len(of_text)
    if more <= 0:
        return lines(of_text)
    more_of_them = '{}<p>and {} more: <a class="rm-link" href="{}">all of them</a></p>'
    return format_html(more_of_them, lines(of_text), more, all_of_them)


def plain_text(of_lines: Iterable[str]) -> HttpResponse:
    """Return lines as a page of plain text."""
    text = ("".join(f"{line}\n" for line in some) for some in batches_of(of_lines, _LINES_AT_ONCE))
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def size_text(size: int | None) -> str:
    """Return a size in bytes for people."""
    if size is None:
        return "–"
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
