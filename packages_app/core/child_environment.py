"""What programs that we run get of this process's environment: what they need to run, and none of our secrets."""

from __future__ import annotations

import os

_SYSTEM = "/usr/sbin:/sbin"
"""Where programs are that dpkg itself looks for, and that a service's PATH may lack."""
_KEPT = ("TMPDIR", "TZ")


def child_environment(*names: str, **given: str) -> dict[str, str]:
    """Return an environment for a program that is not ours: where programs are, the C locale, and what is given.

    Of ours it gets the variables of these names too, or of all that begin so where a name ends with `*`.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or _is_named(name, names)}
    return {"PATH": f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}", "LC_ALL": "C", **kept, **given}


def _is_named(name: str, names: tuple[str, ...]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in names)
