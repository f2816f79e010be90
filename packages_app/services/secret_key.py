"""Keys that are made of SECRET_KEY, one for each purpose: what one has sealed or signed, no other opens."""

from __future__ import annotations

import base64
import hmac

from cryptography.fernet import Fernet
from django.conf import settings


def key_for(purpose: str) -> bytes:
    """Return the 32 bytes for a purpose: HMAC-SHA256 of its name by SECRET_KEY."""
    return hmac.digest(settings.SECRET_KEY.encode(), purpose.encode(), "sha256")


def box_for(purpose: str) -> Fernet:
    """Return what seals and opens secrets that rows keep, for a purpose; whoever has the database alone has none."""
    return Fernet(base64.urlsafe_b64encode(key_for(purpose)))
