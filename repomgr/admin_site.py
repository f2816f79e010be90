"""The admin's site: the theme's, with a login that may ask for more than a password, and the pages of signing in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ModelAdmin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.core.paginator import InvalidPage
from django.db.models import Model
from django.db.models.base import ModelBase
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, reverse
from unfold.sites import UnfoldAdminSite

from packages_app.services.sign_in.required import may_use_password
from packages_app.services.sign_in.stages import sign_in_by_password

if TYPE_CHECKING:
    _Page = ModelAdmin[Any]
else:
    _Page = ModelAdmin

_ALLAUTH = ("account", "mfa", "socialaccount")
"""Applications of django-allauth. Its own pages of the admin would show their secrets."""


def chosen_of(page: _Page, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a list's view that is given those chosen rows alone that there may be, none where none of them is there.

    Django looks for whatever is sent: of a made-up key, such as a word for a number, that is a `ValueError`, and
    an action on rows that are gone is one on none, which may stand for all.
    """

    def listed(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
        if request.method == "POST" and ACTION_CHECKBOX_NAME in request.POST:
            posted = request.POST.copy()
            chosen = [key for key in posted.getlist(ACTION_CHECKBOX_NAME) if _may_be_key(page.model, key)]
            if not page.get_queryset(request).filter(pk__in=chosen).exists():
                chosen = []
            posted.setlist(ACTION_CHECKBOX_NAME, chosen)
            request.POST = posted  # type: ignore[assignment]
        return view(request, *args, **named)

    return listed


def _may_be_key(model: type[Model], text: str) -> bool:
    field = model._meta.pk
    try:
        field.run_validators(field.to_python(text))
    except ValidationError:
        return False
    return "\0" not in text


class Login(LoginView):
    """The login, whose right password may be the first step alone."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in whose password was right, or go on to what is asked of him besides."""
        if not may_use_password(form.get_user()):
            form.add_error(None, f"Passwords are for superusers here: sign in with {settings.SINGLE_SIGN_ON.name}.")
            return self.form_invalid(form)
        return sign_in_by_password(self.request, form.get_user(), self.get_success_url())


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """The one site of the admin."""

    def extra_urls(self) -> list[URLPattern]:
        """Return the addresses of the pages of signing in, for the theme's site to add."""
        from packages_app.admin.sign_in import sign_in_addresses  # pages are imported with the addresses

        return sign_in_addresses(self)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models, but for those of django-allauth."""
        models: Iterable[Any] = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        super().register([each for each in models if each._meta.app_label not in _ALLAUTH], admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return a page for who may see the admin; a list acts on rows that there may be."""
        owner = getattr(view, "__self__", None)
        if isinstance(owner, ModelAdmin) and view.__name__ == "changelist_view":
            view = chosen_of(owner, view)
        return super().admin_view(view, cacheable)

    def _get_account_links(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return what the menu of who is signed in leads to; a change of password is for who has one to sign in by."""
        found: list[dict[str, Any]] = super()._get_account_links(request)
        user = request.user
        if isinstance(user, User) and user.has_usable_password() and may_use_password(user):
            return found
        return [link for link in found if link["link"] != reverse("admin:password_change", current_app=self.name)]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Show what the search in the sidebar found; raise `Http404` for a page that there is none of."""
        try:
            found: HttpResponseBase = super().search(request, extra_context)
        except InvalidPage as error:  # the theme asks for whatever page the address says
            raise Http404("What was found has no such page.") from error
        return found

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Show the login, or take a password."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        context = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            "issuer": settings.SINGLE_SIGN_ON.name,
            "passwords": settings.SIGN_IN_PASSWORDS,
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index", current_app=self.name)
        request.current_app = self.name
        view = Login.as_view(
            extra_context=context, authentication_form=self.login_form, template_name="admin/login.html"
        )
        return view(request)
