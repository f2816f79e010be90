#!/usr/bin/env python3
"""Django's command line."""

import gc
import os
import sys

import django
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    # What is imported stays to the end. Looking through it for garbage, above all when all is over, takes a third of
    # the time of a short command.
    gc.disable()
    django.setup()
    gc.freeze()
    gc.enable()
    try:
        execute_from_command_line(sys.argv)
    finally:
        gc.freeze()
