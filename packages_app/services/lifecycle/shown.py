"""What a person was shown before a change, so that the consent is to just that: others change suites meanwhile."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from packages_app.core.errors import PackageRefused


class PreviewOutdated(PackageRefused):
    """What would be done is not what was shown to the person who consents."""

    code = "preview_outdated"


def digests_of(said: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return of lines that tell what changes, each with its suite, a digest for each suite, as `SUITE DIGEST`, sorted.

    A person may consent to some of the suites that were shown.
    """
    lines: Mapping[str, list[str]] = defaultdict(list)
    for suite, line in said:
        lines[suite].append(line)
    return tuple(f"{suite} {_digest(some)}" for suite, some in sorted(lines.items()))


def check_shown(now: Collection[str], shown: Collection[str] | None) -> None:
    """Raise `PreviewOutdated` unless each of the digests is among those that were shown; None: nobody was shown any."""
    if shown is None:
        return
    if other := sorted({digest.partition(" ")[0] for digest in set(now) - set(shown)}):
        raise PreviewOutdated(
            f"What clients of {', '.join(other)} will see is not what was shown: it was changed, or others moved"
            " packages meanwhile.",
            remedy="Look at what is shown now, and consent to that.",
        )


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
