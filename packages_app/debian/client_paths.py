"""Where a package's files come to lie on a client: links of the package, and of Debian's root, lead elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ROOT_LINKS = {
    **{name: f"/usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32")},
    "var/run": "/run",
    "var/lock": "/run/lock",
}
"""Links of an installed Debian (UsrMerge; base-files)."""
_WHOLE_ROOT = re.compile(r"proc/(?:self|thread-self|[0-9]+)(?:/task/[0-9]+)?/(?:root|cwd)\Z")
"""proc(5): dpkg works in the root."""
_MOST_LINKS = 100
"""Linux follows 40 (path_resolution(7))."""
ENDLESS = "(links without end)"


def place_of(path: str, links: Mapping[str, str]) -> str:
    """Return where a file of a package is unpacked to: its folders resolved, its own name as it is.

    Paths are without a leading slash; `links` are the package's symbolic links by their paths.
    """
    folder, _, name = path.rpartition("/")
    folder = resolved(folder, links)
    return f"{folder}/{name}" if folder else name


def resolved(path: str, links: Mapping[str, str]) -> str:
    """Return a path with all links in it followed, "" for the root, `ENDLESS` for a chain without end."""
    left = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    done: list[str] = []
    followed = 0
    while left:
        part = left.pop()
        if part == "..":
            done = done[:-1]
            continue
        here = "/".join([*done, part])
        target = "/" if _WHOLE_ROOT.match(here) else links.get(here, _ROOT_LINKS.get(here, ""))
        if followed == _MOST_LINKS:
            return ENDLESS
        if not target:
            done.append(part)
            continue
        followed += 1
        if target.startswith("/"):
            done = []
        left += [one for one in reversed(target.split("/")) if one not in ("", ".")]
    return "/".join(done)
