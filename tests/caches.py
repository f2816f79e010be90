"""Caches of shards for a test to look into."""

from typing import Any

from django.core.cache.backends.locmem import LocMemCache


class MemoryCache(LocMemCache):
    """Kept in memory; `put` has the key of each value that was put in."""

    def __init__(self, name: str) -> None:
        super().__init__(name, {})
        self.clear()
        self.put: list[str] = []

    def set(self, key: str, value: Any, *arguments: Any, **options: Any) -> None:
        """Put a value in."""
        self.put.append(key)
        super().set(key, value, *arguments, **options)


class AwayCache:
    """A cache that is away."""

    def get(self, key: str) -> Any:
        """Fail."""
        raise ConnectionError(key)

    def set(self, key: str, value: Any) -> None:
        """Fail."""
        raise ConnectionError(key)
