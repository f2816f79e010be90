"""botocore's descriptions of services, read once a process: they are megabytes of JSON, which each session reads anew.

Clients are safe for several threads, sessions are not; so each adapter has a session of its own, as django-storages and
PynamoDB make it, and only what is never changed is shared.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import boto3
import botocore
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

_USER_AGENT = "repomgr"
"""Who asks: botocore puts its own long word for it together twice for each request, a seventh of what one costs us."""


@cache
def share_models() -> None:
    """Let every session that is made from now on, by whatever library, use what an earlier one has read."""
    botocore.register_initializer(_use_what_was_read)


def _use_what_was_read(session: Session) -> None:
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    session.set_default_client_config(Config(user_agent=_USER_AGENT))


@cache
def _loader(data_path: str | None) -> Loader:
    folders = [*create_loader(data_path).search_paths, str(Path(boto3.__file__).parent / "data")]
    return _SharedLoader(extra_search_paths=folders, include_default_search_paths=False)


class _SharedLoader(Loader):
    @property
    def search_paths(self) -> list[str]:
        """Return where descriptions are: a copy, since each session of boto3 adds its folder, which is among them."""
        return [*super().search_paths]
