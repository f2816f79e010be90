"""What those may do who ask for work: uploading and publishing are rights of their own."""

from __future__ import annotations

from django.contrib.auth.models import PermissionsMixin

from packages_app.core.errors import RightMissing
from packages_app.models import Job
from packages_app.services.jobs.queue import Asker

PUBLISH = "packages_app.publish_suite"
UPLOAD = "packages_app.upload_package"
KEYS = "packages_app.change_keys"
HOTFIX = "packages_app.hotfix_package"


def may_publish(user: Asker | None) -> bool:
    """Return whether somebody may publish; who runs a command (None) is the operator, and may."""
    return user is None or (isinstance(user, PermissionsMixin) and user.has_perm(PUBLISH))


def may_hotfix(user: Asker | None) -> bool:
    """Return whether somebody may upload a version of a package that a source watches; a command's operator may."""
    return user is None or (isinstance(user, PermissionsMixin) and user.has_perm(HOTFIX))


def asked_by_hotfixer(job: Job) -> bool:
    """Return whether who asked for a job may upload hot-fixes now; of one who is gone, whether he could then."""
    if job.requested_by is not None:
        return may_hotfix(job.requested_by)
    return bool(job.arguments.get("by_hotfixer", False))


def asked_by_publisher(job: Job) -> bool:
    """Return whether who asked for a job may publish now; of one who is gone, whether he could when he asked."""
    if job.requested_by is not None:
        return may_publish(job.requested_by)
    return bool(job.arguments.get("by_publisher", True))


def require_publisher(user: Asker | None, what: str) -> None:
    """Raise `RightMissing` unless somebody may publish; `what` is what he wants to do, as a sentence's subject."""
    if not may_publish(user):
        raise right_missing(what)


def require_superuser(user: Asker | None, what: str) -> None:
    """Raise `RightMissing` for somebody who is no superuser; who runs a command (None) is the operator."""
    if user is not None and not (isinstance(user, PermissionsMixin) and user.is_superuser and user.is_active):
        raise RightMissing(f"{what} is a superuser's.", remedy="Ask an administrator.")


def require_keys(user: Asker | None, what: str) -> None:
    """Raise `RightMissing` unless somebody may change signing keys; who runs a command (None) is the operator."""
    if user is not None and not (isinstance(user, PermissionsMixin) and user.has_perm(KEYS)):
        raise RightMissing(
            f"{what} needs the right to change signing keys.",
            remedy="Ask an administrator to do it, or for that right.",
        )


def right_missing(what: str) -> RightMissing:
    """Return the error of somebody who may not publish."""
    return RightMissing(
        f"{what} needs the right to publish.",
        remedy="Ask somebody of the group Publishers to do it, or an administrator for that right.",
    )
