"""Intake of many small files by one job; one bad file never stops another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from packages_app.core.bundle import pack, unpack
from packages_app.core.errors import ObjectNotFound, PackageRefused
from packages_app.core.ports import Progress
from packages_app.core.storable_text import storable_json
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.conflicts import refusal_of
from packages_app.services.intake.take_in import Refused, StagedFile, take_in
from packages_app.services.intake.uploads import added_by, admission_of_job, intake_upload, provenance_of, uploader_of
from packages_app.services.jobs import queue
from packages_app.services.jobs.progress import row_of_this_run
from packages_app.services.rights.asker import Asker


def stage_batch(
    files: Sequence[tuple[str, bytes]],
    *,
    suite: str = "",
    component: str = "",
    rollout: Sequence[int] = (),
    build: str = "",
    user: Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Put files, each a name and its bytes, into staging as one object and ask for their intake; return the job."""
    queue.require_room(user)  # before anything is staged
    staged = f"uploads/{uuid4().hex}/{len(files)}-files"
    adapters.staging().put(staged, pack(files))
    arguments = {
        "staged": staged, "suite": suite, "component": component, "files": len(files),
        "rollout": [*rollout], "build": build, "packages": sorted({name.partition("_")[0] for name, _ in files}),
    }  # fmt: skip
    return queue.enqueue(Job.Kind.UPLOAD, arguments, user=user, wake_worker=wake_worker)


def ask_for_batch(
    files: Sequence[tuple[str, str]],
    *,
    suite: str,
    component: str,
    rollout: Sequence[int],
    build: str,
    user: Asker | None,
    versions: Sequence[tuple[str, str, str]] = (),
) -> Job:
    """Ask for the intake of files that are staged one by one, each a name and its key there; return the job.

    `versions` are those of their records, where somebody will ask how far the job is.
    """
    arguments = {
        "each": [[*file] for file in files], "versions": [[*version] for version in versions],
        "suite": suite, "component": component, "files": len(files),
        "rollout": [*rollout], "build": build,
    }  # fmt: skip
    return queue.enqueue(Job.Kind.UPLOAD, arguments, user=user)


def do_upload(job: Job, progress: Progress) -> dict[str, Any]:
    """Take in what a job's upload staged, one file or a batch; as `intake_upload` and `intake_batch`."""
    return intake_batch(job, progress) if "files" in job.arguments else intake_upload(job, progress)


def intake_batch(job: Job, progress: Progress) -> dict[str, Any]:
    """Take the files of a staged batch in; safe to repeat.

    Return {"files", "new", "known", "refused", "suites"}: of those refused a sentence each, of the others the suites
    that they are in. Conflicting files are quarantined. Raise `PackageRefused` when every one was refused,
    `ObjectNotFound` when another job has ended with them, and what stores and table raise.
    """
    count = job.arguments["files"]
    progress.step("fetch from staging", f"{count} files")
    with ExitStack() as copies:
        try:
            files = _files_of(job, copies)
        except ObjectNotFound as error:
            if not job.tries:  # no worker of this very job has died: it is a finished one that was started again
                raise ObjectNotFound(
                    f"The {count} files that were uploaded are gone from staging: an earlier job took in what could"
                    " be.",
                    remedy="See which of them are there under Packages, and upload the others again.",
                ) from error
            progress.note("an earlier run has taken in what could be; it was interrupted after that")
            # One whose run an earlier release began has kept no counts.
            return _ended(job.result or {"files": count, "new": 0, "known": 0, "refused": []})
        outcomes = take_in(files, admission_of_job(job), progress)
        refused = []
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                refused.append(f"{outcome.name}: {refusal_of(outcome, uploader_of(job), job=job)}")
                progress.note(refused[-1], level="error")
    taken = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    new = sum(outcome.added or added_by(job, outcome.record) for outcome in taken)
    suites = sorted({suite for outcome in taken for suite in outcome.record.suites})
    job.result = {"files": count, "new": new, "known": len(taken) - new, "refused": refused, "suites": suites}
    row_of_this_run(job).update(result=storable_json(job.result))  # without the files no later run could tell
    for key in staged_by(job.arguments):
        adapters.staging().delete(key)
    return _ended(job.result)


def _files_of(job: Job, copies: ExitStack) -> list[StagedFile]:
    """Return the files of a batch, as they are staged: bundled, or each by itself, whose copies last as `copies`."""
    provenance, staging = provenance_of(job), adapters.staging()
    if "staged" in job.arguments:
        bundled = unpack(staging.read(job.arguments["staged"]))
        return [StagedFile(name, body, provenance=provenance) for name, body in bundled]
    here = [(name, copies.enter_context(staging.as_local_file(key))) for name, key in job.arguments["each"]]
    return [StagedFile(name, path, provenance=provenance) for name, path in here]


def staged_by(arguments: Mapping[str, Any]) -> list[str]:
    """Return the keys in staging of what an upload's job takes in, by the job's arguments."""
    return [arguments["staged"]] if "staged" in arguments else [key for _, key in arguments.get("each", ())]


def _ended(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a batch whose files are gone from staging; raise `PackageRefused` when all were refused."""
    refused = result["refused"]
    if refused and len(refused) == result["files"]:
        raise PackageRefused(
            f"None of the {len(refused)} files was taken in. {refused[0]}",
            remedy="Each is named with its remedy among the job's notes.",
        ).with_result(result)
    return result
