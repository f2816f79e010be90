"""The words that the command takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from repomgr_client.faults import Fault

_WAIT = 300
_PARTS_ABOVE = 64 * 1024 * 1024


class Words(argparse.ArgumentParser):
    """Reads words as `argparse` does; what it can't read is a fault as any other, which `--json` has as JSON.

    Options are written whole: of a shortened `--json` nobody would know before the words are read.
    """

    def __init__(self, **said: Any) -> None:
        super().__init__(allow_abbrev=False, **said)

    def error(self, message: str) -> NoReturn:
        """Raise `Fault`."""
        raise Fault("bad_arguments", f"{message[:300]}.", f"See what it takes: {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's words, and raises `Fault`."""
    common = Words(add_help=False)
    common.add_argument("--server", default="", help="https://HOST, or https://HOST/archives/NAME (REPOMGR_SERVER)")
    common.add_argument("--json", action="store_true", help="one document of JSON to standard output")
    common.add_argument("--quiet", action="store_true", help="no progress")
    common.add_argument("--tries", type=_count, default=6, help="attempts of each request (6)")
    common.add_argument("--plain-http", action="store_true", help="send the token to another machine by http://")
    common.add_argument("--audience", default="", help="audience of CI's ID token (what the server tells)")
    top = Words(
        prog="repomgr", description="Push packages to a repomgr, and see to its suites.",
        epilog="Exit codes: 0 done and shown, 1 failed, 2 refused, 3 not shown yet or held back, 75 try again.",
    )  # fmt: skip
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help_text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help_text, description=help_text, parents=[common])

    push = command("push", "push .deb files, and those that .changes files list: all or none")
    push.add_argument("files", nargs="+", type=Path, metavar="FILE")
    push.add_argument("--suite", default="", help="the suite (that of the package's definition)")
    push.add_argument("--component", default="", help="the component (that of the package's definition)")
    push.add_argument("--parts-above", type=_mebibytes, default=_PARTS_ABOVE, metavar="MIB",
                      help=f"what is larger goes in parts ({_PARTS_ABOVE >> 20})")  # fmt: skip
    _waiting(push)
    command("status", "each suite's newest publication, open notices, and jobs under way")
    packages = command("packages", "list packages that a query selects")
    packages.add_argument("query", metavar="QUERY")
    packages.add_argument("--suite", default="", help="those of one suite")
    packages.add_argument("--most", type=_count, default=0, help="so many at most (all)")
    _moves(command)
    wait = command("wait", "wait for a job's end; for an upload's, until clients see it")
    wait.add_argument("job", metavar="JOB")
    _waiting(wait)
    return top


def _moves(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    for name, help_text in (
        ("promote", "let what another suite has be in a suite too"), ("withdraw", "take versions out of suites"),
    ):  # fmt: skip
        move = command(name, help_text)
        move.add_argument("what", nargs="+", metavar="WHAT", help="QUERY, or NAME VERSION ARCHITECTURE")
        leave = {"promote": "leave it for that one; several (they stay)", "withdraw": "out of it; several (all)"}[name]
        move.add_argument("--suite", action="append", default=[], dest="suites", help=leave)
        if name == "promote":
            move.add_argument("--to", required=True, metavar="SUITE")
            move.add_argument("--newer", action="store_true", help="only what is newer than what that suite has")
            move.add_argument("--rollout", default="", help="percentages of clients, a day each: 5,25,100")
        _changing(move, needs_reason=name == "withdraw")
    rollback = command("rollback", "let a suite show what an earlier publication showed")
    rollback.add_argument("suite", metavar="SUITE")
    rollback.add_argument("to", metavar="TO", nargs="?", default="", help="its number or digest (the one before)")
    _changing(rollback, needs_reason=False)
    snapshot = command("snapshot", "keep a suite's state at an address of its own")
    snapshot.add_argument("suite", metavar="SUITE")
    snapshot.add_argument("name", metavar="NAME")
    snapshot.add_argument("--reason", default="")
    _waiting(snapshot)


def _changing(command: argparse.ArgumentParser, *, needs_reason: bool) -> None:
    command.add_argument("--yes", action="store_true", help="do it without asking")
    command.add_argument("--reason", default="", required=needs_reason, help="why, for the history")
    _waiting(command)


def _waiting(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wait", type=_seconds, default=_WAIT, metavar="SECONDS", help=f"at most ({_WAIT})")
    command.add_argument("--no-wait", action="store_const", const=0, dest="wait", help="end once it is asked for")


def _count(said: str) -> int:
    return _number(said, 1, 1_000_000)


def _mebibytes(said: str) -> int:
    return _number(said, 0, 1_000_000) * 1024 * 1024


def _seconds(said: str) -> int:
    return _number(said, 0, 86_400)


def _number(said: str, least: int, most: int) -> int:
    if not (said.isascii() and said.isdigit() and len(said) < 8 and least <= int(said) <= most):
        raise argparse.ArgumentTypeError(f"{said[:20]!r} is no number from {least} to {most}")
    return int(said)
