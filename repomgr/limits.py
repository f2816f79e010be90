"""How much a request may send, by its path. Known before there is a request, so nothing of the admin is imported."""

from __future__ import annotations

import re

from django.conf import settings

from packages_app.core.direct_upload import PART_BYTES
from packages_app.uploading import UPLOAD

HEALTH = "/healthz"
READY = "/readyz"
METRICS = "/metrics"
REPOSITORY = "/repository/"
LOGIN = "/admin/login/"
API = "/api/"
PUSHES = "/api/v1/uploads"
PARTS = "/api/v1/uploads/parts/"
PUT = "/upload/"
DPUT = "/dput/"
CONFIRM = "/admin/confirm/"
SINGLE_SIGN_ON = "/admin/single-sign-on/"
LARGEST_FORM = 128 * 1024
"""Bytes of a request's body where no file is taken: forms of the admin have a few hundred, a list with all of its rows
chosen 60 KB. It stays in memory, of every connection that strangers may have."""
_AROUND_A_FILE = 64 * 1024


_OF_ARCHIVE = re.compile(r"/archives/[a-z][a-z0-9-]{0,31}(?=/)")


def page_of(path: str) -> str:
    """Return what page of the admin a path is, whatever archive it is of (`archive_addresses`)."""
    of_archive = _OF_ARCHIVE.match(path)
    return path[of_archive.end() :] if of_archive else path


def is_for_machines(path: str) -> bool:
    """Return whether a path is the API's, or one that files are pushed to."""
    return page_of(path).startswith((API, PUT, DPUT))


def takes_packages(method: str, path: str) -> bool:
    """Return whether a request brings packages, or parts of them, from a machine."""
    page = page_of(path)
    pushes = (method == "POST" and page.rstrip("/") == PUSHES) or (method == "PUT" and page.startswith((PUT, DPUT)))
    return pushes or is_part(method, path)


def is_part(method: str, path: str) -> bool:
    """Return whether a request brings a part of a file."""
    return method == "PUT" and page_of(path).startswith(PARTS)


def largest_body(method: str, path: str) -> int:
    """Return how many bytes a request to a path may send."""
    if is_part(method, path):
        return PART_BYTES
    if page_of(path) == UPLOAD or takes_packages(method, path):
        return settings.UPLOAD_LIMIT_BYTES + _AROUND_A_FILE
    return LARGEST_FORM
