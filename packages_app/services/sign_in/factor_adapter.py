"""What django-allauth asks of us about second factors."""

from __future__ import annotations

import secrets
from base64 import b32encode

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.contrib.auth.models import User

from packages_app.services.secret_key import box_for
from packages_app.services.sign_in.factors import is_last_factor
from packages_app.services.sign_in.required import requires_factor

_PURPOSE = "second factors"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of apps and of recovery codes are sealed by SECRET_KEY, which no copy of the database has."""

    def encrypt(self, text: str) -> str:
        """Return a secret sealed."""
        return box_for(_PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one that nobody knows where another SECRET_KEY has sealed it, so that no code fits."""
        try:
            return box_for(_PURPOSE).decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return b32encode(secrets.token_bytes(20)).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return False for the last one of who must have one."""
        return not (is_last_factor(authenticator) and requires_factor(authenticator.user))

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's
        """Return a name for a new key."""
        return f"Key {Authenticator.objects.filter(user=user, type=type).count() + 1}"
