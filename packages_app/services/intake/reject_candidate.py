"""A held candidate rejected: what a person does not want clients to get leaves the suite, so that the rest goes on."""

from __future__ import annotations

from functools import partial

from packages_app.core.caution import MEANINGS, key_in
from packages_app.core.suite_change import What, change_of
from packages_app.models import HeldCandidate
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.held_candidates import reject
from packages_app.services.publication.held_lists import whole_of
from packages_app.services.publication.requests import request_publication, request_publications
from packages_app.services.rights.asker import Asker
from packages_app.services.transactions import in_transaction


def reject_candidate(held: HeldCandidate, user: Asker) -> list[str]:
    """Record that a held candidate shall not be published; return the packages taken out of its suite, sorted.

    Those go whose cautions held it back: no client has them, and their records and files stay. A publication of the
    others is asked for. Raise `PackageRefused` when the candidate no longer waits. What fails on the way leaves it
    waiting, so that it may be rejected again.
    """
    return in_transaction(partial(_reject, held, user))


def _reject(held: HeldCandidate, user: Asker) -> list[str]:
    reject(held, user)
    cautions = (finding for finding in whole_of(held)["findings"] if finding["code"] in MEANINGS)
    keys = {key_in(item) for finding in cautions for item in finding["items"]}
    if not keys:
        return []
    table = adapters.package_table()
    who, now, why = user.get_username(), adapters.now(), f"held candidate {held.pk} was rejected"
    withdrawn = []
    for record in table.get_many(keys).values():
        if held.suite in record.suites:
            left = set(record.suites) - {held.suite}
            change = change_of(record, left, What.REJECTED, who=who, when=now, reason=why)
            withdrawn.append(table.set_suites(record, left, change))
    mirror_records(withdrawn)
    request_publications({suite for record in withdrawn for suite in record.suites})
    request_publication(held.suite, user=user)
    return sorted(record.named for record in withdrawn)
