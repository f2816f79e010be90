"""Values of a cache that others may write to: sealed with a key of ours, which is looked at before anything is decoded.

Django's cache in a Redis unpickles what it finds, so that whoever may write there would run code here.
"""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Any

import msgspec
from django.conf import settings

_SEAL_BYTES = 32
_PURPOSE = b"repomgr cache 1"
"""Tells these seals from others that the same secret makes, and from those of other forms of values."""

_WRITER = msgspec.msgpack.Encoder()
_READER = msgspec.msgpack.Decoder(tuple)


class SealBroken(ValueError):
    """A value is not one that was sealed with our SECRET_KEY: another's, of another form, or corrupt."""


class SealedValues:
    """Makes bytes of the tuples that caches keep, and tuples of these bytes; what Django calls a serializer."""

    def __init__(self) -> None:
        self._key = hashlib.blake2b(settings.SECRET_KEY.encode(), person=_PURPOSE).digest()

    def dumps(self, value: tuple[Any, ...]) -> bytes:
        """Return the seal, and behind it a tuple of texts, numbers and bytes."""
        body = _WRITER.encode(value)
        return self._seal(body) + body

    def loads(self, sealed: bytes) -> tuple[Any, ...]:
        """Return the tuple; raise `SealBroken`, and then nothing was decoded."""
        seal, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not compare_digest(seal, self._seal(body)):
            raise SealBroken("a value has no seal of this repository's SECRET_KEY")
        return _READER.decode(body)

    def _seal(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=_SEAL_BYTES).digest()
