"""Publications, and asking for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import action, display

from packages_app.admin.composed_snapshots import compose_view, fill_view
from packages_app.admin.keys import key_addresses
from packages_app.admin.long_list import ValueFilter
from packages_app.admin.publication_history import (
    compare_page,
    contents_line,
    contents_page,
    pin_view,
    rollback_page,
)
from packages_app.admin.read_only import (
    PUBLISH,
    ReadOnlyAdmin,
    deferred_of_job,
    done_or_refused,
    first_lines,
    go_to_job,
    job_page,
    plain_text,
    require,
    send_back,
    size_text,
    suites_to_publish,
    told_or_refused,
)
from packages_app.admin.retention import retain_view
from packages_app.admin.snapshots import create_view, delete_view, snapshots_page
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.models import Publication
from packages_app.services.lifecycle.publications import pin
from packages_app.services.publication.publication_lists import whole_lists
from packages_app.services.publication.requests import request_publication
from packages_app.services.repair.rebuild_preview import preview_rebuild
from packages_app.services.requests import request_force_rebuild, request_sweep
from packages_app.services.rights.rule import rights_of


def left_out_line(row: dict[str, Any]) -> str:
    """Return which record no index carries, and why."""
    return f"{row['package_id']} {row['architecture']}: {', '.join(row['reasons'])}"


def first_of(publication: Publication, name: str, items: list[str]) -> SafeString:
    """Return the lines that a row holds of one of its lists, and how many more there are, with a link to all."""
    page = reverse("admin:packages_app_publication_lists", args=[publication.pk])
    return first_lines(items, getattr(publication, f"{name}_count"), page)


def _whole_text(publication: Publication) -> Iterator[str]:
    for name, items in whole_lists(publication).items():
        yield f"{name.replace('_', ' ')}: {len(items)}"
        yield from (f"  {left_out_line(item) if name == 'left_out' else item}" for item in items)


def _rebuild_page(suites: list[str]) -> str:
    """Return the address of the page that says what a rebuild of these suites would change."""
    return f"{reverse('admin:packages_app_publication_rebuild')}?{urlencode({'suite': suites}, doseq=True)}"


class SuiteFilter(ValueFilter):
    """Publications of one suite."""

    title, parameter_name, model = "suite", "suite", Publication


@admin.register(Publication)
class PublicationAdmin(ReadOnlyAdmin):
    """What was published when."""

    list_display = (
        "suite",
        "date",
        "shown_kind",
        "packages",
        "changes",
        "shown_left_out",
        "shown_missing",
        "valid_until",
        "kept",
    )
    list_filter = (SuiteFilter, "kind", "pinned")
    list_before_template = "admin/packages_app/publication/buttons.html"
    change_form_outer_before_template = "admin/packages_app/publication/history.html"
    actions = ("force_rebuild", "keep_for_ever", "keep_as_others")
    fieldsets = (
        (None, {"fields": ("suite", "kind", "date", "valid_until", "packages", "contents", "kept", "records_read",
                           "uploaded", "shown_job", "asker")}),
        ("Signature", {"fields": ("fingerprint", "release_sha256")}),
        ("Records", {"fields": ("added_lines", "removed_lines", "left_out_lines", "missing_lines",
                                "uninstallable_lines")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Publication]:
        """Read the users with the rows, and lists of packages for a row's own page only."""
        rows = super().get_queryset(request).select_related("job__requested_by")
        return rows.defer(*Publication.LISTS, *deferred_of_job("job"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List publications, with the buttons of what the user may do to a suite."""
        more = {"may_rebuild": suites_to_publish(request), "may_sweep": rights_of(request.user).may(Action.PUBLISH)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def may_publish(self, request: HttpRequest, row: Publication) -> bool:
        """Return whether the user may publish the suite."""
        return rights_of(request.user).may(Action.PUBLISH, suite=row.suite)

    @display(description="kind", ordering="kind", label={"publish": "success", "force rebuild": "warning", "": "info"})
    def shown_kind(self, publication: Publication) -> str:
        """Return why it was made, in words."""
        return publication.get_kind_display()

    @display(description="added / removed")
    def changes(self, publication: Publication) -> str:
        """Return how many packages came and went."""
        return f"+{publication.added_count} / −{publication.removed_count}"

    @display(description="left out")
    def shown_left_out(self, publication: Publication) -> str:
        """Return how many records no index carries."""
        return str(publication.left_out_count or "–")

    @display(description="files missing")
    def shown_missing(self, publication: Publication) -> str:
        """Return how many pool files were missing."""
        return str(publication.missing_files_count or "–")

    @display(description="bytes of indexes uploaded")
    def uploaded(self, publication: Publication) -> str:
        """Return how much was uploaded, for people."""
        return size_text(publication.uploaded_bytes)

    @display(description="held")
    def contents(self, publication: Publication) -> SafeString:
        """Return how many packages it held, by architecture."""
        return told_or_refused(lambda: contents_line(publication))

    @display(description="kept")
    def kept(self, publication: Publication) -> str:
        """Return how long it stays, and what it held."""
        return "for ever" if publication.pinned else f"{settings.HISTORY_KEPT_DAYS} days"

    @display(description="job")
    def shown_job(self, publication: Publication) -> str | SafeString:
        """Return a link to the job that made it."""
        if publication.job is None:
            return "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(publication.job), publication.job)

    @display(description="asked for by")
    def asker(self, publication: Publication) -> str:
        """Return who asked for the job that made it."""
        return publication.job.asker if publication.job else "–"

    @display(description="added")
    def added_lines(self, publication: Publication) -> SafeString:
        """Return the packages that this publication added."""
        return first_of(publication, "added", publication.added)

    @display(description="removed")
    def removed_lines(self, publication: Publication) -> SafeString:
        """Return the packages that this publication removed."""
        return first_of(publication, "removed", publication.removed)

    @display(description="left out, with the reason")
    def left_out_lines(self, publication: Publication) -> SafeString:
        """Return the records that no index carries, and why."""
        return first_of(publication, "left_out", [left_out_line(row) for row in publication.left_out])

    @display(description="missing pool files")
    def missing_lines(self, publication: Publication) -> SafeString:
        """Return the pool files that a force rebuild found missing."""
        return first_of(publication, "missing_files", publication.missing_files)

    @display(description="can't be installed since")
    def uninstallable_lines(self, publication: Publication) -> SafeString:
        """Return the packages that could be installed before this publication and can't since, and why."""
        return first_of(publication, "uninstallable", publication.uninstallable)

    @action(description="Force rebuild these suites", permissions=["publish"])
    def force_rebuild(self, request: HttpRequest, queryset: QuerySet[Publication]) -> HttpResponseBase:
        """Go to the page that says what a rebuild of the chosen rows' suites would change."""
        suites = set(queryset.values_list("suite", flat=True))
        return HttpResponseRedirect(_rebuild_page(sorted(suites)))

    @action(description="Keep for ever", permissions=["publish"])
    def keep_for_ever(self, request: HttpRequest, queryset: QuerySet[Publication]) -> None:
        """Keep the chosen publications, and what they held, for ever."""
        done_or_refused(request, lambda: f"{pin(queryset, request.user, pinned=True)} more are kept for ever.")

    @action(description="Keep no longer than others", permissions=["publish"])
    def keep_as_others(self, request: HttpRequest, queryset: QuerySet[Publication]) -> None:
        """Keep the chosen publications as long as others."""
        done_or_refused(request, lambda: f"{pin(queryset, request.user, pinned=False)} are kept as long as others.")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, those that buttons post to first."""
        view = self.admin_site.admin_view
        retain, compose, fill = (
            partial(each, self.admin_site, self.opts) for each in (retain_view, compose_view, fill_view)
        )
        return [
            path("publish/", view(require_POST(self.publish_view)), name="packages_app_publication_publish"),
            path("force-rebuild/", view(self.rebuild_view), name="packages_app_publication_rebuild"),
            path("<int:pk>/lists/", view(require_safe(self.lists_view)), name="packages_app_publication_lists"),
            path(
                "<int:pk>/contents/", view(require_safe(self.contents_view)), name="packages_app_publication_contents"
            ),
            path("<int:pk>/compare/", view(require_safe(self.compare_view)), name="packages_app_publication_compare"),
            path("<int:pk>/roll-back/", view(self.rollback_view), name="packages_app_publication_rollback"),
            path("<int:pk>/pin/", view(require_POST(self.pin_view)), name="packages_app_publication_pin"),
            path("retain/", view(retain), name="packages_app_publication_retain"),
            *key_addresses(self.admin_site),
            path("snapshots/", view(require_safe(self.snapshots_view)), name="packages_app_publication_snapshots"),
            path(
                "snapshots/create/",
                view(require_POST(partial(create_view, self.admin_site, self.opts))),
                name="packages_app_publication_snapshot_create",
            ),
            path(
                "snapshots/delete/",
                view(require_POST(partial(delete_view, self.admin_site, self.opts))),
                name="packages_app_publication_snapshot_delete",
            ),
            path("snapshots/compose/", view(compose), name="packages_app_publication_snapshot_compose"),
            path("snapshots/fill/", view(fill), name="packages_app_publication_snapshot_fill"),
            path("sweep/", view(require_POST(self.sweep_view)), name="packages_app_publication_sweep"),
            *super().get_urls(),
        ]

    def lists_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show every list of a publication whole, as plain text: a heading with its count, then a line each."""
        publication: Publication = self.viewable(request, pk)
        return plain_text(_whole_text(publication))

    def contents_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show all that a publication held, as plain text."""
        return contents_page(request, self.viewable(request, pk))

    def compare_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show how a publication differs from another one, or from what a suite shows now."""
        return compare_page(self.admin_site, self.opts, request, self.viewable(request, pk))

    def rollback_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show what rolling back to a publication would change; with consent ask for it."""
        return rollback_page(self.admin_site, self.opts, request, self.viewable(request, pk))

    def pin_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Keep a publication for ever, or as long as others."""
        return pin_view(request, self.viewable(request, pk))

    def snapshots_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the snapshots of each suite to who may look at publications."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return snapshots_page(self.admin_site, self.opts, request)

    def publish_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a publication of one suite."""
        require(request, PUBLISH)
        suite = request.POST.get("suite", "")
        return go_to_job(
            request, lambda: request_publication(suite, user=request.user), otherwise=reverse("admin:index")
        )

    def rebuild_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show what a force rebuild would change and what is held back; with the consent of a form of it, ask for one.

        It is of the suites named, all when none is.
        """
        require(request, PUBLISH)
        given = request.POST if request.method == "POST" else request.GET
        suites, repair = given.getlist("suite"), "repair" in given
        if "consent" in request.POST:
            named = request.POST.getlist("approve")
            approved = [int(number) for number in named if number.isdecimal() and len(number) < 19]
            return go_to_job(
                request,
                lambda: request_force_rebuild(suites, request.user, approved=approved, repair=repair),
                otherwise=_rebuild_page(suites),
            )
        try:
            previews = preview_rebuild(suites)
        except RepomgrError as error:
            return send_back(request, error, reverse("admin:index"))
        page = {"opts": self.opts, "title": "Force rebuild", "previews": previews, "repair": repair}
        return TemplateResponse(
            request,
            "admin/packages_app/publication/rebuild.html",
            {**self.admin_site.each_context(request), **page},
        )

    def sweep_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a sweep, or with `dry_run` for what one would take."""
        require(request, PUBLISH)
        dry_run = "dry_run" in request.POST
        return go_to_job(
            request, lambda: request_sweep(request.user, dry_run=dry_run), otherwise=reverse("admin:index")
        )
