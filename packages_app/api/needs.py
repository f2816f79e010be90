"""What a route asks of who calls it: a token, and a right that it and its owner have somewhere.

What is changed is asked about again, just that, by the service.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security.base import AuthBase

from packages_app.core.rights import Action, right_missing
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of
from packages_app.services.rights.shown_token import shown_token
from packages_app.services.rights.tokens import TokenRefused


class Needs(AuthBase):
    """A route for those who may do an action; it has a bearer token as its scheme in the OpenAPI document."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__()

    def __call__(self, request: HttpRequest) -> Asker:
        """Return who asks; raise `TokenRefused`, `RightMissing`."""
        if shown_token() is None:
            raise TokenRefused(
                "No token was shown.", remedy="Send Authorization: Bearer TOKEN; make one in the admin, under Tokens."
            )
        user: Asker = request.user
        if not rights_of(user).may_somewhere(self.action):
            raise right_missing(self.action, "This")
        return user


READS, UPLOADS, PUBLISHES = Needs(Action.READ), Needs(Action.UPLOAD), Needs(Action.PUBLISH)
KEYS, ADMINISTERS, BOOTSTRAPS = Needs(Action.KEYS), Needs(Action.ADMINISTER), Needs(Action.BOOTSTRAP)
