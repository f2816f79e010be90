"""Which of the versions on offer are taken in: so many of the newest, or those from a version on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from packages_app.core.ports import Progress
from packages_app.core.setting_field import Kind, SettingField
from packages_app.core.version import is_version, version_key
from packages_app.core.yaml_reader import YamlReader
from packages_app.sources.source import Offer

Offered = TypeVar("Offered", bound=Offer)

WINDOW_FIELDS = (
    SettingField("newest", "Newest versions", "How many are taken in; empty: all on offer. Those that are there stay.",
                 Kind.NUMBER),
    SettingField("since", "Since", "The version from which on they are taken in, in Debian's order; empty: all."),
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """`newest` is how many versions are taken in, 0 for all; `since` the least of them, "" for none.

    Where both are said, both count.
    """

    newest: int = 0
    since: str = ""

    def marked(
        self, offers: Sequence[Offered], version_of: Callable[[Offered], Hashable], name: str, progress: Progress
    ) -> list[Offered]:
        """Return offers, oldest first, with those marked that are passed over; `version_of` says what is one version.

        An offer that says no version is none of those since one: only fetching it would tell.
        """
        least = version_key(self.since) if self.since else ""
        taken: set[Hashable] = set()
        marked = []
        for offer in reversed(offers):
            version = version_of(offer)
            inside = not least or bool(offer.version and version_key(offer.version) >= least)
            if inside and (not self.newest or version in taken or len(taken) < self.newest):
                taken.add(version)
                marked.append(offer)
            else:
                marked.append(replace(offer, passed_over=True))
        left = sum(offer.passed_over for offer in marked)
        if left:
            progress.note(f"{name}: {left} files of other versions are passed over, as {self} says")
        return marked[::-1]

    def __str__(self) -> str:
        said = [f"newest: {self.newest}"] if self.newest else []
        return ", ".join([*said, *([f"since: {self.since}"] if self.since else [])])


def read_window(reader: YamlReader) -> Window:
    """Take `newest` and `since` of a source."""
    newest = reader.number("newest", default=0, least=1)
    since = reader.text("since", required=False)
    if since and not is_version(since):
        reader.problem("since", f"{since!r} is no Debian version.", 'Write it like "1.2.0", in quotes.')
        since = ""
    return Window(newest, since)
