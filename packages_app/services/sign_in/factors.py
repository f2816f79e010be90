"""Second factors: which a user has, and showing one. Codes and keys are checked by django-allauth.

Imported only where SECOND_FACTOR is not off: the tables are not there else.
"""

from __future__ import annotations

from typing import Any

import structlog
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django.contrib.auth.models import User
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest

from packages_app.services.sign_in.attempts import count_failure, forget_failures, is_locked

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_LAST_STEP = "last_step"

log = structlog.get_logger(__name__)


def has_factor(user: User) -> bool:
    """Return whether a user has an authenticator app or a security key; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def factors_of(user: User) -> list[Authenticator]:
    """Return what a user has, the oldest first, without recovery codes."""
    return list(Authenticator.objects.filter(user=user, type__in=_FACTORS).order_by("created_at"))


def is_last_factor(authenticator: Authenticator) -> bool:
    """Return whether a user would have none without this one."""
    others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=_FACTORS)
    return not others.exclude(pk=authenticator.pk).exists()


def remove_factors(user: User, *, by: str) -> int:
    """Remove all that a user has, recovery codes too; return how many. He signs in by his password alone then."""
    count = int(Authenticator.objects.filter(user=user).delete()[0])
    if count:
        log.warning("second_factors_removed", user=user.username, by=by)
    return count


def spend_code(authenticator: Authenticator, code: str) -> bool:
    """Note in the database that the code of a time step was used; return False where it, or a later one, was.

    So of two requests with one code, on whichever hosts, one is let in (RFC 6238, 5.2).
    """
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        secret, wanted = decrypt(row.data["secret"]), normalize_user_code(code)
        steps = [
            step for step in yield_hotp_counters_from_time() if format_hotp_value(hotp_value(secret, step)) == wanted
        ]
        if not steps or max(steps) <= row.data.get(_LAST_STEP, -1):
            return False
        row.data[_LAST_STEP] = max(steps)
        row.save(update_fields=["data"])
        return True


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """A code of an authenticator app, or a recovery code: each counts once."""

    def clean_code(self) -> str:
        """Return the code; raise `ValidationError` where it is wrong, used, or one of too many."""
        code: str = super().clean_code()
        if self.authenticator.type == Authenticator.Type.TOTP and not spend_code(self.authenticator, code):
            self.add_error("code", "This code was used. Wait for the next one.")
        return code


def asked_of(user: User) -> dict[str, Any]:
    """Return what a page is made of that asks a user for a factor: which he has, and what his keys are to sign."""
    kinds = {each.type for each in factors_of(user)}
    keys = Authenticator.Type.WEBAUTHN in kinds
    return {
        "by_factor": True,
        "has_app": Authenticator.Type.TOTP in kinds,
        "has_keys": keys,
        "js_data": {"request_options": begin_authentication(user)} if keys else None,
    }


def form_posted(posted: Any, user: User) -> Form:
    """Return the form that was posted: of a code, or of what a security key has signed."""
    form: Form = (CodeForm if "code" in posted else AuthenticateWebAuthnForm)(user=user, data=posted)
    return form


def shows_factor(request: HttpRequest, user: User) -> bool:
    """Return whether a request shows a factor of who is signed in; a wrong one counts as a wrong password does."""
    if is_locked(request, user):
        return False
    form = form_posted(request.POST, user)
    if not form.is_valid():
        count_failure(request, user)
        return False
    form.save()  # type: ignore[attr-defined]
    forget_failures(request, user)
    return True
