"""The files beside `control` that dpkg reads before it unpacks a package: conffiles, triggers, and all their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packages_app.core.errors import InvalidDeb
from packages_app.debian.control import REMEDY
from packages_app.debian.data_tree import without_start
from packages_app.debian.limits import (
    LONGEST_CONFFILE_LINE,
    LONGEST_CONFFILE_PART,
    LONGEST_CONTROL_MEMBER,
    LONGEST_FILE_NAME,
    LONGEST_TRIGGER_LINE,
)

# deb-conffiles(5); dpkg's deb_parse_conffiles takes one flag.
# At 0x1a its records end.
_CONFFILE = re.compile(rb"(?:remove-on-upgrade )?/[^\x00\x1a\n]*\Z")
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
_FLAG = b"remove-on-upgrade "
_BLANKS = b" \t\v\f\r"
# deb-triggers(5); dpkg's trig_parse_ci and trig_classify_byname: a path without an empty part, or a package's name.
# It keeps a file of its name for each trigger, beside three that are for itself: over those each later dpkg would end.
_TRIGGER = re.compile(
    rb"(?:interest|activate)(?:-await|-noawait)?[ \t]+(?!(?:File|Lock|Unincorp)\Z)"
    rb"(?:(?:/[!-.0-~]+)+|[A-Za-z0-9][A-Za-z0-9+.-]*)\Z"
)


def check_members(control: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    """Check the files of a control member by their names; raise `InvalidDeb` that names the file.

    `control` is the package's paragraph: dpkg keeps each file as `NAME.FILE`, or `NAME:ARCHITECTURE.FILE`.
    """
    longest = LONGEST_FILE_NAME - len(control["Package"]) - len(control["Architecture"]) - len(":.")
    for name in files:
        if len(name) > min(longest, LONGEST_CONTROL_MEMBER):
            raise _bad(name, f"has a name of {len(name)} characters, which dpkg can't keep")
    for name in _SCRIPTS:
        first = files.get(name, b"").partition(b"\n")[0]
        if first.startswith(b"#!") and b"\r" in first:
            raise _bad(name, f"begins with {_shown(first)}: with a carriage return no interpreter is found by it")
    for line in _lines(files, "conffiles", LONGEST_CONFFILE_LINE):
        # Of a line of blanks dpkg sees nothing; those behind a path are none of it.
        path = line.rstrip(_BLANKS)
        if path and not _is_conffile(path):
            raise _bad("conffiles", f"says {_shown(line)}, which is no absolute path of a file")
    for line in _lines(files, "triggers", LONGEST_TRIGGER_LINE):
        directive = line.strip(b" \t")
        if directive and not directive.startswith(b"#") and not _TRIGGER.match(directive):
            raise _bad("triggers", f"says {_shown(line)}, which is no directive of deb-triggers(5)")


def _is_conffile(line: bytes) -> bool:
    """Say whether dpkg keeps a line so that it can read it again: it keeps `/` too, and each later dpkg ends there."""
    parts = [part for part in line.partition(b"/")[2].split(b"/") if part not in (b"", b".")]
    sound = parts and b".." not in parts and all(len(part) <= LONGEST_CONFFILE_PART for part in parts)
    return bool(sound and _CONFFILE.match(line))


def removed_conffiles(body: bytes) -> frozenset[bytes]:
    """Return what the file conffiles says to remove on an upgrade, named as `unpacked_name` names what is unpacked.

    dpkg unpacks no package that says so of a path that it ships.
    """
    paths = (line.partition(_FLAG)[2] for line in body.split(b"\n") if line.startswith(_FLAG))
    # dpkg takes none of the slashes at the end away, so that such a path is none that is shipped.
    return frozenset(without_start(path.rstrip(_BLANKS)) for path in paths)


def kept_conffiles(body: bytes) -> frozenset[bytes]:
    """Return the other paths that the file conffiles lists, named in the same way."""
    lines = (line for line in body.split(b"\n") if line.startswith(b"/"))
    return frozenset(without_start(line.rstrip(_BLANKS)) for line in lines)


def _lines(files: Mapping[str, bytes], name: str, longest: int) -> Iterator[bytes]:
    body = files.get(name, b"")
    if not body:
        return
    if not body.endswith(b"\n"):
        raise _bad(name, "has no newline at its end")
    for line in body[:-1].split(b"\n"):
        if len(line) + 1 > longest or b"\0" in line:
            raise _bad(name, f"has a line of {len(line)} bytes, {_shown(line)}; dpkg reads {longest - 1} and no NUL")
        yield line


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "replace"))


def _bad(name: str, what: str) -> InvalidDeb:
    return InvalidDeb(f"The file {name[:60]!r} of the control member {what}.", remedy=REMEDY)
