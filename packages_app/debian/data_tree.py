"""The names and links of a data member, looked at in their order as dpkg unpacks them (its src/main/archives.c).

What a header says may be sound and yet not be unpacked: a link to what is not there, a file below a file, a name to
which dpkg can't add its `.dpkg-new`. A folder that the member does not hold is no fault: the client may have it.
"""

from __future__ import annotations

from dataclasses import dataclass

from packages_app.core.errors import InvalidDeb
from packages_app.debian.client_paths import resolved
from packages_app.debian.control import REMEDY

_LONGEST_PART = 255 - len(".dpkg-new")
"""Bytes of a name between two slashes (limits.h, NAME_MAX), less what dpkg puts behind it while it unpacks."""
_LONGEST_PATH = 4095 - len(".dpkg-new")
_LONGEST_TARGET = 4095
_LONGEST_TARGET_PART = 255
"""With more dpkg makes the link, and unpacks no later version, since it wants to know where the old one leads."""
_HARD_LINK, _SYMBOLIC_LINK, _FOLDER = b"1", b"2", b"5"
_REGULAR = b"0"
"""A file; of one whose name ends with a slash dpkg takes the slash away."""
_OF_A_FILE = (_REGULAR, _HARD_LINK)
_WITHOUT_END = ("dev/", "proc/", "sys/")
"""Where a client's kernel has what is no file, or none with an end."""
_EMPTY_DEVICE = "dev/null"


@dataclass(slots=True)
class _Spot:
    """What dpkg has at a place while it unpacks, by kinds, "" for nothing (`tarobject`, `tar_deferred_extract`)."""

    there: bytes = b""
    aside: bytes = b""
    """What was there before, as `.dpkg-tmp`."""
    waits: bool = False
    """There was a file, which is renamed to its place at the end of all."""
    ready: bool = False
    """It is there, as `.dpkg-new`."""

    def put(self, kind: bytes) -> None:
        """Unpack one more member of this place."""
        if not self.there:
            self.there, self.aside = self.aside, b""
        if self.there == _FOLDER and kind in (_FOLDER, _SYMBOLIC_LINK):
            return  # dpkg leaves a folder that is there
        self.aside = self.there
        if _FOLDER in (kind, self.there):
            self.there = b""
        if kind in (*_OF_A_FILE, _SYMBOLIC_LINK):
            self.waits = self.ready = True
        else:
            self.there, self.ready = kind, False

    @property
    def is_lost(self) -> bool:
        return self.waits and (not self.ready or self.there == _FOLDER)


class DataTree:
    """What of a data member has been unpacked so far."""

    def __init__(self, removed: frozenset[bytes], conffiles: frozenset[bytes] = frozenset()) -> None:
        """Begin with nothing; `removed` are the conffiles to remove on an upgrade, as `unpacked_name` gives them.

        `conffiles` are the others, by names of the same form.
        """
        self._removed, self._conffiles = removed, conffiles
        self._kinds: dict[bytes, bytes] = {}  # by the name as dpkg keeps it
        self._places: dict[bytes, bytes] = {}  # by the place in the file system
        self._names: dict[bytes, bytes] = {}  # what dpkg keeps, by the place
        self._filled: set[bytes] = set()
        self._spots: dict[bytes, _Spot] = {}  # by the place too
        self._targets: dict[bytes, bytes] = {}  # of symbolic links
        self._links: dict[bytes, bytes] = {}  # which dpkg makes behind all else: their names, by the place

    def add(self, name: bytes, kind: bytes, target: bytes) -> None:
        """Unpack one more member; raise `InvalidDeb` where dpkg would not. `target` is what a link leads to."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        kept = unpacked_name(name)
        self._check_name(name, kept, parts)
        if not parts:
            if not _stripped(name.removesuffix(b"/")):
                raise _bad(name, "of which dpkg keeps an empty name, over which each later dpkg would end")
            if kind not in (_FOLDER, _SYMBOLIC_LINK):
                raise _bad(name, "in the place of the root folder")
            return
        if kept in self._removed:
            raise _bad(name, "which conffiles says to remove-on-upgrade")
        if kept in self._conffiles and kind not in (*_OF_A_FILE, _SYMBOLIC_LINK):
            raise _bad(name, "which conffiles says is a file")
        if kind == _SYMBOLIC_LINK:
            self._targets[kept] = target
        if kind not in (_REGULAR, _FOLDER) and name.endswith(b"/"):
            raise _bad(name, "a link, device or pipe with the name of a folder")
        self._check_link(name, kind, target)
        self._place(name, kind, parts)
        if self._names.setdefault(b"/".join(parts), kept) != kept and kind != _FOLDER:
            raise _bad(name, "which stands there by another name too")
        self._kinds[kept] = kind

    def check_end(self) -> None:
        """Raise `InvalidDeb` where dpkg can't put a file into its place at the end of all, since others came there.

        And for a conffile of which it can't make a sum then: it would wait for the end of a pipe, or find a folder.
        """
        for place in self._links:
            self._spots.setdefault(place, _Spot()).put(_SYMBOLIC_LINK)
        if lost := [place for place, spot in self._spots.items() if spot.is_lost]:
            raise _bad(self._names[lost[0]], "where files, folders, devices or pipes come one upon the other")
        links = {_text(name): _text(target) for name, target in self._targets.items()}
        for name in sorted(self._conffiles):
            self._check_conffile(name, links)

    def _check_conffile(self, name: bytes, links: dict[str, str]) -> None:
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        above = [b"/".join(parts[:depth]) for depth in range(1, len(parts))]
        if any(self._places.get(folder, _FOLDER) not in (_FOLDER, _SYMBOLIC_LINK) for folder in above):
            raise _bad(name, "which conffiles says is a file, below what is no folder")
        if self._kinds.get(name) != _SYMBOLIC_LINK:
            return
        leads = resolved(_text(name), links)
        kind = self._places.get(leads.encode("latin-1"), _REGULAR)
        nowhere = leads.startswith(_WITHOUT_END) and leads != _EMPTY_DEVICE
        if not leads or nowhere or kind not in (*_OF_A_FILE, _SYMBOLIC_LINK):
            raise _bad(name, f"which conffiles says is a file, and which leads to {_shown(self._targets[name])}")

    def _check_name(self, name: bytes, kept: bytes, parts: list[bytes]) -> None:
        if b".." in parts:
            raise _bad(name, "which leads out of its folder")
        if not name or b"\n" in name or (parts and kept.endswith((b"/", b"/."))):
            raise _bad(name, "which dpkg does not unpack")
        if len(name) > _LONGEST_PATH or any(len(part) > _LONGEST_PART for part in parts):
            raise _bad(name, "which is too long")

    def _check_link(self, name: bytes, kind: bytes, target: bytes) -> None:
        if kind == _HARD_LINK and self._kinds.get(without_start(target)) in (None, _FOLDER, _SYMBOLIC_LINK):
            raise _bad(name, f"a hard link to {_shown(target)}, and no file of that name stands before it")
        too_long = any(len(part) > _LONGEST_TARGET_PART for part in target.split(b"/"))
        if kind == _SYMBOLIC_LINK and (too_long or not 0 < len(target) <= _LONGEST_TARGET):
            raise _bad(name, f"a symbolic link to a path of {len(target)} bytes, or with a name of over 255")

    def _place(self, name: bytes, kind: bytes, parts: list[bytes]) -> None:
        for depth in range(1, len(parts)):
            above = b"/".join(parts[:depth])
            if self._places.get(above, _FOLDER) != _FOLDER:
                raise _bad(name, f"below {_shown(above)}, which is no folder")
            if above in self._conffiles and self._kinds.get(above) == _FOLDER:
                raise _bad(name, f"below {_shown(above)}, which conffiles says is a file")
            self._filled.add(above)
        place = b"/".join(parts)
        if kind == _SYMBOLIC_LINK:
            self._links[place] = name
            self._places.setdefault(place, kind)
            return
        if kind != _FOLDER and place in self._filled:
            raise _bad(name, "a file in the place of a folder")
        self._spots.setdefault(place, _Spot()).put(kind)
        self._places[place] = kind


def unpacked_name(name: bytes) -> bytes:
    """Return a member's name as dpkg keeps it: without `/` and `./` at its beginning, and one slash at its end."""
    return without_start(name.removesuffix(b"/"))


def without_start(name: bytes) -> bytes:
    """Return a path without the `/` and `./` at its beginning, as dpkg compares paths."""
    name = _stripped(name)
    return b"" if name == b"." else name


def _stripped(name: bytes) -> bytes:
    while name.startswith((b"/", b"./")):
        name = name[1:]
    return name


def _text(name: bytes) -> str:
    return name.decode("latin-1")


def _shown(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "replace"))


def _bad(name: bytes, what: str) -> InvalidDeb:
    return InvalidDeb(f"The data member holds the path {_shown(name)}, {what}.", remedy=REMEDY)
