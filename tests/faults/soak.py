"""A soak: a product at work for some minutes, with all at once that made one stop, repeat itself or grow.

`make soak MINUTES=10` is `python -m tests.faults.soak --minutes 10`. Uploads go through the web, two vendors drip,
signatures are due, eight connections are slow, the disk of the home is full for a while, and the real apt reads.
COLUMN=distributed does it on PostgreSQL, Redis and moto. Its table says what was seen beside what was wanted; it ends
with 1 when they differ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from packages_app.core.home import UMASK, make_home
from packages_app.signing.openpgp import generate_key
from repomgr.servers.process import free_port
from repomgr.servers.start import moto_server, postgresql_server, redis_server
from tests.disks import SmallDisk, small_disk

REPOSITORY = Path(__file__).resolve().parent.parent.parent
REGION = "eu-central-1"
DISK_MEGABYTES = 384


def environment(home: Path, port: int) -> dict[str, str]:
    """Give the settings of the driver and the product."""
    return {
        "REPOMGR_HOME": str(home),
        "REPOMGR_CONFIG": str(home / "config"),
        "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        "PYTHONPATH": str(REPOSITORY),
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}/repository",
        "PRIVATE_UPSTREAMS": "127.0.0.1",
        "LEAST_FREE_BYTES": str(16 * 1024**2),
        # The log is where jobs tell that their work has come to its end.
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
    }


def servers_of(column: str, servers: ExitStack) -> dict[str, str]:
    """Start the servers of a column; return the settings that name them."""
    if column == "embedded":
        return {}
    moto = servers.enter_context(moto_server())
    options = f"region={REGION}&endpoint={moto}"
    return {
        "DATABASE_URL": servers.enter_context(postgresql_server()),
        "BROKER_URL": servers.enter_context(redis_server()),
        "PACKAGE_TABLE_URL": f"dynamodb://packages?{options}",
        "BUCKET_URL": f"s3://apt?{options}&acl=public-read",
        "STAGING_URL": f"s3://apt-staging?{options}",
        "PUBLIC_URL": f"{moto}/apt",
        "SIGNING_KEY": generate_key("Soak archive"),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "WORKERS": "2",
    }


def disk_of(folder: Path, ends: ExitStack) -> SmallDisk | None:
    """Mount a small disk on a new folder; where that can't be done, say so and make the folder."""
    try:
        return ends.enter_context(small_disk(folder, DISK_MEGABYTES))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stdout.write(f"No disk can be mounted here ({error}): the phase with a full disk is left out.\n")
        folder.mkdir(exist_ok=True)
        return None


def keep_log(log: Path) -> None:
    """Keep the product's log, beside those of other programs."""
    if log.exists():
        kept = shutil.copy(log, Path(tempfile.gettempdir()) / "repomgr-soak.log")
        sys.stdout.write(f"The product's log: {kept}\n")


def main(arguments: list[str] | None = None) -> int:
    """Start the servers, set the environment of this process and the product, and run; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--within", type=float, default=10, help="seconds from an upload to its InRelease")
    parser.add_argument("--column", choices=("embedded", "distributed"), default="embedded")
    options = parser.parse_args(arguments)
    os.umask(UMASK)
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="repomgr-soak-")))
        disk = disk_of(folder / "disk", ends)
        home, port = folder / "disk" / "home", free_port()
        shutil.copytree(REPOSITORY / "config", home / "config")
        make_home(home)
        (home / "tmp").mkdir()
        values = {**environment(home, port), **servers_of(options.column, ends)}
        os.environ.update(values)
        django.setup()
        from tests.faults.soak_run import Plan, run  # its models need the settings of the environment

        log = folder / "product.log"
        broker = values.get("BROKER_URL", "")
        plan = Plan(options.minutes * 60, options.within, home, log, port, values["PUBLIC_URL"], broker, disk)
        ends.callback(keep_log, log)
        verdict = run(plan)
    sys.stdout.write(f"{options.column}, {options.minutes:g} minutes\n{verdict}\n")
    return 0 if verdict.sound else 1


if __name__ == "__main__":
    sys.exit(main())
