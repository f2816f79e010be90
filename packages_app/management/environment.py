"""Commands that work for an environment of Terraform's: with its table and bucket, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from packages_app.core.archive import DEFAULT
from packages_app.core.errors import EnvironmentRefused
from packages_app.core.home import ENVIRONMENTS as HOMES_OF_ENVIRONMENTS
from packages_app.core.home import make_home
from packages_app.core.locations import DynamoTable, S3Store
from packages_app.management.said_once import log_format
from packages_app.management.terraform_state import ENVIRONMENTS, Environment, read_environment
from packages_app.services.archives import present_archive

_MANAGE = settings.BASE_DIR / "manage.py"


def add_environment_arguments(parser: ArgumentParser) -> None:
    """Take `--env` and `--terraform-dir`."""
    parser.add_argument("--env", choices=ENVIRONMENTS, help="the Terraform environment to work for")
    parser.add_argument(
        "--terraform-dir", type=Path, help="where its state is (default: deploy/terraform)", metavar="DIR"
    )


def chosen_environment(options: dict[str, Any]) -> Environment | None:
    """Return the environment that was asked for; None when none was. Raise `EnvironmentRefused`."""
    if not options["env"]:
        return None
    folder = options["terraform_dir"] or settings.BASE_DIR / "deploy" / "terraform"
    return read_environment(folder, options["env"])


def settings_fit(environment: Environment) -> bool:
    """Return whether this process's settings are those of the environment.

    Raise `EnvironmentRefused` when they name another table or bucket: a command must never mix two environments.
    """
    archive = present_archive()
    table, bucket = archive.table, archive.bucket
    if not _is_given("PACKAGE_TABLE_URL") and not _is_given("BUCKET_URL"):
        return False
    found = (
        table.name if isinstance(table, DynamoTable) else "",
        bucket.bucket if isinstance(bucket, S3Store) else "",
    )
    if found != (environment.table, environment.bucket):
        raise EnvironmentRefused(
            f"The settings are for table {found[0] or 'in a file'} and bucket {found[1] or 'in a folder'}; "
            f"{environment.name} has {environment.table} and {environment.bucket}.",
            remedy="Unset PACKAGE_TABLE_URL and BUCKET_URL, or set them to those of the environment.",
        )
    return True


def run_there(environment: Environment, arguments: Sequence[str]) -> int:
    """Run a command in a process of its own with the environment's settings; return its exit code.

    What is not said otherwise by the process's environment comes from Terraform. The browsing database of this host is
    not touched: that process has one of its own, below REPOMGR_HOME, since the mirror there shows another table.
    """
    region = f"?region={environment.region}" if environment.region else ""
    home = settings.HOME / HOMES_OF_ENVIRONMENTS / environment.name
    make_home(home)
    values = {
        "PACKAGE_TABLE_URL": f"dynamodb://{environment.table}{region}",
        "BUCKET_URL": f"s3://{environment.bucket}{region}",
        "STAGING_URL": f"s3://{environment.bucket}/staging{region}",
        "PUBLIC_URL": environment.repository_url,
    }
    given = {name: value for name, value in values.items() if not _is_given(name)}
    process = {**os.environ, **given, "REPOMGR_HOME": str(home), "REPOMGR_CONFIG": str(present_archive().config_dir)}
    process |= {"ARCHIVES": f"{DEFAULT}: {{}}", "ARCHIVES_FILE": ""}  # the environment is one by itself
    process |= {} if os.environ.get("LOG_FORMAT_FILE") else {"LOG_FORMAT": log_format()}
    for command in (["migrate", "--verbosity", "0"], list(arguments)):
        done = subprocess.run([sys.executable, str(_MANAGE), *command], env=process, check=False)
        if done.returncode != 0:
            break
    return done.returncode


def _is_given(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
