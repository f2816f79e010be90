"""The admin: a window on the repository. It reads rows and asks services; it holds no logic."""

from packages_app.admin import (
    access,
    audit,
    cleared_caution,
    conflict,
    definition,
    held_candidate,
    job,
    notice,
    package,
    publication,
    rights,
    tokens,
    trusted_publishers,
    uploader_keys,
    webhook,
    webhook_delivery,
)

__all__ = [
    "access",
    "audit",
    "cleared_caution",
    "conflict",
    "definition",
    "held_candidate",
    "job",
    "notice",
    "package",
    "publication",
    "rights",
    "tokens",
    "trusted_publishers",
    "uploader_keys",
    "webhook",
    "webhook_delivery",
]
