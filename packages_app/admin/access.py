"""Users, groups and schedules in the same dress."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin as BeatPeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from packages_app.admin.audited import AuditedAdmin
from packages_app.admin.fresh import FreshActions
from packages_app.admin.read_only import may_administer
from packages_app.core.second_factor import OFF
from packages_app.models import GroupArchive
from packages_app.services.archives import slugs
from packages_app.services.sign_in.lost_factor import take_away_factors
from packages_app.services.sign_in.note import require_fresh

for model in (User, Group, ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


class RightsAdmin(FreshActions):
    """What gives rights: superusers change it, and prove anew who they are, once that is some minutes ago.

    Django's rights to change users or groups would let who has one make himself a superuser, or take one's password.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers add."""
        return may_administer(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers change."""
        return may_administer(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers delete."""
        return may_administer(request)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show a form, or save it."""
        if self.has_change_permission(request) if object_id else self.has_add_permission(request):
            require_fresh(request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Ask whether to delete, or do it."""
        if self.has_delete_permission(request):
            require_fresh(request)
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what goes with a user or group: grants, tokens and keys too, whose own pages delete none."""
        gone, counts, _, kept = super().get_deleted_objects(objs, request)
        return gone, counts, set(), kept

    def may_act(self, request: HttpRequest) -> bool:
        """Return whether the user may do an action of this list: what each needs more, Django asks."""
        may: bool = self.has_view_or_change_permission(request)
        return may


@admin.register(User)
class UserAdmin(AuditedAdmin, DjangoUserAdmin, RightsAdmin):  # type: ignore[type-arg]
    """People."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = ("take_factors_away",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to take second factors away where there are any."""
        actions: dict[str, Any] = super().get_actions(request)
        if settings.SECOND_FACTOR == OFF:
            actions.pop("take_factors_away", None)
        return actions

    @admin.action(description="Take second factors away (lost phone or key)", permissions=["change"])
    def take_factors_away(self, request: HttpRequest, users: Any) -> None:
        """Let those in by their password who have lost their second factor; their sessions end."""
        for user in users:
            take_away_factors(user.username, by=request.user.get_username())
        messages.success(request, f"They sign in by their password alone now: {', '.join(map(str, users))}.")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002 - Django's
        """Ask for another's new password, or set it."""
        if self.has_change_permission(request):
            require_fresh(request)
        return super().user_change_password(request, id, form_url)


class GroupArchives(TabularInline):
    """The archives that a group has its rights in."""

    model = GroupArchive
    extra = 0
    verbose_name = "archive in which the rights count"
    verbose_name_plural = "archives in which the rights count (none named: all)"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the archives that there are."""
        if db_field.name == "archive":
            choices = [(slug, slug) for slug in slugs()]
            return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(choices=choices))
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see and change it who may change the group."""
        return may_administer(request)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(Group)
class GroupAdmin(AuditedAdmin, DjangoGroupAdmin, RightsAdmin):
    """Rights: viewing, uploading, publishing; in every archive, or in those named."""

    def get_inlines(self, request: HttpRequest, obj: Group | None) -> list[type[TabularInline]]:
        """Ask for archives where there are several."""
        return [GroupArchives] if len(slugs()) > 1 else []


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(AuditedAdmin, BeatPeriodicTaskAdmin, ModelAdmin):
    """What the clock starts."""

    # beat's own template has a script in the page, which the Content-Security-Policy forbids. It repeats what a
    # crontab means below its field; the page says it in a field of its own.
    change_form_template = None

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave running and switching to those who may change a schedule; beat asks nothing."""
        actions: dict[str, Any] = super().get_actions(request) if self.has_change_permission(request) else {}
        return actions


@admin.register(IntervalSchedule, CrontabSchedule)
class ScheduleAdmin(AuditedAdmin, ModelAdmin):
    """How often."""
