"""What the clock looks at each hour: what is near its expiry, and how keys stand, which the web process can't see."""

from __future__ import annotations

import structlog

from packages_app.core.errors import RepomgrError
from packages_app.services.keys.told import tell_keys
from packages_app.services.publication.watch_expiry import watch_expiry

log = structlog.get_logger(__name__)


def watch_keys_and_suites() -> list[str]:
    """Return the subjects that are near their expiry, as `watch_expiry`; tell how keys stand where that can be seen."""
    near = watch_expiry()
    try:
        tell_keys()
    except RepomgrError as error:
        log.warning("keys_not_told", code=error.code, error=error.message)
    return near
