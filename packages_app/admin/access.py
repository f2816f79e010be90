"""Users, groups and schedules in the same dress."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
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
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

for model in (User, Group, ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """People."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Rights: viewing, uploading, publishing."""


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatPeriodicTaskAdmin, ModelAdmin):
    """What the clock starts."""

    # beat's own template has a script in the page, which the Content-Security-Policy forbids. It repeats what a
    # crontab means below its field; the page says it in a field of its own.
    change_form_template = None

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave running and switching to those who may change a schedule; beat asks nothing."""
        actions: dict[str, Any] = super().get_actions(request) if self.has_change_permission(request) else {}
        return actions


@admin.register(IntervalSchedule, CrontabSchedule)
class ScheduleAdmin(ModelAdmin):
    """How often."""
