"""Errors of the processes, and of the jobs that they run."""

from __future__ import annotations

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome


class TooManyJobs(RepomgrError):
    """So many jobs that one person asked for wait already (MOST_WAITING_JOBS); no further one was made."""

    code = "too_many_jobs"
    outcome = Outcome.TRY_AGAIN


class ProcessFailed(RepomgrError):
    """Web, a worker or beat ended again and again; all were ended."""

    code = "process_failed"
