"""Progress that is written to a job's row, so that its page shows what goes on; and a heartbeat beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from packages_app.core.ports import Progress, Silent
from packages_app.core.storable_text import storable
from packages_app.core.threads import started_thread
from packages_app.models import Job

_ADVANCE_SECONDS = 1.0
_BEATS = 6
"""Heartbeats in the time after which a worker counts as dead."""
_NOTES_KEPT = 200
_NOTES_OF_JOB = 1000
"""So many of all steps are kept, half of them for warnings and errors alone; the log has every one."""
_LONGEST_NOTE = 2_000
_SHARE_OF_SAVING = 10
"""Saving writes all steps each time: steps and notes wait so many times as long as the last save has taken."""
_FIRST_STEPS, _LAST_STEPS = 20, 180
"""Of a job of more steps the first and the last are kept: the whole list is written at each one."""
LEFT_OUT = "steps left out"
"""The step that stands for those between; its `total` is their number."""

log = structlog.get_logger(__name__)


def row_of_this_run(job: Job) -> QuerySet[Job]:
    """Return a running job's row while this run has it: one that stood still may find its job gone on elsewhere."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, started=job.started)


def end_running_step(job: Job, state: str, now: datetime) -> dict[str, Any] | None:
    """End a job's last step as done, failed or interrupted, if it is running; return it. The caller saves the job."""
    if not job.steps or job.steps[-1]["state"] != "running":
        return None
    step: dict[str, Any] = job.steps[-1]
    step["state"], step["ended"] = state, _isoformat(now)
    return step


class JobProgress:
    """Writes steps and their first notes to a job at once, or after a pause, and how far a step is once a second.

    What comes too fast to be saved each time is saved with what follows, by the next heartbeat, or with the job's end.
    `watcher` is told all of it.
    """

    def __init__(self, job: Job, watcher: Progress | None = None) -> None:
        self._job = job
        self._watcher = watcher or Silent()
        self._saved = self._took = 0.0
        self._notes = sum(len(step["notes"]) for step in job.steps)

    def step(self, name: str, detail: str = "") -> None:
        """Begin a step; the one before is done."""
        self._end_step("done")
        _leave_out(self._job.steps)
        began = _isoformat(timezone.now())
        name, detail = storable(name, _LONGEST_NOTE), storable(detail, _LONGEST_NOTE)
        self._job.steps.append(
            {"name": name, "detail": detail, "state": "running", "began": began, "done": 0, "total": 0, "notes": []}
        )
        self._save_after(_SHARE_OF_SAVING * self._took)
        self._watcher.step(name, detail)
        log.info("step_began", job=str(self._job.id), kind=self._job.kind, step=name, detail=detail)

    def advance(self, done: int, total: int) -> None:
        """Tell how far the present step is."""
        step = self._present()
        step["done"], step["total"] = done, total
        self._save_after(_ADVANCE_SECONDS)
        self._watcher.advance(done, total)

    def note(self, text: str, *, level: str = "info") -> None:
        """Keep a sentence with the present step."""
        text = storable(text, _LONGEST_NOTE)
        notes = self._present()["notes"]
        most = _NOTES_OF_JOB // 2 if level == "info" else _NOTES_OF_JOB
        if len(notes) < _NOTES_KEPT and self._notes < most:
            notes.append({"level": level, "text": text})
            self._notes += 1
            self._save_after(_SHARE_OF_SAVING * self._took)
        self._watcher.note(text, level=level)
        getattr(log, level)("step_note", job=str(self._job.id), kind=self._job.kind, note=text)

    def end(self, state: str) -> None:
        """End the last step as `done`, `failed` or `interrupted`; the caller saves the job."""
        self._end_step(state)

    def _present(self) -> dict[str, Any]:
        if not self._job.steps:
            self.step("begin")
        step: dict[str, Any] = self._job.steps[-1]
        return step

    def _end_step(self, state: str) -> None:
        step = end_running_step(self._job, state, timezone.now())
        if step is not None:
            log.info("step_ended", job=str(self._job.id), kind=self._job.kind, step=step["name"], state=state)

    def _save_after(self, pause: float) -> None:
        if time.monotonic() - self._saved >= pause:
            began = time.monotonic()
            row_of_this_run(self._job).update(steps=self._job.steps, heartbeat=timezone.now())
            self._saved = time.monotonic()
            self._took = self._saved - began


@contextmanager
def heartbeat(job: Job) -> Iterator[None]:
    """Renew a job's heartbeat, and the steps of its row, while the block runs.

    A killed worker is noticed by its silence.
    """
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(settings.SILENT_SECONDS / _BEATS):
            try:
                row_of_this_run(job).update(steps=job.steps, heartbeat=timezone.now())
            except Exception:  # a database that is away for a moment must not end the work
                log.warning("heartbeat_failed", job=str(job.pk), exc_info=True)
            finally:
                connection.close()

    thread = started_thread(f"heartbeat-{job.pk}", beat)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _leave_out(steps: list[dict[str, Any]]) -> None:
    """Take the oldest of the last steps out where a further one would be too many; its warnings and errors stay."""
    if len(steps) < _FIRST_STEPS + _LAST_STEPS:
        return
    gap = steps[_FIRST_STEPS]
    if gap["name"] != LEFT_OUT:
        gap = {**gap, "name": LEFT_OUT, "detail": "", "state": "done", "done": 1, "total": 1, "notes": _serious(gap)}
        steps[_FIRST_STEPS] = gap
    going = steps.pop(_FIRST_STEPS + 1)
    gap["done"] = gap["total"] = gap["total"] + 1
    gap["ended"] = going.get("ended", gap.get("ended"))
    gap["notes"] = [*gap["notes"], *_serious(going)][:_NOTES_KEPT]


def _serious(step: dict[str, Any]) -> list[dict[str, Any]]:
    return [note for note in step["notes"] if note["level"] != "info"]


def _isoformat(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
