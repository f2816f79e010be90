"""The folder broker, as a worker that waits for messages uses it."""

import pytest
from kombu import Connection, Queue

from repomgr.broker import folder


class Looks(folder.Channel):
    """A channel that counts how often it has looked into the folder."""

    taken = 0

    def _get(self, queue, timeout=None):
        Looks.taken += 1
        return super()._get(queue, timeout)


class Counting(folder.Transport):
    """The folder transport with that channel."""

    Channel = Looks


def test_whoever_waits_long_for_a_message_is_given_back_between_two_looks(tmp_path):
    """So a worker sees that it is to end: it looks whether it is after each wait, of two seconds as Celery asks."""
    options = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": str(tmp_path)}
    with (
        Connection("filesystem://localhost//", transport=Counting, transport_options=options) as connection,
        connection.Consumer(Queue("publish")),
        pytest.raises(TimeoutError),
    ):
        connection.drain_events(timeout=2.0)
    assert 1 < Looks.taken <= 3
