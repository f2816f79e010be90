"""Django's cache in files, as the compressed forms of shards need it: very many of them, written in bursts.

Django's own unpickles what it finds, so that whoever may write into its folder would run code here.
"""

from __future__ import annotations

import math
import random
import struct
import time
from typing import IO, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache

from packages_app.stores.sealed_values import SealedValues

_WRITES_PER_COUNT = 256
_HEAD = struct.Struct(">4sd")
"""What begins a file: the mark of this form, and when it is over (seconds since 1970, infinite for never)."""
_MARK = b"rsf1"


class ShardFiles(FileBasedCache):
    """Keeps sealed values, as the one in Redis does. Counts its files now and then, not at each write.

    A file of another form, such as an earlier release's, is no value. Reading raises `SealBroken` for one of this form
    that was not written with our SECRET_KEY.
    """

    def __init__(self, folder: str, params: dict[str, Any]) -> None:
        super().__init__(folder, params)
        self._values = SealedValues()

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """Return the value of a key, or the default."""
        try:
            with open(self._key_to_file(key, version), "rb") as file:  # type: ignore[attr-defined]  # the stubs lack it
                return default if self._is_expired(file) else self._values.loads(file.read())
        except FileNotFoundError:
            return default

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Let a value last as long as a new one; return whether there is one."""
        value = self.get(key, version=version)
        if value is not None:
            self.set(key, value, timeout, version)
        return value is not None

    def _cull(self) -> None:
        if random.randrange(_WRITES_PER_COUNT) == 0:  # noqa: S311 - no secret
            super()._cull()  # type: ignore[misc]  # the stubs leave it out

    def _write_content(self, file: IO[Any], timeout: Any, value: tuple[Any, ...]) -> None:
        over = self.get_backend_timeout(timeout)
        file.write(_HEAD.pack(_MARK, math.inf if over is None else over))
        file.write(self._values.dumps(value))

    def _is_expired(self, file: IO[Any]) -> bool:
        """Return whether a file holds no value that counts still, and remove it then."""
        head = file.read(_HEAD.size)
        mark, over = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0.0)
        if mark == _MARK and over >= time.time():
            return False
        self._delete(file.name)  # type: ignore[attr-defined]  # as above
        return True
