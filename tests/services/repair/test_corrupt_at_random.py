"""However a repository is corrupt: verifying names all of it, a repair heals it, and clients read everything again."""

from random import Random

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Job
from packages_app.services.repair.apply import apply_repair
from packages_app.services.repair.plan import plan_repair
from tests.corrupting import corrupt_at_random

AT_LEAST = 30
"""Things corrupt for each seed."""


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_corrupt_is_named_and_healed(standing, seed):
    chance = Random(seed)
    whole = standing.clients_see()
    objects = standing.objects()
    corrupt = 0
    while corrupt < AT_LEAST:
        wrong = set()
        for _ in range(chance.choice((1, 1, 2, 4, 7))):
            wrong |= corrupt_at_random(standing, chance)
        # What was corrupt twice may have become right again, or be another thing.
        wrong = {where for where in wrong if where.startswith("mirror: ") or differs(standing, where, objects)}
        corrupt += len(wrong)
        verification = standing.verify()
        named = {finding.where for finding in verification.findings}
        assert wrong <= named, (seed, corrupt)
        outcome = apply_repair(plan_repair(verification, Silent()), Silent())
        assert outcome.failed == [], (seed, corrupt)
        assert outcome.verification.findings == (), (seed, corrupt)
        assert standing.clients_see() == whole
        for key, body in objects.items():
            if key.startswith("pool/"):
                assert standing.path(key).read_bytes() == body
        objects = standing.objects()
        Job.objects.all().delete()  # the publications that reconciling asked for


def differs(standing, key, objects):
    path = standing.path(key)
    return (path.read_bytes() if path.exists() else None) != objects.get(key)
