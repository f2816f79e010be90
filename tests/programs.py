"""Programs that stand before the machine's own on the PATH, to fail or to count as no real one does on demand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def put_before(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> None:
    """Put a program of a name before the real one; `exec REAL "$@"` in its script, of sh, goes on with that."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script.replace("REAL", shutil.which(name) or "false") + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def put_only(folder: Path, *programs: str) -> Path:
    """Make a folder in which these programs are alone; gives it, to be the PATH."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder
