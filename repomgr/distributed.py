"""The distributed column on one host without Docker: `make up-distributed`, `python -m repomgr.distributed`.

Servers that the environment or the settings file names are used; the others are started, and gone when this ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack

import django

from packages_app.core.errors import RepomgrError
from packages_app.core.home import SIGNING_KEY_FILE, UMASK, make_home
from packages_app.signing.openpgp import generate_key, keep_key
from repomgr import environment
from repomgr.servers.process import ServerMissing
from repomgr.servers.start import moto_server, postgresql_server, redis_server
from repomgr.settings_file import load_settings

_REGION = "eu-central-1"
_STORES = ("PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL")


def settings_of_servers(servers: ExitStack) -> dict[str, str]:
    """Start the servers that the environment does not name; return the settings of this column that it lacks."""
    found: dict[str, str] = {}
    if not environment.is_given("DATABASE_URL"):
        found["DATABASE_URL"] = servers.enter_context(postgresql_server())
    if not environment.is_given("BROKER_URL"):
        found["BROKER_URL"] = servers.enter_context(redis_server())
    ours = not all(environment.is_given(name) for name in _STORES)
    if ours:
        if any(environment.is_given(name) for name in _STORES):
            raise ServerMissing(f"Set all of {', '.join(_STORES)}, or none of them.")
        found |= _of_moto(servers.enter_context(moto_server()))
    if not environment.is_given("SIGNING_KEY"):
        home = environment.home()
        make_home(home)
        # A table and buckets that were just made know no key. Others may, and then none is made beside it.
        kept = keep_key(home / SIGNING_KEY_FILE, lambda: generate_key("Archive signing key")) if ours else _known_key()
        found["SIGNING_KEY"] = kept
    return found


def _known_key() -> str:
    """Return the home's key for stores of others, by the rule of the embedded column; raise `RepomgrError`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    django.setup()  # reads the settings, which this column's need not be whole for
    from packages_app.services import adapters

    return adapters.key_of_home()


def _of_moto(endpoint: str) -> dict[str, str]:
    options = f"region={_REGION}&endpoint={endpoint}"
    public = {} if environment.is_given("PUBLIC_URL") else {"PUBLIC_URL": f"{endpoint}/apt"}
    return {
        "PACKAGE_TABLE_URL": f"dynamodb://packages?{options}",
        "BUCKET_URL": f"s3://apt?{options}&acl=public-read",
        "STAGING_URL": f"s3://apt-staging?{options}",
        # moto takes any, but the client asks for some.
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
        **public,
    }


def run(values: Mapping[str, str]) -> int:
    """Prepare, then run web, workers and beat until Ctrl-C; return the exit code."""
    process = {**os.environ, "WORKERS": os.environ.get("WORKERS", "2"), **values}
    prepare = [sys.executable, "manage.py", "first_start"]
    done = subprocess.run(prepare, env=process, cwd=environment.BASE_DIR, check=False)
    if done.returncode:
        return done.returncode
    with subprocess.Popen([sys.executable, "-m", "repomgr.processes"], env=process) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            # On a terminal they got it too; a second one changes nothing.
            running.send_signal(signal.SIGINT)
            return running.wait()


def main() -> int:
    """Start what is missing, and run; return the exit code."""
    for end in (signal.SIGTERM, signal.SIGINT):  # which a shell lets the programs ignore that it starts behind it
        signal.signal(end, signal.default_int_handler)
    os.umask(UMASK)
    with ExitStack() as servers:
        try:
            load_settings()
            values = settings_of_servers(servers)
        except ServerMissing as missing:
            sys.stderr.write(f"{missing}\n")
            return 1
        except RepomgrError as error:
            sys.stderr.write(f"{error.code}: {error}\n")
            return error.outcome.exit_code
        return run(values)


if __name__ == "__main__":
    sys.exit(main())
