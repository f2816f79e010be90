#!/usr/bin/env python3
"""Django's command line."""

import gc
import os
import sys

import django
from django.core.management import execute_from_command_line

from packages_app.core.disk import disk_error
from packages_app.core.errors import RepomgrError
from packages_app.core.product import product_version

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    # What is imported stays to the end. Looking through it for garbage, above all when all is over, takes a third of
    # the time of a short command.
    gc.disable()
    if sys.argv[1:] == ["--version"]:  # Django's own would say Django's
        sys.stdout.write(f"{product_version()}\n")
        sys.exit(0)
    try:
        from repomgr.command_line import audited, prepare_home

        prepare_home(sys.argv)
        django.setup()
    except RepomgrError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        sys.exit(error.outcome.exit_code)
    except OSError as error:
        told = disk_error(error)
        if told is None:
            raise
        sys.stderr.write(f"{told.code}: {told}\n")
        sys.exit(told.outcome.exit_code)
    gc.freeze()
    gc.enable()
    try:
        with audited(sys.argv):
            execute_from_command_line(sys.argv)
    finally:
        gc.freeze()
