"""What django-allauth asks of us. It signs in whom our login has let through, and makes no account."""

from __future__ import annotations

import secrets
from base64 import b32encode, urlsafe_b64encode
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from packages_app.services.sign_in.attempts import counted_address
from packages_app.services.sign_in.factors import is_last_factor
from packages_app.services.sign_in.note import note_sign_in
from packages_app.services.sign_in.required import requires_factor

BACKEND = "packages_app.services.archive_rights.RightsInArchive"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are the admin's own: made there, and signed in by its login."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: nobody makes himself an account."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in who has shown all that is asked of him."""
        user.backend = BACKEND
        super().login(request, user)
        request.session.set_expiry(None)
        second = any(record["method"] == "mfa" for record in get_authentication_records(request, user))
        note_sign_in(request, counted_address(request), second=second)

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


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of apps and of recovery codes are sealed by SECRET_KEY, which no copy of the database has."""

    def encrypt(self, text: str) -> str:
        """Return a secret sealed."""
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one that nobody knows where another SECRET_KEY has sealed it, so that no code fits."""
        try:
            return _seal().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return b32encode(secrets.token_bytes(20)).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return False for the last one of who must have one."""
        return not (is_last_factor(authenticator) and requires_factor(authenticator.user))

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's
        """Return a name for a new key."""
        return f"Key {Authenticator.objects.filter(user=user, type=type).count() + 1}"


def _seal() -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"repomgr second factors").derive(settings.SECRET_KEY.encode())
    return Fernet(urlsafe_b64encode(key))
