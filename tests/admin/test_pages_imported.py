"""The admin's pages are imported by who needs them: the web process and Django's checks, not each command."""

import subprocess
import sys

import pytest

_RUN = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "repomgr.settings"
django.setup()
{what}
print("packages_app.admin" in sys.modules)
"""


@pytest.mark.parametrize(
    ("what", "imported"),
    [
        ("import packages_app.management.commands.upload_deb", "False"),
        ("import repomgr.urls", "True"),
        ("from django.core import checks; print(checks.run_checks(tags=['admin']))", "[]\nTrue"),
    ],
    ids=["command", "web", "checks"],
)
def test_who_imports_the_admins_pages(what, imported):
    command = [sys.executable, "-c", _RUN.format(what=what)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == imported
