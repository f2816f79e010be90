"""Django's cache in files, as the compressed forms of shards need it: very many of them, written in bursts."""

from __future__ import annotations

import pickle
import random
import zlib
from typing import Any

from django.core.cache.backends.filebased import FileBasedCache

_WRITES_PER_COUNT = 256


class ShardFiles(FileBasedCache):
    """Counts its files now and then, not at each write, and does not compress what is compressed already."""

    def _cull(self) -> None:
        if random.randrange(_WRITES_PER_COUNT) == 0:  # noqa: S311 - no secret
            super()._cull()  # type: ignore[misc]  # the stubs leave it out

    def _write_content(self, file: Any, timeout: Any, value: Any) -> None:
        file.write(pickle.dumps(self.get_backend_timeout(timeout), self.pickle_protocol))
        file.write(zlib.compress(pickle.dumps(value, self.pickle_protocol), 0))
