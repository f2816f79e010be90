"""What clients see of other settings of the repository: sentences for people, and the suites to publish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packages_app.core.repository import Repository, Suite
from packages_app.services import adapters
from packages_app.services.archives import present_archive


@dataclass(frozen=True)
class Effects:
    """`seen` is what clients will see, `asked` what apt asks them to accept, `publishes` the suites to publish."""

    seen: tuple[str, ...]
    asked: tuple[str, ...]
    publishes: tuple[str, ...]


def effects_of(before: Repository, after: Repository, leaving: Mapping[str, tuple[int, int]]) -> Effects:
    """Return what a change does; `leaving` says of suites how many packages leave, and how many are in no other."""
    seen: list[str] = []
    asked: list[str] = []
    publishes = []
    for suite in after.suites:
        was = before.suite(suite.name)
        if was is None:
            seen.append(
                f"Suite {suite.name} is new, with {', '.join(suite.components)} for {', '.join(suite.architectures)}."
            )
        else:
            seen += _changed(was, suite)
            asked += _asked(before, after, was, suite)
        if was != suite or (before.origin, before.label) != (after.origin, after.label):
            publishes.append(suite.name)
            if was is not None and (pending := len(adapters.package_table().pending_changes_of(suite.name))):
                seen.append(f"Suite {suite.name}: {pending} changes that are not published yet come with it.")
    for suite in before.suites:
        if after.suite(suite.name) is None:
            count, only = leaving.get(suite.name, (0, 0))
            seen.append(
                f"Suite {suite.name} is published no more. Packages in it: {count}, in no other suite: {only}. apt"
                f" refuses what it showed last after its Valid-Until ({suite.valid_for.days} days at most); a sweep"
                " takes that away then."
            )
    if before.keyring != after.keyring:
        seen.append(
            f"The keyring is {after.keyring_key}: clients have {before.keyring_key} until they install a new version of"
            f" the bootstrap package, and {present_archive().public_url}/{before.keyring_key} is renewed no more."
        )
    return Effects(tuple(seen), tuple(asked), tuple(publishes))


def _changed(was: Suite, suite: Suite) -> Iterator[str]:
    for what, old, new in (
        ("component", was.components, suite.components),
        ("architecture", was.architectures, suite.architectures),
    ):
        for name in new:
            if name not in old:
                yield f"Suite {suite.name}: the {what} {name} is new."
        for name in old:
            if name not in new:
                yield f"Suite {suite.name}: the {what} {name} goes; clients that ask for it miss it."
    fields = was.fields.named(), suite.fields.named()
    for name in sorted({*fields[0], *fields[1]}):
        old_value, new_value = (each.get(name, "") for each in fields)
        if old_value != new_value:
            yield f"Suite {suite.name}: {name} is {new_value or 'no more'} (was {old_value or 'not there'})."


def _asked(before: Repository, after: Repository, was: Suite, suite: Suite) -> Iterator[str]:
    for name, old, new in (
        ("Origin", before.origin, after.origin),
        ("Label", before.label, after.label),
        ("Codename", was.codename, suite.codename),
    ):
        if old != new:
            yield f"Suite {suite.name}: {name} changes from {old} to {new}."
