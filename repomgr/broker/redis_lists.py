"""The Redis broker: kombu's, with a list for what is no message."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from kombu.transport import redis
from kombu.utils.json import loads
from redis import Redis
from redis.exceptions import ResponseError

from repomgr.broker.aside import KEPT, tell
from repomgr.broker.message import MOST_BYTES, QUEUES, Unreadable, sound_message

UNREADABLE = "repomgr.unreadable"
"""The list of messages that could not be read, newest first."""
_PARTS = 3


class _Client(Redis):
    """A client whose BRPOP, by which workers take messages, gives sound ones only; none where one was put aside."""

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._channel = channel

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        try:
            answer = super().parse_response(connection, command_name, **options)
        except ResponseError as error:
            if command_name == "BRPOP" and str(error).startswith("WRONGTYPE"):
                self._channel.put_aside_what_is_no_list(self._channel.active_queues)
                return None
            raise
        if command_name != "BRPOP" or not answer:
            return answer
        key, raw = answer
        message = self._channel.sound(raw, key.decode().rsplit(self._channel.sep, 1)[0])
        return None if message is None else (key, json.dumps(message).encode())


class QoS(redis.QoS):
    """kombu's list of messages at work; one there that can't be read is put aside, not given back to its queue."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Give a message that a worker had back to its queue."""
        with self.channel.conn_or_acquire(client) as connected:
            kept = connected.hget(self.unacked_key, tag)
        if kept is not None and not self.channel.is_restorable(kept):
            self._remove_from_indices(tag).execute()
            return
        super().restore_by_tag(tag, client, leftmost)


class Channel(redis.Channel):
    """kombu's channel; what is no message goes to the list `repomgr.unreadable`, and the next one is taken."""

    QoS = QoS

    def _get_client(self) -> Any:
        super()._get_client()  # it looks at the library's version
        return partial(_Client, channel=self)

    def sound(self, raw: bytes, queue: str) -> dict[str, Any] | None:
        """Return a queue's message when it can be read; put it aside and return None when not."""
        try:
            if queue in QUEUES:
                return sound_message(raw, queue)
            found = loads(raw)
            if isinstance(found, dict) and isinstance(found.get("properties"), dict):
                return found
            self._put_aside(raw, queue, "it is no envelope")
        except (Unreadable, ValueError, TypeError, RecursionError) as error:
            self._put_aside(raw, queue, str(error) or type(error).__name__)
        return None

    def is_restorable(self, kept: bytes) -> bool:
        """Return whether a message at work, with exchange and key, can go back; put it aside when not."""
        try:
            found = json.loads(kept)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or len(found) != _PARTS or not all(isinstance(part, str) for part in found[1:]):
            self._put_aside(kept, self.unacked_key, "it is no message at work")
            return False
        return self.sound(json.dumps(found[0]).encode(), found[2]) is not None

    def put_aside_what_is_no_list(self, queues: Iterable[str]) -> None:
        """Put aside what stands in the place of a queue and is of another type, as Redis dumps it."""
        with self.conn_or_acquire() as client:
            for queue in queues:
                for key in (self._q_for_pri(queue, step) for step in self.priority_steps):
                    if client.type(key) not in (b"list", b"none"):
                        self._put_aside(client.dump(key) or b"", queue, f"the key {key} is no list")
                        client.delete(key)

    def _size(self, queue: str) -> int:
        """Return how many messages a queue has; a worker asks before it takes the first."""
        self.put_aside_what_is_no_list([queue])
        return int(super()._size(queue))

    def _put_aside(self, raw: bytes, queue: str, why: str) -> None:
        with self.conn_or_acquire() as client, client.pipeline() as pipe:
            pipe.lpush(UNREADABLE, raw[:MOST_BYTES]).ltrim(UNREADABLE, 0, KEPT - 1).execute()
        tell(queue, why, f"the Redis list {UNREADABLE}")

    def get_table(self, exchange: str) -> list[Any]:
        """Return what is bound to an exchange; ours have the queue of their name, whatever a set says."""
        if exchange in QUEUES:
            return [(exchange, "", exchange)]
        return [row for row in super().get_table(exchange) if len(row) == _PARTS]


class Transport(redis.Transport):
    """kombu's Redis transport with that channel."""

    Channel = Channel
