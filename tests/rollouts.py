"""Roll-outs that began earlier than they did: the clock of a test stays what it is."""

from dataclasses import replace
from datetime import datetime, timedelta

from packages_app.core.rollout import rollouts_of, with_rollouts
from packages_app.services.mirror.packages import mirror_record


def begun_before(table, days):
    """Let every roll-out of a table have begun so many days before it did."""
    for record in [one for one in table.all_records() if rollouts_of(one)]:
        earlier = {
            suite: replace(one, since=(datetime.fromisoformat(one.since) - timedelta(days=days)).isoformat())
            for suite, one in rollouts_of(record).items()
        }
        kept = with_rollouts(record, earlier).other_fields
        mirror_record(table.set_suites(record, record.suites, other_fields=kept))
