"""Chaos: workers publish over failing servers and are killed at random, while readers look for anything broken.

`make chaos SECONDS=300` is `python -m tests.faults.chaos --seconds 300`. It starts PostgreSQL, Redis and moto, puts a
failing server between the workers and moto, and reads moto itself as clients do. Its last line counts; it ends with 1
when a reader saw an error, or an acknowledged upload is not in the final index.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import django

from packages_app.core.home import make_home
from packages_app.signing.openpgp import generate_key
from repomgr.servers.start import moto_server, postgresql_server, redis_server
from tests.faults.chaos_server import ChaosServer
from tests.stores.failing_server import failing_server

REPOSITORY = Path(__file__).resolve().parent.parent.parent
REGION = "eu-central-1"


def environment(home: Path, moto: str, failing: str, database: str, broker: str) -> dict[str, str]:
    """Give the settings of the driver and its workers: all they write goes through the failing server."""
    options = f"region={REGION}&endpoint={failing}"
    return {
        "REPOMGR_HOME": str(home / "var"),
        "REPOMGR_CONFIG": str(home / "config"),
        "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        "PYTHONPATH": str(REPOSITORY),
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "PACKAGE_TABLE_URL": f"dynamodb://packages?{options}",
        "BUCKET_URL": f"s3://apt?{options}&acl=public-read",
        "STAGING_URL": f"s3://apt-staging?{options}",
        "PUBLIC_URL": f"{moto}/apt",
        "SIGNING_KEY": generate_key("Chaos archive"),
        "LOG_LEVEL": "WARNING",
        # So short that a publisher which is stopped for a while is overtaken.
        "LEASE_SECONDS": "6",
        "SILENT_SECONDS": "6",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def main(arguments: list[str] | None = None) -> int:
    """Start the servers, set the environment of this process and its workers, and run; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args(arguments)
    with ExitStack() as servers:
        home = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="repomgr-chaos-")))
        shutil.copytree(REPOSITORY / "config", home / "config")
        moto = servers.enter_context(moto_server())
        server = servers.enter_context(failing_server(moto, ChaosServer))
        database, broker = servers.enter_context(postgresql_server()), servers.enter_context(redis_server())
        os.environ.update(environment(home, moto, server.address, database, broker))
        make_home(home / "var")
        django.setup()
        from tests.faults.chaos_run import run  # its models need the settings of the environment

        sys.stdout.write(f"seed={options.seed} seconds={options.seconds:.0f}\n")
        assert isinstance(server, ChaosServer)
        tally = run(options.seconds, options.seed, options.workers, home, server, moto)
    for error in tally.errors[:20]:
        sys.stdout.write(f"reader: {error}\n")
    for name in sorted(tally.lost)[:20]:
        sys.stdout.write(f"lost: {name}\n")
    sys.stdout.write(f"{tally}\n")
    return 1 if tally.errors or tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
