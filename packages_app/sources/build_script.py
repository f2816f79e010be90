"""`build_script`: packages that are built elsewhere and uploaded, or built here from templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from packages_app.core.definition import Definition
from packages_app.core.errors import UpstreamError
from packages_app.core.ports import Progress
from packages_app.core.setting_field import SettingField
from packages_app.core.yaml_reader import YamlReader
from packages_app.sources.download import Fetcher
from packages_app.sources.source import Fetched, Offer


@dataclass(frozen=True)
class BuildScriptSettings:
    """`staging_prefix` names its part of staging where it is not `built/` and the package's name.

    `templates` is a folder of `templates/`; "" where not given.
    """

    staging_prefix: str = ""
    templates: str = ""
    script: str = ""

    def prefix_for(self, package: str) -> str:
        """Return the part of staging that builds of this package lie in: never one of ours, whatever its name."""
        return self.staging_prefix or f"built/{package}"


class BuildScript:
    """Offers nothing by itself."""

    takes_uploads: ClassVar[bool] = True
    fields: ClassVar[tuple[SettingField, ...]] = (
        SettingField("templates", "Templates", "A folder of templates/ that a bootstrap package is built of here; "
                     "empty: builds are uploaded."),
        SettingField("staging_prefix", "Part of staging", "Where its builds lie until they are taken in; empty: "
                     "built/ and the package's name."),
    )  # fmt: skip

    def __init__(self, definition: Definition, fetcher: Fetcher) -> None:
        self._name = definition.name

    @staticmethod
    def read_settings(reader: YamlReader) -> BuildScriptSettings:
        """Take `staging_prefix`, and `templates` or `script` where the package is built here."""
        return BuildScriptSettings(
            staging_prefix=reader.text("staging_prefix", required=False),
            templates=reader.text("templates", required=False),
            script=reader.text("script", required=False),
        )

    def offers(self, progress: Progress) -> list[Offer]:
        """Return nothing: builds are uploaded."""
        progress.note(f"{self._name} has no upstream to ask; its builds are uploaded")
        return []

    def fetch(self, offer: Offer, folder: Path, progress: Progress) -> Fetched:
        """Refuse: there is nothing to fetch."""
        raise UpstreamError(f"{self._name} is uploaded, not fetched.", remedy="Upload the build.")
