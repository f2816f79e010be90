"""A signing key behind a command of the operator's own: `command:/usr/local/bin/sign --key apt`.

It is run without a shell, with one of two things behind its own arguments:

- `public-key`: it prints the public key (PEM or DER, SubjectPublicKeyInfo);
- `sign sha256` (or `sha384`, `sha512`): it reads a digest from standard input, as bytes, and prints the raw signature.

0 means done, 75 (EX_TEMPFAIL) that it may succeed later; any other code is a failure, of which it says more on standard
error. It finds the variables of `_FOR_IT` and none of our secrets.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packages_app.core.child_environment import child_environment
from packages_app.core.outcome import Outcome
from packages_app.signing.external import asked_again
from packages_app.signing.packets import PublicKey
from packages_app.signing.public_keys import read_public_key
from packages_app.signing.running import run_signing
from packages_app.signing.signer_errors import SignerAddressRefused, SignerFailed, SignerUnavailable

_FOR_IT = ("HOME", "SIGNER_*")


@dataclass(frozen=True)
class CommandKey:
    """A key that a command signs with; fulfils `external.ExternalKey`."""

    command: tuple[str, ...]

    @property
    def place(self) -> str:
        """The program; its arguments may be what nobody else should read."""
        return self.command[0]

    def public_key(self) -> PublicKey:
        """Return what `public-key` prints."""
        return read_public_key(self._run("public-key"), self.place)

    def made(self) -> datetime | None:
        """Return None: the command is not asked."""
        return None

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return what `sign` prints."""
        return self._run("sign", hash_name, given=digest)

    def _run(self, *verb: str, given: bytes = b"") -> bytes:
        return asked_again(self._run_once, verb, given)

    def _run_once(self, verb: tuple[str, ...], given: bytes) -> bytes:
        ran = run_signing(
            [*self.command, *verb],
            child_environment(*_FOR_IT),
            given,
            remedy="Give SIGNING_KEY the path of a program that the user of the workers may run.",
        )
        if ran.code == Outcome.TRY_AGAIN.exit_code:
            raise SignerUnavailable(f"{self.place} can't sign now: {ran.said}.", remedy="See what it waits for.")
        if ran.code:
            raise SignerFailed(
                f"{self.place} {verb[0]} ended with {ran.code}: {ran.said}.",
                remedy="Run it by hand as the user of the workers; what it has to give is in docs/KEYS.md.",
            )
        return ran.output


def command_key(rest: str) -> CommandKey:
    """Return the key of an address behind `command:`; raise `SignerAddressRefused`."""
    try:
        command = tuple(shlex.split(rest))
    except ValueError:
        command = ()
    if not command or not Path(command[0]).is_absolute():
        raise SignerAddressRefused(
            "SIGNING_KEY names a command without its absolute path, or with quotes that do not match.",
            remedy="Write command:/path/of/program and its arguments, quoted as a shell has them.",
        )
    return CommandKey(command)
