"""What django-allauth asks of us about accounts. It signs in whom our login has let through, and makes no account."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from packages_app.services.audit.write import write
from packages_app.services.sign_in.attempts import counted_address
from packages_app.services.sign_in.membership import by_issuer
from packages_app.services.sign_in.note import note_sign_in
from packages_app.services.sign_in.stages import password_has_changed

_ISSUER_SECONDS = 12 * 3600
"""So long a session lasts that an issuer has opened: who leaves its groups is out by then."""
BACKEND = "packages_app.services.rights.in_archive.RightsInArchive"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are the admin's own: made there, and signed in by its login."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: nobody makes himself an account."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in who has shown all that is asked of him, unless he or his password is another meanwhile."""
        if password_has_changed(request, user) or not user.is_active:
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        user.backend = BACKEND
        super().login(request, user)
        how = {record["method"] for record in get_authentication_records(request, user)}
        from_issuer, shown = "socialaccount" in how, "mfa" in how
        request.session.set_expiry(_ISSUER_SECONDS if from_issuer else None)
        # The issuer may have asked for nothing just now; where it does not say when it did, that is long ago.
        asked = _proved_to_issuer(request) if from_issuer and not shown else None
        second = shown or (from_issuer and settings.SINGLE_SIGN_ON.second_factor)
        note_sign_in(request, counted_address(request), second=second, proved=asked)
        if from_issuer:
            write("sign_in", subject=user.get_username(), given=by_issuer())

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that guesses are counted by."""
        return counted_address(request) or "unknown"

    def add_message(self, request: HttpRequest, level: int, *_: Any, message: str | None = None, **__: Any) -> None:
        """Show what is said in so many words; our pages say the rest."""
        if message:
            messages.add_message(request, level, message)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Go back to the login."""
        return HttpResponseRedirect(reverse("admin:login"))


def _proved_to_issuer(request: HttpRequest) -> float:
    from packages_app.services.sign_in.single_sign_on import proved_at  # its tables are there where there is an issuer

    return proved_at(getattr(request, "single_sign_on_claims", {}))
