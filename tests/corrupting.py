"""A bucket and a mirror corrupt at random, in the ways of disks, of people and of foreign programs."""

from __future__ import annotations

import os
from random import Random

from packages_app.models import Package, SuiteMembership
from tests.verified import Repository

WAYS = (
    "delete",
    "truncate",
    "flip",
    "replace",
    "rot",
    "stray",
    "foreign suite",
    "orphan",
    "row",
    "row away",
    "ghost row",
)


def corrupt_at_random(standing: Repository, chance: Random) -> set[str]:
    """Corrupt one thing; gives what has to be named for it: keys of objects, or rows of the mirror."""
    way = chance.choice(WAYS)
    number = chance.randrange(10**9)
    strays = {
        "stray": f"dists/stable/{chance.choice(('', 'main/', 'extra/'))}stray{number}",
        "foreign suite": f"dists/old{number}/main/binary-amd64/Packages.gz",
        "orphan": f"pool/main/o/orphan/orphan_{number}_all.deb",
    }
    if way in strays:
        return _added(standing, strays[way], chance)
    if way in ("row", "row away", "ghost row"):
        return _row(way, number, chance)
    keys = [key for key in standing.objects() if "orphan" not in key and "stray" not in key and "/old" not in key]
    key = chance.choice(keys)
    return _rotten(standing, key, chance) if way == "rot" else _changed(standing, way, key, keys, chance)


def _changed(standing: Repository, way: str, key: str, keys: list[str], chance: Random) -> set[str]:
    before = standing.path(key).read_bytes()
    if way == "delete":
        standing.path(key).unlink()
        return {key}
    bodies = {
        "truncate": before[: chance.randrange(len(before) or 1)],
        "flip": _flipped(before, chance),
        "replace": standing.path(chance.choice(keys)).read_bytes(),
    }
    standing.corrupt(key, bodies[way])
    return {key} if bodies[way] != before else set()


def _added(standing: Repository, key: str, chance: Random) -> set[str]:
    standing.corrupt(key, chance.randbytes(chance.randrange(1, 2000)))
    standing.age(key)
    return {key}


def _row(way: str, number: int, chance: Random) -> set[str]:
    if way == "ghost row":
        name = f"ghost{number}"
        Package.objects.create(
            package_id=f"{name}#1", package_name=name, version="1", version_key="x", architecture="all"
        )
        return {f"mirror: {name}#1 all"}
    row = chance.choice(list(Package.objects.exclude(package_name__startswith="ghost").order_by("pk")) or [None])
    if row is None:
        return set()
    if way == "row away":
        row.delete()
    elif chance.random() < 0.5:
        row.sha256_hash = "0" * 64
        row.save()
    else:
        SuiteMembership.objects.create(package=row, suite=f"suite{number}")
    return {f"mirror: {row.package_id} {row.architecture}"}


def _rotten(standing: Repository, key: str, chance: Random) -> set[str]:
    """Flip a bit in place: a convenience copy in a local bucket is a link to the pool's file and rots with it."""
    path = standing.path(key)
    body = path.read_bytes()
    with path.open("r+b") as file:
        file.write(_flipped(body, chance))
    same = path.stat().st_ino
    return {other for other in standing.objects() if os.stat(standing.path(other)).st_ino == same} if body else set()


def _flipped(body: bytes, chance: Random) -> bytes:
    if not body:
        return body
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]
