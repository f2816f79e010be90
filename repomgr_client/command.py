"""The command `repomgr`."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import httpx

from repomgr_client.address import checked
from repomgr_client.arguments import parser
from repomgr_client.credentials import token_for
from repomgr_client.faults import Exit, Fault
from repomgr_client.following import wait
from repomgr_client.looks import packages, status
from repomgr_client.moves import move, roll_back, selection, snapshot
from repomgr_client.push import push
from repomgr_client.server import Server
from repomgr_client.told import Told, show_fault

_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; return the exit code."""
    words = sys.argv[1:] if words is None else words
    as_json = "--json" in words
    try:
        return _end(words)
    except Fault as fault:
        show_fault(fault, as_json=as_json)
        return fault.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tells of it once more at its end
        return Exit.FAILED
    except KeyboardInterrupt:
        if as_json:
            remedy = "What was asked for may be done all the same: look, or ask again."
            show_fault(Fault("interrupted", "It was interrupted.", remedy, _INTERRUPTED), as_json=True)
        return _INTERRUPTED
    except Exception as error:
        traceback.print_exc()
        remedy = "This is a fault of the command, or something else than repomgr answers at --server."
        if as_json:
            show_fault(Fault("internal_error", f"{type(error).__name__}.", remedy, Exit.FAILED), as_json=True)
        return Exit.FAILED


def _end(words: Sequence[str]) -> int:
    said = parser().parse_args(words)
    address = checked(said.server or os.environ.get("REPOMGR_SERVER", ""), plain_http=said.plain_http)
    audience = said.audience or os.environ.get("REPOMGR_OIDC_AUDIENCE", "")
    try:
        server = Server(address, token_for(address, os.environ, audience), tries=said.tries)
    except (
        ImportError,
        OSError,
        ValueError,
        httpx.InvalidURL,
    ) as error:  # of proxies and certificates: httpx reads them
        raise Fault(
            "bad_environment", f"The environment's proxy or certificates can't be used: {type(error).__name__}.",
            "Look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR; a SOCKS proxy needs socksio.",
            Exit.FAILED,
        ) from None  # fmt: skip
    told = _done(server, said, quiet=said.quiet or said.json)
    told.show(as_json=said.json)
    return told.exit_code


def _done(server: Server, said: argparse.Namespace, *, quiet: bool) -> Told:
    match said.command:
        case "push":
            return push(
                server, said.files, suite=said.suite, component=said.component, seconds=said.wait,
                parts_above=said.parts_above, quiet=quiet,
            )  # fmt: skip
        case "status":
            return status(server)
        case "packages":
            return packages(server, said.query, said.suite, said.most)
        case "wait":
            return wait(server, said.job, said.wait, quiet=quiet)
    return _changed(server, said, quiet=quiet)


def _changed(server: Server, said: argparse.Namespace, *, quiet: bool) -> Told:
    if said.command == "snapshot":
        return snapshot(server, said.suite, said.name, said.reason, seconds=said.wait, quiet=quiet)
    if said.command == "rollback":
        return roll_back(server, said.suite, said.to, said.reason, agreed=said.yes, seconds=said.wait, quiet=quiet)
    asked = {**selection(said.what), "what": said.command, "suites": said.suites, "reason": said.reason}
    if said.command == "promote":
        asked |= {"to": said.to, "newer": said.newer, "rollout": _percentages(said.rollout)}
    return move(server, asked, agreed=said.yes, seconds=said.wait, quiet=quiet)


def _percentages(said: str) -> list[int]:
    parts = [part.strip() for part in said.split(",")] if said else []
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise Fault("bad_arguments", f"{said[:80]!r} are no percentages.", "Say --rollout 5,25,100.")
    return [int(part) for part in parts]
