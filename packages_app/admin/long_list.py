"""Lists of very many rows: what a page costs does not grow with the rows that it does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from packages_app.models.values_there import values_there

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNTED = 5_000
"""Rows are counted, and leafed through, up to this number; whoever looks for one of more filters or searches."""


class LongListPaginator(_Paginator):
    """Counts exactly up to `COUNTED` rows and stops there, so that no request reads a million rows to number them."""

    template_name = "admin/packages_app/long_list/pagination.html"

    @cached_property
    def count(self) -> int:
        """How many rows can be leafed through."""
        return min(self._read, COUNTED)

    @property
    def more(self) -> bool:
        """Whether there are more rows than those."""
        return self._read > COUNTED

    @cached_property
    def _read(self) -> int:
        rows: Any = self.object_list
        read: int = rows.order_by()[: COUNTED + 1].count()
        return read


class LongChangeList(ChangeList):
    """Says no number of rows that was not counted, and looks once only for what is not there."""

    def get_results(self, request: HttpRequest) -> None:
        """Return the page's rows; the heading tells no number of results when there are more."""
        super().get_results(request)
        if self.paginator.more:
            self.full_result_count = self.result_count
        if not self.result_count:
            self.result_list = self.queryset.none()


class ValueFilter(admin.SimpleListFilter):
    """Rows of one value of the field `parameter_name`, which begins an index; offered are those that rows have."""

    parameter_name: str
    model: type[Model]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the values that rows have."""
        return [(value, value) for value in values_there(self.model, self.parameter_name)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the rows of the chosen value."""
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset
