"""Cleared cautions: what persons have approved of packages, which holds no later publication back."""

from __future__ import annotations

from django.contrib import admin

from packages_app.admin.long_list import ValueFilter
from packages_app.admin.read_only import ReadOnlyAdmin
from packages_app.models import ClearedCaution


class SuiteFilter(ValueFilter):
    """What is cleared in one suite."""

    title, parameter_name, model = "suite", "suite", ClearedCaution


@admin.register(ClearedCaution)
class ClearedCautionAdmin(ReadOnlyAdmin):
    """Approvals in force, newest first."""

    list_display = ("package", "said", "suite", "cleared")
    list_filter = (SuiteFilter,)
    search_fields = ("package__startswith",)
    sortable_by = ()
    fields = ("suite", "package", "said", "cleared")
