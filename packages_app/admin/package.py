"""Packages: the mirror as a list, a record's page, and the upload form."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import action, display

from packages_app.admin.adopt import adopt_view
from packages_app.admin.direct_upload import direct_upload_urls
from packages_app.admin.forms import BuildForm
from packages_app.admin.long_list import LongChangeList, ValueFilter
from packages_app.admin.package_moves import move_page, move_view
from packages_app.admin.package_stanza import download_url, package_stanzas
from packages_app.admin.purge import purge_view
from packages_app.admin.read_only import (
    BOOTSTRAP,
    LONGEST_SEARCH,
    ReadOnlyAdmin,
    as_fault,
    job_page,
    lines,
    require,
    say_refused,
    size_text,
    told_or_refused,
)
from packages_app.admin.side_by_side import side_by_side_view
from packages_app.admin.upload import delivery_view, upload_view
from packages_app.admin.who_may import uploaders_of
from packages_app.core.built_from import built_from, built_from_told
from packages_app.core.errors import RepomgrError
from packages_app.core.query import QueryRefused, is_query
from packages_app.core.record import TableKey
from packages_app.core.rights import Action
from packages_app.core.suite_change import What
from packages_app.models import Job, Package, SuiteMembership
from packages_app.models.package import PackageQuerySet
from packages_app.services.intake.build_bootstrap import PARTS, next_version
from packages_app.services.lifecycle.history import history_of
from packages_app.services.lifecycle.move import MOST
from packages_app.services.lifecycle.rollout import rollout_lines, rollouts_in
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.selection import select_packages
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.requests import request_build
from packages_app.services.rights.rule import rights_of


class TypeFilter(ValueFilter):
    """Packages of one source type."""

    title, parameter_name, model = "type", "package_type", Package


class ArchitectureFilter(ValueFilter):
    """Packages for one architecture."""

    title, parameter_name, model = "architecture", "architecture", Package


class SuiteFilter(ValueFilter):
    """Packages of one suite."""

    title, parameter_name, model = "suite", "suite", SuiteMembership

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the chosen suite's packages, of them those that are searched for."""
        text = request.GET.get(SEARCH_VAR, "")[:LONGEST_SEARCH]
        return queryset.in_suite(self.value(), "" if is_query(text) else text) if self.value() else queryset


class PackageList(LongChangeList):
    """Sorts packages as an index has them, those of a suite by the suite's own."""

    def get_ordering(self, request: HttpRequest, queryset: PackageQuerySet) -> list[str]:
        """Return the column that was chosen, then those of the usual order, which ends with the key."""
        chosen = [name for name in super().get_ordering(request, queryset) if name != "-pk"]
        named = {name.removeprefix("-") for name in chosen}
        order = [*chosen, *(name for name in PackageAdmin.ordering if name.removeprefix("-") not in named)]
        if not _suite_chosen(request):
            return order
        return [re.sub("^(-?)package_name$", r"\1member__package_name", name) for name in order]


def _suite_chosen(request: HttpRequest) -> bool:
    return bool(request.GET.get(SuiteFilter.parameter_name))


@admin.register(Package)
class PackageAdmin(ReadOnlyAdmin):
    """Records of the package table, newest version of a name first."""

    list_display = ("name_and_summary", "shown_version", "shown_architecture", "suites", "component", "shown_type",
                    "size", "taken_in")  # fmt: skip
    list_filter = (TypeFilter, SuiteFilter, ArchitectureFilter)
    search_fields = ("package_name",)  # says that there is a search; `get_search_results` says what it finds
    search_help_text = "Part of a name, name#version, or a query: tool* (>= 1.0), $Suite (stable)"
    ordering = ("package_name", "-version_key", "architecture", "id")
    # Those that an index sorts; types and architectures are filtered by, versions sorted within a name.
    sortable_by = ("name_and_summary", "taken_in")
    list_before_template = "admin/packages_app/package/buttons.html"
    change_form_outer_before_template = "admin/packages_app/package/moves.html"
    actions = ("withdraw", "restore", "promote", "roll_out")
    fieldsets = (
        (None, {"fields": ("package_name", "version", "architecture", "build", "suites", "component", "package_type",
                           "rollouts", "download", "history", "origin", "may_upload")}),
        ("Description", {"fields": ("shown_description", "maintainer", "homepage", "section", "priority", "depends")}),
        ("File", {"fields": ("pool_path", "actual_filename", "size", "md5_hash", "sha1_hash", "sha256_hash",
                             "sha512_hash")}),
        ("Upstream", {"fields": ("deb_url", "certificate_url", "signature_url", "pub_date", "notes",
                                 "processed_timestamp", "other_fields")}),
        ("Stanza", {"fields": ("stanza",)}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        """Read the suites of all rows in one query."""
        return super().get_queryset(request).prefetch_related("memberships").defer("control", "notes")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[PackageList]:
        """Sort in the order of indexes."""
        return PackageList

    def get_search_results(
        self, request: HttpRequest, queryset: PackageQuerySet, search_term: str
    ) -> tuple[PackageQuerySet, bool]:
        """Find packages by a part of their name, by name and version, or by a query.

        Within a suite its filter has found them, but for what a query selects.
        """
        if is_query(search_term):
            try:
                return select_packages(search_term, queryset), False
            except QueryRefused as error:
                say_refused(request, error)
                return queryset.none(), False
        return queryset if _suite_chosen(request) else queryset.found_by(search_term[:LONGEST_SEARCH]), False

    @display(description="name", ordering="package_name", header=True)
    def name_and_summary(self, package: Package) -> list[str]:
        """Return the name, and below it the description's first line."""
        return [package.package_name, package.description.partition("\n")[0]]

    @display(description="version")
    def shown_version(self, package: Package) -> str:
        """Return the version; the column sorts as dpkg does."""
        return package.version

    @display(description="architecture")
    def shown_architecture(self, package: Package) -> str:
        """Return the architecture, and the build of a package that is one of several."""
        return package.built_for

    @display(description="suites")
    def suites(self, package: Package) -> str:
        """Return the suites, separated by commas."""
        return ", ".join(sorted(membership.suite for membership in package.memberships.all())) or "none"

    @display(description="type")
    def shown_type(self, package: Package) -> str:
        """Return the source type in words."""
        return package.package_type.replace("_", " ")

    @display(description="size")
    def size(self, package: Package) -> str:
        """Return the file's size for people."""
        return size_text(package.file_size)

    @display(description="taken in", ordering="processed_timestamp")
    def taken_in(self, package: Package) -> str:
        """When it was taken in (UTC)."""
        return package.processed_timestamp[:16].replace("T", " ")

    @display(description="download")
    def download(self, package: Package) -> SafeString:
        """Return a link to the file as clients get it."""
        return format_html('<a class="rm-link" href="{}">{}</a>', download_url(package), package.actual_filename)

    @display(description="history")
    def history(self, package: Package) -> SafeString:
        """Return when it was taken in, and each change of its suites."""
        return told_or_refused(lambda: lines(history_of(package)))

    @display(description="built from")
    def origin(self, package: Package) -> str:
        """Return what it was built from, where an identity provider vouched for that."""
        return built_from_told(built_from(package)) or "not told"

    @display(description="may upload this")
    def may_upload(self, package: Package) -> SafeString:
        """Return who may upload a version, and by which right."""
        return told_or_refused(lambda: uploaders_of(package.package_name))

    @display(description="rolled out")
    def rollouts(self, package: Package) -> SafeString:
        """Return to how many clients of each suite an upgrade is given, and in which steps to more."""
        return lines(rollout_lines(package))

    @action(description="Withdraw from suites…", permissions=["publish"])
    def withdraw(self, request: HttpRequest, queryset: PackageQuerySet) -> HttpResponseBase:
        """Show what clients would see without the chosen packages."""
        return move_page(self.admin_site, self.opts, request, Move(What.WITHDRAWN, _keys(queryset)))

    @action(description="Restore what was withdrawn…", permissions=["publish"])
    def restore(self, request: HttpRequest, queryset: PackageQuerySet) -> HttpResponseBase:
        """Show what clients would see with the chosen packages again."""
        return move_page(self.admin_site, self.opts, request, Move(What.RESTORED, _keys(queryset)))

    @action(description="Promote to a suite…", permissions=["publish"])
    def promote(self, request: HttpRequest, queryset: PackageQuerySet) -> HttpResponseBase:
        """Ask where to, and show what clients would see with the chosen packages there too."""
        return move_page(self.admin_site, self.opts, request, Move(What.PROMOTED, _keys(queryset)))

    @action(description="Roll out in steps…", permissions=["publish"])
    def roll_out(self, request: HttpRequest, queryset: PackageQuerySet) -> HttpResponseBase:
        """Ask how far, and show which part of the clients would be given the chosen packages."""
        return move_page(self.admin_site, self.opts, request, Move(What.ROLLED_OUT, _keys(queryset)))

    @display(description="description")
    def shown_description(self, package: Package) -> SafeString:
        """Return all lines of the description."""
        return format_html('<div class="rm-lines">{}</div>', package.description)

    @display(description="stanza")
    def stanza(self, package: Package) -> SafeString:
        """Return the package's entry in the indexes, for each suite where they differ."""
        stanzas = package_stanzas(package)
        if len(stanzas) == 1:
            return format_html('<pre class="rm-pre">{}</pre>', stanzas[0][1])
        return format_html_join("", '<p class="rm-soft">{}</p><pre class="rm-pre">{}</pre>', stanzas)

    def may_publish(self, request: HttpRequest, row: Package) -> bool:
        """Return whether the user may move the package in any suite."""
        return rights_of(request.user).may_somewhere(Action.PUBLISH, row.package_name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a package, with buttons for its roll-out where there is one."""
        row = self.get_object(request, object_id)
        context = {**(extra_context or {}), "rolling_out": sorted(rollouts_in(row)) if row is not None else []}
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, those of the forms first."""
        # The upload handler must be chosen before the request's body is read, which the CSRF check does.
        upload = self.admin_site.admin_view(csrf_exempt(partial(upload_view, self.admin_site, self.opts)))
        delivery = self.admin_site.admin_view(partial(delivery_view, self.admin_site, self.opts))
        move = self.admin_site.admin_view(require_POST(partial(move_view, self.admin_site, self.opts)))
        purge = self.admin_site.admin_view(partial(purge_view, self.admin_site, self.opts))
        adopt = self.admin_site.admin_view(partial(adopt_view, self.admin_site, self.opts))
        beside = self.admin_site.admin_view(require_safe(self.beside_view))
        return [
            path("upload/", upload, name="packages_app_package_upload"),
            *direct_upload_urls(self.admin_site),
            path("upload/<str:delivery>/", delivery, name="packages_app_package_delivery"),
            path("build/", self.admin_site.admin_view(self.build_view), name="packages_app_package_build"),
            path("side-by-side/", beside, name="packages_app_package_beside"),
            path("adopt/", adopt, name="packages_app_package_adopt"),
            path("move/", move, name="packages_app_package_move"),
            path("<int:pk>/purge/", purge, name="packages_app_package_purge"),
            *super().get_urls(),
        ]

    def beside_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show what differs between two suites."""
        require(request, "packages_app.view_package")
        return side_by_side_view(self.admin_site, self.opts, request)

    def build_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a build of a bootstrap package, a right of its own; show why it is refused where it is."""
        require(request, BOOTSTRAP)
        form = BuildForm(request=request)
        if request.method == "POST" and form.is_valid():
            try:
                with told_as_ours():
                    return HttpResponseRedirect(job_page(_build_asked_for(form, request)))
            except RepomgrError as error:
                form.add_error(form.refused_field, as_fault(error))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Build a bootstrap package",
            "form": form,
            "cancel": reverse("admin:packages_app_package_changelist"),
        }
        return TemplateResponse(request, "admin/packages_app/package/form.html", context)


def _keys(rows: PackageQuerySet) -> tuple[TableKey, ...]:
    """Return the keys of rows, one more than are moved at once where there are more."""
    return tuple(rows[: MOST + 1].record_keys())


def _build_asked_for(form: BuildForm, request: HttpRequest) -> Job:
    """Ask for the build of the version that a form says; return the job."""
    said = form.cleaned_data
    version = said["version"] or next_version(said["name"], said["part"] or PARTS[-1])
    return request_build(said["name"], version, request.user)
