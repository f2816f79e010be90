"""What there is to measure: each figure by its name, with what it means and what tells its samples apart.

Names are Prometheus' (https://prometheus.io/docs/practices/naming/): base units, and `_last_hour` for what is counted
in the hour before now. Rows go after some time, so that a total of them would fall: nothing here is a counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Sample(NamedTuple):
    """One value of a figure; `labels` are the values of its labels, in their order."""

    name: str
    labels: tuple[str, ...]
    value: float


class Figure(NamedTuple):
    """What a figure means, and the names of its labels."""

    meaning: str
    labels: tuple[str, ...] = ()


_OF_ARCHIVE = ("archive",)
_OF_SUITE = ("archive", "suite")

UP = "repomgr_up"

FIGURES: Mapping[str, Figure] = {
    UP: Figure("Whether Django's database answered in time; 0: nothing but this process's own figures is here."),
    "repomgr_build_info": Figure("The version that serves; always 1.", ("version",)),
    "repomgr_archive_up": Figure("Whether the rows of the archive could be read.", _OF_ARCHIVE),
    "repomgr_configuration_readable": Figure("Whether the archive's configuration could be read.", _OF_ARCHIVE),
    "repomgr_clock_last_run_timestamp_seconds": Figure(
        "When beat last sent a task; before the first, when it was set up."
    ),
    "repomgr_jobs": Figure("Jobs that wait or run, by state.", ("archive", "state")),
    "repomgr_jobs_silent": Figure("Running jobs whose worker has said nothing for SILENT_SECONDS.", _OF_ARCHIVE),
    "repomgr_queue_jobs": Figure("Jobs that wait for a worker and are due, by queue.", ("archive", "queue")),
    "repomgr_queue_oldest_seconds": Figure("How long the oldest of these has been due; 0: none.", ("archive", "queue")),
    "repomgr_jobs_ended_last_hour": Figure("Jobs that ended, by kind and how.", ("archive", "kind", "state")),
    "repomgr_job_seconds_last_hour": Figure("Seconds that those worked, in sum.", ("archive", "kind")),
    "repomgr_job_longest_seconds_last_hour": Figure("Seconds of the longest of them.", ("archive", "kind")),
    "repomgr_job_failures_last_hour": Figure("Jobs that failed, by what failed them.", ("archive", "of")),
    "repomgr_publications_last_hour": Figure("Publications, by kind.", ("archive", "kind")),
    "repomgr_suite_seconds_to_valid_until": Figure("Seconds until clients refuse the suite's Release.", _OF_SUITE),
    "repomgr_suite_valid_seconds": Figure("Seconds from that Release's Date to its Valid-Until.", _OF_SUITE),
    "repomgr_suite_last_publication_timestamp_seconds": Figure("When the suite was last published.", _OF_SUITE),
    "repomgr_suite_last_publication_seconds": Figure("Seconds from its job's start to its switch.", _OF_SUITE),
    "repomgr_suite_packages": Figure("Packages of the last publication.", _OF_SUITE),
    "repomgr_suites": Figure("Suites of the configuration, by whether they were ever published.", ("archive", "state")),
    "repomgr_definitions": Figure("Definitions: well, failing upstream, faulty, or off.", ("archive", "state")),
    "repomgr_oldest_check_seconds": Figure("How long the longest unchecked upstream was not asked.", _OF_ARCHIVE),
    "repomgr_notices_open": Figure("Notices that nobody and nothing has settled, by kind.", ("archive", "kind")),
    "repomgr_held_candidates": Figure("Publications that wait for a person's approval.", _OF_ARCHIVE),
    "repomgr_conflicts": Figure("Conflicts that nobody has settled.", _OF_ARCHIVE),
    "repomgr_disk_free_bytes": Figure("What is free on a disk of this process's machine.", ("folder",)),
    "repomgr_disk_least_free_bytes": Figure("LEAST_FREE_BYTES: a disk with less is nearly full."),
}
"""Every figure that is read here, by its name; all are gauges. No label has values that a client chooses."""
