"""Who runs a command: kept with what it decides."""

from __future__ import annotations

import os
import pwd


def system_user() -> str:
    """Return the name of the system user, and of who became it by sudo: "root (ann)"; a number where it has no name.

    The kernel's answer, not the environment's, which anybody may set; what sudo says is a hint beside it.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    sudoer = os.environ.get("SUDO_USER", "")
    return f"{name} ({sudoer})"[:128] if sudoer else name[:128]
