"""Secrets of webhooks: made here, shown once, and kept sealed, so that whoever has the database alone has none of them.

A secret is `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Symmetric signatures": 24 to 64 bytes).
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from standardwebhooks.webhooks import Webhook as Signature

from packages_app.core.webhooks import WebhookSecretLost
from packages_app.models import Webhook
from packages_app.services.secret_key import box_for

OVERLAP = timedelta(days=1)
"""So long messages are signed with an old secret too, once there is a newer one."""
_PREFIX = "whsec_"
_BYTES = 32
_PURPOSE = "webhooks"


def new_secret() -> str:
    """Return a new secret, as its receiver is to be given it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def sealed(secret: str) -> str:
    """Return a secret as a row keeps it."""
    return box_for(_PURPOSE).encrypt(secret.encode()).decode()


def still_good(webhook: Webhook, at: datetime) -> list[dict[str, str]]:
    """Return the old secrets of a webhook that still count, the newest first."""
    return [each for each in webhook.old_secrets if at < datetime.fromisoformat(each["until"])]


def signatures(webhook: Webhook, event_id: str, at: datetime, payload: str) -> str:
    """Return the `webhook-signature` of a message: one by each secret that counts now, the newest first.

    Raise `WebhookSecretLost`.
    """
    kept = [webhook.sealed_secret, *(each["sealed"] for each in still_good(webhook, at))]
    return " ".join(Signature(_opened(webhook, each)).sign(event_id, at, payload) for each in kept)


def _opened(webhook: Webhook, sealed_secret: str) -> str:
    try:
        return box_for(_PURPOSE).decrypt(sealed_secret.encode()).decode()
    except InvalidToken as error:
        raise WebhookSecretLost(
            f"The secret of the webhook {webhook.name} was sealed with another SECRET_KEY than this process has.",
            remedy="Give all processes the same SECRET_KEY, or make a new secret on the webhook's page.",
        ) from error
