"""Who asks for work."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class Machine(AnonymousUser):
    """One that is no person and shows a token of its own, by whose grants alone it may do anything."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.username = name  # type: ignore[assignment]

    def get_username(self) -> str:
        """Return what it is called."""
        return self.username


Asker = AbstractBaseUser | AnonymousUser
"""Who asks in the admin or by the API; None in its place is who runs a command, the operator."""
