"""Pages whose rows are changed here, such as users and groups: each change is told of with before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from packages_app.models import AccessGrant, AccessToken
from packages_app.services.audit.write import write

if TYPE_CHECKING:
    _Page = ModelAdmin[Any]
else:
    _Page = object  # it stands before the page's own classes, and calls them

_CHANGED = "audited_change"


class AuditedAdmin(_Page):
    """Tells the audit trail of what its forms add, change and delete, in the transaction that does it."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Keep what the form changed, and return Django's own message."""
        changed = form.changed_data
        before = {} if add else {name: _said(form.initial.get(name)) for name in changed}
        after = {name: _said(form.cleaned_data.get(name)) for name in changed}
        for formset in formsets or ():
            gone, new = formset.deleted_objects, [*formset.new_objects, *(row for row, _ in formset.changed_objects)]
            before |= {formset.prefix: _said(gone)} if gone else {}
            after |= {formset.prefix: _said(new)} if new else {}
        setattr(request, _CHANGED, (before, after))
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Tell of a row that was added."""
        self._tell(request, obj, "add")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Tell of a row that was changed, a password too."""
        self._tell(request, obj, "change")
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete a row and tell of it, both or neither."""
        with transaction.atomic():
            self._tell_gone(obj)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete rows and tell of each, all or none."""
        with transaction.atomic():
            for obj in queryset:
                self._tell_gone(obj)
            super().delete_queryset(request, queryset)

    def _tell(self, request: HttpRequest, obj: Model, deed: str) -> None:
        before, after = getattr(request, _CHANGED, ({}, {}))
        write(f"{self.opts.model_name}.{deed}", subject=str(obj), before=before, after=after)

    def _tell_gone(self, obj: Model) -> None:
        names = [field.name for field in obj._meta.concrete_fields]
        before = {name: _said(getattr(obj, name)) for name in names}
        if isinstance(obj, User):
            before["groups"] = _said(obj.groups.all())
            before["tokens"] = _said(AccessToken.of_all_archives.filter(owner=obj))
        if isinstance(obj, User | Group):
            held = {"user": obj} if isinstance(obj, User) else {"group": obj}
            before["grants"] = _said(AccessGrant.of_all_archives.filter(**held))
            rights = obj.user_permissions if isinstance(obj, User) else obj.permissions
            before["permissions"] = _said(rights.all())
        write(f"{self.opts.model_name}.delete", subject=str(obj), before=before)


def _said(value: Any) -> Any:
    """Return a field's value as the trail keeps it: rows by what they are called. It leaves passwords out itself."""
    if isinstance(value, QuerySet | list | tuple):
        return sorted(str(each) for each in value)
    return value if value is None or isinstance(value, bool | int) else str(value)
