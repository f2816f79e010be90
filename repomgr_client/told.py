"""What a command prints: lines for people, or one document of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repomgr_client.faults import Exit, Fault


@dataclass(frozen=True)
class Told:
    """How a command ended: its exit code, lines for people, and the same for programs."""

    exit_code: Exit
    lines: list[str]
    said: Any

    def show(self, *, as_json: bool) -> None:
        """Print it."""
        if as_json:
            json.dump(self.said, sys.stdout, indent=1)
            sys.stdout.write("\n")
        else:
            sys.stdout.write("".join(f"{plain(line)}\n" for line in self.lines))


def show_fault(fault: Fault, *, as_json: bool) -> None:
    """Print why a command ended: to standard error, as JSON to standard output."""
    if as_json:
        json.dump(fault.as_json(), sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    remedy = f"\nRemedy: {plain(fault.remedy)}" if fault.remedy else ""
    sys.stderr.write(f"{fault.code}: {plain(fault.detail)}{remedy}\n")


def plain(text: str) -> str:
    """Return a text of the server's without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def named(package: Mapping[str, Any]) -> str:
    """Return a package's name, version and architecture, as they are written in one word."""
    build = f"#{package['build']}" if package.get("build") else ""
    return f"{package['package']}_{package['version']}_{package['architecture']}{build}"


def published(publication: Mapping[str, Any]) -> str:
    """Return a line of a publication."""
    return (
        f"{publication['suite']}: Release {publication['release_sha256'][:16]} of {publication['date']}, "
        f"{publication['packages']} packages (publication {publication['number']})"
    )
