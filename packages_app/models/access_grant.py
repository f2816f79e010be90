"""Rights narrower than Django's: an action, packages and suites, for a person, group, token or publisher."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from packages_app.core.name_patterns import EVERY, LONGEST_PATTERN
from packages_app.core.rights import Action, Grant
from packages_app.models.access_token import AccessToken
from packages_app.models.of_archive import OfArchive
from packages_app.models.trusted_publisher import TrustedPublisher

_HOLDERS = ("user", "group", "token", "publisher")


def _one_holder() -> models.Q:
    condition = models.Q()
    for own in _HOLDERS:
        condition |= models.Q(**{f"{name}__isnull": name != own for name in _HOLDERS})
    return condition


class AccessGrant(OfArchive):
    """One holder may do one action with these packages in these suites; a token's narrow what its owner may."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="access_grants")
    token = models.ForeignKey(AccessToken, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    publisher = models.ForeignKey(
        TrustedPublisher, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    action = models.CharField(max_length=16, choices=[(str(action), str(action)) for action in Action])
    packages = models.CharField(max_length=LONGEST_PATTERN, default=EVERY)
    suites = models.CharField(max_length=LONGEST_PATTERN, default=EVERY)

    class Meta:
        """One holder each."""

        verbose_name = "right"
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=_one_holder(), name="one_holder_a_grant"),)

    @classmethod
    def of(cls, grant: Grant, **holder: Any) -> Self:
        """Return a row of a grant, not kept yet, whose holder is a `user`, `group`, `token` or `publisher`."""
        return cls(action=str(grant.action), packages=grant.packages, suites=grant.suites, **holder)

    @property
    def grant(self) -> Grant:
        """Return what it allows."""
        return Grant(Action(self.action), self.packages, self.suites)

    @property
    def holder(self) -> str:
        """Return whose it is, for people."""
        if self.user is not None:
            return self.user.get_username()
        if self.group is not None:
            return f"group {self.group}"
        return f"publisher {self.publisher}" if self.publisher is not None else f"token {self.token}"

    def __str__(self) -> str:
        return f"{self.holder}: {self.grant}"
