"""A second factor that somebody has lost, taken away by who may: he signs in by his password, and sets up another."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.second_factor import OFF
from packages_app.services.sign_in.sessions import end_sessions


class UserUnknown(RepomgrError):
    """Nobody has this user name."""

    code = "unknown_user"
    outcome = Outcome.REFUSED


class SecondFactorOff(RepomgrError):
    """There are no second factors: SECOND_FACTOR is off."""

    code = "second_factor_off"
    outcome = Outcome.REFUSED


def take_away_factors(username: str, *, by: str) -> int:
    """Take all second factors of a user away and end his sessions; return how many rows that were.

    Raise `SecondFactorOff`, or `UserUnknown`.
    """
    if settings.SECOND_FACTOR == OFF:
        raise SecondFactorOff("SECOND_FACTOR is off.", remedy="The password alone signs in.")
    from packages_app.services.sign_in.factors import remove_factors

    user = User.objects.filter(username=username).first()
    if user is None:
        raise UserUnknown(f"There is no user {username!r}.", remedy="Users are listed in the admin.")
    removed = remove_factors(user, by=by)
    end_sessions(user, by=by)
    return removed
