"""`make bench`: what ours takes, and what other tools take for the same, in one run on one machine."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.bench import SMALL, Bench, Figure, Sizes
from tests.benchmarks.figures import (
    admin,
    admin_pages,
    adoption,
    client_bytes,
    force_rebuild,
    intake,
    many_suites,
    memory,
    move_many,
    publish_one,
    push,
    requests,
    round_trips,
    start,
    will_it_install,
)
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.ours import REPOSITORY
from tests.benchmarks.peers import signing_key
from tests.benchmarks.processes import say
from tests.benchmarks.report import write_report
from tests.benchmarks.rows import Row
from tests.benchmarks.table import cells_of, terminal_table

FIGURES: Mapping[str, Figure] = {
    "publish_one": publish_one.measure,
    "force_rebuild": force_rebuild.measure,
    "force_rebuild_kept": force_rebuild.measure_kept,
    "memory": memory.measure,
    "two_architectures": memory.measure_two,
    "many_suites": many_suites.measure,
    "intake_large": intake.measure_large,
    "intake_small": intake.measure_small,
    "real_readers": intake.measure_readers,
    "requests": requests.measure,
    "round_trips": round_trips.measure,
    "start": start.measure,
    "admin": admin.measure,
    "admin_pages": admin_pages.measure,
    "client_bytes": client_bytes.measure,
    "adoption": adoption.measure,
    "move_many": move_many.measure_many,
    "withdraw_one": move_many.measure_one,
    "will_it_install": will_it_install.measure,
    "push": push.measure_visible,
    "push_large": push.measure_memory,
}
_RESULT = REPOSITORY / "build" / "bench.json"


def main() -> int:
    """Measure what was asked for; gives 1 when a figure could not be measured. A missed goal is no failure."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the scratch folder goes
    names = options.figures or list(FIGURES)
    with tempfile.TemporaryDirectory(prefix="repomgr-bench-") as folder:
        result: dict[str, Any] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "figures": names,
            "sizes": "small" if options.small else "whole",
            "machine": machine(Path(folder)),
            "versions": versions(),
            "rows": [],
            "failed": {},
        }
        with signing_key(Path(folder) / "gnupg") as key:
            bench = Bench(SMALL if options.small else Sizes(), Path(folder), key)
            for name in names:
                _measure(name, bench, result)
    sys.stdout.write(f"\n{terminal_table(result['rows'])}\n{_about(result)}\n")
    if options.report:
        for path in write_report(result, REPOSITORY / ("build" if options.small else "docs")):
            sys.stdout.write(f"written: {path.relative_to(REPOSITORY)}\n")
    return 1 if result["failed"] else 0


def _measure(name: str, bench: Bench, result: dict[str, Any]) -> None:
    """Add a figure's rows, each kept as it comes; a figure that fails does not stop the others."""
    try:
        for row in FIGURES[name](bench):
            result["rows"].append(row.as_dict() if isinstance(row, Row) else row)
            say("  ".join(cells_of(result["rows"][-1])))
            _keep(result)
    except Exception as error:  # whatever went wrong with this one
        traceback.print_exc()
        result["failed"][name] = f"{type(error).__name__}: {error}"[:1000]
        _keep(result)


def _keep(result: dict[str, Any]) -> None:
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def _about(result: dict[str, Any]) -> str:
    lines = [f"{name} FAILED: {why}" for name, why in result["failed"].items()]
    lines += [", ".join(f"{name} {value}" for name, value in result[part].items()) for part in ("machine", "versions")]
    return "\n".join([*lines, f"{result['date']}, sizes: {result['sizes']}; also in build/{_RESULT.name}"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--figures", type=_names, help=f"some of {','.join(FIGURES)} (default: all)")
    parser.add_argument("--report", action="store_true", help="write docs/PERFORMANCE.md too; of --small into build/")
    parser.add_argument("--small", action="store_true", help="some hundred packages: tries the bench, not the product")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = [name for name in text.replace(" ", ",").split(",") if name]
    for name in names:
        if name not in FIGURES:
            raise argparse.ArgumentTypeError(f"{name} is no figure; there are {', '.join(FIGURES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
