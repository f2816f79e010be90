"""The lines that set a client up, as far as they work now: for the overview and the terminal, by the mirror alone.

The instructions page has its own, made of the very contents that were published with it (`root.py`).
"""

from __future__ import annotations

from django.utils import timezone

from packages_app.core.definition import Definition, Definitions
from packages_app.core.layout import suite_path
from packages_app.models import HeldCandidate, Job, Package, Publication
from packages_app.publishing.root import client_commands
from packages_app.services import adapters
from packages_app.services.archives import present_archive


def client_lines(*, in_bucket: bool = False) -> tuple[str, ...]:
    """Return the shell lines for a client; () where no bootstrap package is published in the default suite.

    The last line installs a package where one is surely published. With `in_bucket` what they fetch is looked for
    there too. Raise `DefinitionError`, and with `in_bucket` the store's errors.
    """
    definitions, suite = adapters.definitions(), adapters.repository().default_suite.name
    last = Publication.objects.filter(suite=suite).defer(*Publication.LISTS).first()
    if last is None or last.valid_until <= timezone.now():
        return ()
    ahead = _mirror_is_ahead(suite)
    bootstrap = next((d for d in definitions.bootstrap_packages() if _is_in(last, d.name, ahead=ahead)), None)
    if bootstrap is None or (in_bucket and not _is_in_bucket(bootstrap, suite)):
        return ()
    return tuple(client_commands(present_archive().public_url, bootstrap, "" if ahead else _example(last, definitions)))


def _is_in_bucket(bootstrap: Definition, suite: str) -> bool:
    fetched = (suite_path(suite, "InRelease"), bootstrap.bootstrap.copy if bootstrap.bootstrap else "")
    return all(key and adapters.bucket().head(key) is not None for key in fetched)


def _mirror_is_ahead(suite: str) -> bool:
    """Return whether a publication waits, for a worker or a person: rows may be of what clients don't see yet."""
    waiting = (Job.State.QUEUED, Job.State.RUNNING)
    jobs = Job.objects.filter(kind=Job.Kind.PUBLISH, state__in=waiting, subject=suite)
    return jobs.exists() or HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING).exists()


def _example(last: Publication, definitions: Definitions) -> str:
    """Return a package to install, rather one that has a definition; "" where none is surely published."""
    if last.left_out_count or last.missing_files_count:  # which ones may be long lists, and are told beside this
        return ""
    bootstraps = [d.name for d in definitions.bootstrap_packages()]
    maintained = (name for name, d in definitions.by_package.items() if d.enabled and not d.bootstrap)
    defined = next((name for name in maintained if _is_in(last, name)), "")
    if defined:
        return defined
    other = Package.objects.filter(memberships__suite=last.suite).exclude(package_name__in=bootstraps)
    name = other.order_by("package_name").values_list("package_name", flat=True).first()
    return name if name and _is_in(last, name) else ""


def _is_in(last: Publication, name: str, *, ahead: bool = False) -> bool:
    """Return whether a package was in the suite when a publication was made, which is told by seconds."""
    rows = Package.objects.filter(package_name=name, memberships__suite=last.suite)
    if ahead:
        rows = rows.filter(processed_timestamp__lt=last.date.isoformat(timespec="seconds"))
    else:
        rows = rows.filter(processed_timestamp__lte=last.published_at.isoformat(timespec="seconds"))
    return rows.exists()
