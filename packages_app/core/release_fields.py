"""Fields of a suite's Release that are there by setting alone, each as apt reads it (apt's debmetaindex.cc).

`NotAutomatic` gives the suite's packages the pin 1, with `ButAutomaticUpgrades` 100 (apt_preferences(5)). `Changelogs`
says where `apt changelog` looks. `Signed-By` names the keys that may sign the suite's next Release (sources.list(5)).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from packages_app.core.web_address import is_plain_address
from packages_app.core.yaml_reader import YamlReader

_FINGERPRINT = re.compile(r"[0-9A-F]{40}!?\Z")
_PLACE_OF_PATH = "@CHANGEPATH@"
_NONE = "no"
SET_FIELDS = ("NotAutomatic", "ButAutomaticUpgrades", "Changelogs", "Signed-By")
"""Their names in Release; a suite that does not set one has none."""


@dataclass(frozen=True)
class ReleaseFields:
    """What a suite's Release says by setting.

    `signed_by` are fingerprints, with `!` for that key without its subkeys.
    """

    not_automatic: bool = False
    but_automatic_upgrades: bool = False
    changelogs: str = ""
    signed_by: tuple[str, ...] = ()

    def named(self) -> dict[str, str]:
        """Return the fields as Release has them, without those that say nothing."""
        flags = ("yes" * self.not_automatic, "yes" * self.but_automatic_upgrades)
        said = (*flags, self.changelogs, ",".join(self.signed_by))
        return {name: value for name, value in zip(SET_FIELDS, said, strict=True) if value}


def admits(signed_by: Collection[str], primaries: Collection[str], signing: Collection[str]) -> bool:
    """Return whether clients that heed a `Signed-By` take what is signed so; all do where it says nothing.

    `signing` are the keys that made the signatures, primary keys or subkeys, `primaries` those that they belong to.
    """
    admitted = {*primaries, *signing, *(f"{fingerprint}!" for fingerprint in signing)}
    return not signed_by or not admitted.isdisjoint(signed_by)


NO_FIELDS = ReleaseFields()
"""Of a suite that sets none."""


def read_release_fields(reader: YamlReader) -> ReleaseFields:
    """Take the settings of a suite; a problem for what apt would pass over or refuse."""
    fields = ReleaseFields(
        not_automatic=bool(reader.flag("not_automatic", default=False)),
        but_automatic_upgrades=bool(reader.flag("but_automatic_upgrades", default=False)),
        changelogs=_changelogs(reader),
        signed_by=tuple(text.upper() for text in reader.texts("signed_by", required=False)),
    )
    if fields.but_automatic_upgrades and not fields.not_automatic:
        said = "It says nothing without not_automatic."
        reader.problem("but_automatic_upgrades", said, "Set not_automatic: true too.")
    for fingerprint in fields.signed_by:
        if not _FINGERPRINT.match(fingerprint):
            reader.problem(
                "signed_by",
                f"{fingerprint!r} is no fingerprint.",
                "Write its 40 hexadecimal digits in quotes, without blanks; doctor says that of the key in use.",
            )
    return fields


def _changelogs(reader: YamlReader) -> str:
    if reader.values.get("changelogs") is False:  # what YAML makes of no
        reader.flag("changelogs", default=False)
        return _NONE
    text = reader.text("changelogs", required=False)
    is_address = _PLACE_OF_PATH in text and is_plain_address(text.replace(_PLACE_OF_PATH, ""))
    if text not in ("", _NONE) and not is_address:
        reader.problem(
            "changelogs",
            f"{text!r} is no address of changelogs.",
            "Write it like https://apt.example.org/changelogs/@CHANGEPATH@_changelog, or no.",
        )
    return text
