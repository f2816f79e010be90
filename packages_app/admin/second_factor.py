"""Pages of the second factor: setting one up, showing it at the login, recovery codes. Forms are django-allauth's."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse_lazy

from packages_app.services.sign_in.attempts import count_failure, is_locked
from packages_app.services.sign_in.factors import CodeForm, asked_of, factors_of, has_factor, is_last_factor, spend_code
from packages_app.services.sign_in.note import StaleSignIn, note_of, note_proof, require_fresh, user_of
from packages_app.services.sign_in.required import requires_factor
from packages_app.services.sign_in.sessions import end_sessions

_DRESS = "admin/sign_in"


class Dressed:
    """A page in the admin's dress."""

    title: str

    def get_context_data(self, **named: Any) -> dict[str, Any]:
        """Return what the page is made of."""
        context: dict[str, Any] = super().get_context_data(**named)  # type: ignore[misc]
        return {**admin.site.each_context(self.request), "title": self.title, **context}  # type: ignore[attr-defined]


class Fresh(Dressed):
    """A page for who has just proved who he is: what is set up there opens the account."""

    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        """Answer, or ask for the proof; who has a factor has shown it, so that a password alone adds no other."""
        noted = note_of(request.session)
        if noted is not None and not noted.second and has_factor(user_of(request)):
            raise StaleSignIn("This needs your second factor.", remedy="Confirm that it is you, then do it again.")
        require_fresh(request)
        response: HttpResponseBase = super().dispatch(request, *arguments, **named)  # type: ignore[misc]
        return response

    def take_up(self) -> None:
        """Note that this session has a second factor, and end all others, which had none."""
        request: HttpRequest = self.request  # type: ignore[attr-defined]
        note_proof(request, second=True)
        end_sessions(user_of(request), by=user_of(request).username, but=request.session.session_key)


class ShowFactor(Dressed, AuthenticateView):
    """The step of the login that follows a right password."""

    form_class = CodeForm
    template_name = f"{_DRESS}/show.html"
    title = "Second factor"

    def get_context_data(self, **named: Any) -> dict[str, Any]:
        """Return what the page is made of."""
        return {**super().get_context_data(**named), **asked_of(self.stage.login.user)}

    def post(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        """Sign in who shows his factor; guesses are locked as those at a password are."""
        request.account_signing_in = self.stage.login.user.get_username()  # type: ignore[attr-defined]
        if is_locked(request, self.stage.login.user):
            return HttpResponse(status=429)
        return super().post(request, *arguments, **named)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Count what was wrong, and ask again."""
        count_failure(self.request, self.stage.login.user)
        return super().form_invalid(form)


class AddApp(Fresh, ActivateTOTPView):
    """An authenticator app: its picture is scanned, and a code of it is shown."""

    template_name = f"{_DRESS}/app.html"
    title = "Authenticator app"

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the app; the code that was shown is spent."""
        response = super().form_valid(form)
        app = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        spend_code(app, form.cleaned_data["code"])
        self.take_up()
        return response


class RemoveApp(Fresh, DeactivateTOTPView):
    """The app's end."""

    template_name = f"{_DRESS}/remove.html"
    title = "Remove the authenticator app"


class AddKey(Fresh, AddWebAuthnView):
    """A security key, or what the computer or phone has of one (WebAuthn)."""

    template_name = f"{_DRESS}/key.html"
    title = "Security key"

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the key."""
        response = super().form_valid(form)
        self.take_up()
        return response


class RemoveKey(Fresh, RemoveWebAuthnView):
    """A key's end."""

    template_name = f"{_DRESS}/remove.html"
    title = "Remove a security key"
    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, unless it is the last of who must have one."""
        key = self.get_object()
        if is_last_factor(key) and requires_factor(self.request.user):
            raise PermissionDenied
        return super().form_valid(form)


class NewCodes(Fresh, GenerateRecoveryCodesView):
    """Recovery codes in place of those there are."""

    template_name = f"{_DRESS}/new_codes.html"
    title = "New recovery codes"


class Codes(Fresh, ViewRecoveryCodesView):
    """Recovery codes, shown once."""

    template_name = f"{_DRESS}/codes.html"
    title = "Recovery codes"


def factors_page(request: HttpRequest) -> HttpResponseBase:
    """Show what a user has, and what is to be set up."""
    user = user_of(request)
    noted, required = note_of(request.session), requires_factor(user)
    factors = factors_of(user)
    left = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    page = {
        "title": "Second factor",
        "factors": factors,
        "has_app": any(each.type == Authenticator.Type.TOTP for each in factors),
        "required": required,
        "lacks": required and not (noted is not None and noted.second),
        "codes_left": len(left.wrap().get_unused_codes()) if left is not None else None,
    }
    return TemplateResponse(request, f"{_DRESS}/factors.html", {**admin.site.each_context(request), **page})


def factor_addresses() -> list[URLPattern]:
    """Return the addresses of these pages, by the names that django-allauth knows them by. It has no others here."""
    view = admin.site.admin_view

    def at(address: str, page: Any, name: str) -> URLPattern:
        return path(f"second-factor/{address}", page, name=name)

    return [
        at("", view(factors_page), "mfa_index"),
        at("show/", ShowFactor.as_view(), "mfa_authenticate"),
        at("app/", view(AddApp.as_view()), "mfa_activate_totp"),
        at("app/remove/", view(RemoveApp.as_view()), "mfa_deactivate_totp"),
        at("key/", view(AddKey.as_view()), "mfa_add_webauthn"),
        at("key/<int:pk>/remove/", view(RemoveKey.as_view()), "mfa_remove_webauthn"),
        at("codes/", view(Codes.as_view()), "mfa_view_recovery_codes"),
        at("codes/new/", view(NewCodes.as_view()), "mfa_generate_recovery_codes"),
    ]
