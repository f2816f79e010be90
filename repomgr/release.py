"""`make release`: see that a release is one, then build what it is made of. Nothing is tagged or sent away here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

from setuptools import build_meta  # type: ignore[import-untyped]

from packages_app.core.child_environment import child_environment
from packages_app.core.product import product_version
from repomgr.environment import BASE_DIR

_NEWEST = re.compile(r"^## (\d+\.\d+\.\d+)[^\n]*$", re.MULTILINE)
_UNRELEASED = re.compile(r"^## Unreleased\s+(?!## )\S", re.MULTILINE)


def faults(folder: Path, version: str) -> Iterator[str]:
    """Yield why a checkout is no release of a version, each with what to do."""
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = _NEWEST.search(changelog)
    if newest is None or newest[1] != version:
        yield f"CHANGELOG.md's newest version is {newest[1] if newest else 'none'}, not {version}: write its section."
    if _UNRELEASED.search(changelog):
        yield f"CHANGELOG.md has entries under Unreleased: move them to {version}."
    if changed := _git(folder, "status", "--porcelain", "--untracked-files=no"):
        yield f"The checkout has changes ({changed.splitlines()[0].strip()}, …): commit them."
    tagged, here = _git(folder, "rev-list", "-n", "1", f"v{version}", "--"), _git(folder, "rev-parse", "HEAD")
    if tagged and tagged != here:
        yield f"The tag v{version} is another commit: raise version in pyproject.toml."


def build(folder: Path, version: str) -> list[str]:
    """Build sdist, wheel and image; return a line for each, also for what can't be built here, and why."""
    with chdir(folder):  # whose pyproject.toml setuptools reads
        made = [build_meta.build_sdist("dist"), build_meta.build_wheel("dist")]
    image = f"repomgr:{version}"
    if shutil.which("docker") is None:
        return [*(f"dist/{name}" for name in made), f"{image}: not built, there is no docker here"]
    theirs = child_environment("HOME", "DOCKER_*", "BUILDKIT_*")
    done = subprocess.run(["docker", "build", "--tag", image, str(folder)], env=theirs, check=False)
    return [*(f"dist/{name}" for name in made), f"{image}: {'not built, see above' if done.returncode else 'built'}"]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, env=child_environment("HOME", "GIT_*"), capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> int:
    """Check, then build; return 2 for a checkout that is no release, else 0."""
    version = product_version()
    found = list(faults(BASE_DIR, version))
    if found:
        sys.stderr.write("".join(f"{fault}\n" for fault in found))
        return 2
    made = build(BASE_DIR, version)
    tag = f"git tag --sign v{version} --message 'repomgr {version}' && git push origin v{version}"
    sys.stdout.write("".join(f"{line}\n" for line in (*made, f"then: {tag}")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
