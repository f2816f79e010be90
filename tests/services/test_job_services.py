"""What does the work of each kind of job is found by its name, and imported by who does such a job alone."""

import subprocess
import sys

from packages_app.models import Job

_RUN = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "repomgr.settings"
django.setup()
import packages_app.management.commands.publish
rooms = ("intake", "lifecycle", "repair", "snapshots", "sweep")
print(*(room for room in rooms if f"packages_app.services.{room}" in sys.modules))
from packages_app.models import Job
from packages_app.services.job_services import service_of
print(*(kind for kind in Job.Kind.values if callable(service_of(kind))))
"""


def test_a_command_imports_no_service_that_it_does_not_call_and_each_kind_of_job_has_one():
    done = subprocess.run([sys.executable, "-c", _RUN], capture_output=True, text=True, check=True)
    imported, with_a_service = done.stdout.split("\n")[:2]
    assert (imported, with_a_service.split()) == ("", Job.Kind.values)
