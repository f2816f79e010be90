"""Programs that sign for us, run within a time, with none of our secrets around them."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packages_app.core.redaction import redact
from packages_app.signing.signer_errors import SignerProgramMissing, SignerUnavailable

MOST_SECONDS = 30.0
"""Three times as long is less than a publisher may be silent (LEASE_SECONDS)."""
_MOST_OUTPUT = 1024 * 1024
_MOST_SAID = 300
"""Characters of what a program said that an error repeats."""


@dataclass(frozen=True)
class Ran:
    """What a program gave: its exit code, its standard output, and what it said besides (secrets taken out)."""

    code: int
    output: bytes
    all_said: str

    @property
    def said(self) -> str:
        """The last line of what it said, to be repeated in an error."""
        lines = self.all_said.strip().splitlines()
        return lines[-1].strip().rstrip(".")[:_MOST_SAID] if lines else "nothing"


def run_signing(
    command: Sequence[str],
    environment: Mapping[str, str],
    given: bytes = b"",
    *,
    remedy: str,
    seconds: float = MOST_SECONDS,
) -> Ran:
    """Run a program with these bytes on its standard input, and return what it gave.

    It and all that it started are ended after so many seconds: `SignerUnavailable`. Raise `SignerProgramMissing`, with
    this remedy, where it can't be run.
    """
    # Files, not pipes: a program that leaves another behind it with an open pipe would never be done.
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
        source.write(given)
        source.seek(0)
        try:
            running = subprocess.Popen(
                command, stdin=source, stdout=output, stderr=said, env=dict(environment), start_new_session=True
            )
        except OSError as error:
            raise SignerProgramMissing(f"{command[0]} can't be run: {error.strerror}.", remedy=remedy) from error
        try:
            code = running.wait(seconds)
        except subprocess.TimeoutExpired:
            raise SignerUnavailable(
                f"{command[0]} has not signed within {seconds:.0f} seconds.",
                remedy="See what it waits for: nobody types a passphrase here, and nobody touches a card.",
            ) from None
        finally:
            _end(running)
        output.seek(0)
        said.seek(0)
        return Ran(code, output.read(_MOST_OUTPUT), redact(said.read(_MOST_OUTPUT).decode(errors="replace")))


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, and what it started."""
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
