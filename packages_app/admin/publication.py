"""Publications, and asking for them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from packages_app.admin.long_list import ValueFilter
from packages_app.admin.window import PUBLISH, WindowAdmin, asked, demand, job_page, lines, size_text
from packages_app.models import Publication
from packages_app.services.publication.requests import request_publication
from packages_app.services.requests import request_force_rebuild, request_sweep


class SuiteFilter(ValueFilter):
    """Publications of one suite."""

    title, parameter_name, model = "suite", "suite", Publication


@admin.register(Publication)
class PublicationAdmin(WindowAdmin):
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
    )
    list_filter = (SuiteFilter, "kind")
    list_before_template = "admin/packages_app/publication/buttons.html"
    change_form_outer_before_template = "admin/packages_app/publication/repair.html"
    actions = ("force_rebuild",)
    fieldsets = (
        (None, {"fields": ("suite", "kind", "date", "valid_until", "packages", "records_read", "uploaded",
                           "shown_job")}),
        ("Signature", {"fields": ("fingerprint", "release_sha256")}),
        ("Records", {"fields": ("added_lines", "removed_lines", "left_out_lines", "missing_lines")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Publication]:
        """Read the jobs with the rows."""
        return super().get_queryset(request).select_related("job")

    @display(description="kind", ordering="kind", label={"publish": "success", "force rebuild": "warning", "": "info"})
    def shown_kind(self, publication: Publication) -> str:
        """Why it was made."""
        return publication.get_kind_display()

    @display(description="added / removed")
    def changes(self, publication: Publication) -> str:
        """How many packages came and went."""
        return f"+{len(publication.added)} / −{len(publication.removed)}"

    @display(description="left out")
    def shown_left_out(self, publication: Publication) -> str:
        """How many records no index carries."""
        return str(len(publication.left_out) or "–")

    @display(description="files missing")
    def shown_missing(self, publication: Publication) -> str:
        """How many pool files were missing."""
        return str(len(publication.missing_files) or "–")

    @display(description="bytes of indexes uploaded")
    def uploaded(self, publication: Publication) -> str:
        """What the publication cost."""
        return size_text(publication.uploaded_bytes)

    @display(description="job")
    def shown_job(self, publication: Publication) -> str | SafeString:
        """A link to the job that made it."""
        if publication.job is None:
            return "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(publication.job), publication.job)

    @display(description="added")
    def added_lines(self, publication: Publication) -> SafeString:
        """What came."""
        return lines(publication.added)

    @display(description="removed")
    def removed_lines(self, publication: Publication) -> SafeString:
        """What went."""
        return lines(publication.removed)

    @display(description="left out, with the reason")
    def left_out_lines(self, publication: Publication) -> SafeString:
        """What no index carries, and why."""
        return lines(
            [f"{row['package_id']} {row['architecture']}: {', '.join(row['reasons'])}" for row in publication.left_out]
        )

    @display(description="missing pool files")
    def missing_lines(self, publication: Publication) -> SafeString:
        """What a force rebuild found missing."""
        return lines(publication.missing_files)

    @action(description="Force rebuild these suites", permissions=["publish"])
    def force_rebuild(self, request: HttpRequest, queryset: QuerySet[Publication]) -> HttpResponseBase:
        """Ask for a force rebuild of the chosen rows' suites."""
        suites = set(queryset.values_list("suite", flat=True))
        return asked(request, lambda: request_force_rebuild(suites, request.user), otherwise=request.path)

    def get_urls(self) -> list[URLPattern]:
        """Add what buttons post to."""
        view = self.admin_site.admin_view
        return [
            path("publish/", view(require_POST(self.publish_view)), name="packages_app_publication_publish"),
            path("force-rebuild/", view(require_POST(self.rebuild_view)), name="packages_app_publication_rebuild"),
            path("sweep/", view(require_POST(self.sweep_view)), name="packages_app_publication_sweep"),
            *super().get_urls(),
        ]

    def publish_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a publication of one suite."""
        demand(request, PUBLISH)
        suite = request.POST.get("suite", "")
        return asked(request, lambda: request_publication(suite, user=request.user), otherwise=reverse("admin:index"))

    def rebuild_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a force rebuild of the posted suites, all when none is."""
        demand(request, PUBLISH)
        suites, repair = request.POST.getlist("suite"), "repair" in request.POST
        return asked(
            request,
            lambda: request_force_rebuild(suites, request.user, repair=repair),
            otherwise=reverse("admin:index"),
        )

    def sweep_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a sweep, or with `dry_run` for what one would take."""
        demand(request, PUBLISH)
        dry_run = "dry_run" in request.POST
        return asked(request, lambda: request_sweep(request.user, dry_run=dry_run), otherwise=reverse("admin:index"))
