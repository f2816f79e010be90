"""Work that is mostly Python's, spread over the processors of this machine."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, get_context
from typing import TypeVar

from django.db import connections

from packages_app.core.errors import RepomgrError

Item = TypeVar("Item")
Result = TypeVar("Result")

Sender = connection.Connection
Receiver = connection.Connection


def spread(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Do work for each item, in as many processes as there are processors; return the results as they come.

    A process has a fixed share, so it ends by itself when this one is killed. `work` does not raise. A single item
    is done here. Raise `RepomgrError` when a process was killed; the others have done their share by then.
    """
    processes = min(len(items), os.cpu_count() or 1)
    if processes <= 1:
        yield from map(work, items)
        return
    connections.close_all()  # each process opens its own
    context = get_context("fork")
    receivers = []
    for number in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        share = items[number::processes]
        context.Process(target=_do_share, args=(work, share, receiver, sender), daemon=True).start()
        sender.close()
        receivers.append(receiver)
    results = 0
    while receivers:
        for ready in connection.wait(receivers):
            receiver = next(each for each in receivers if each is ready)
            try:
                result: Result = receiver.recv()
            except EOFError:
                receivers.remove(receiver)
            else:
                results += 1
                yield result
    if results < len(items):
        raise RepomgrError(
            "A process of this command was killed.",
            remedy="Look for the cause (memory?), then run the command again: it goes on where this one stopped.",
        )


def _do_share(work: Callable[[Item], Result], share: Sequence[Item], receiver: Receiver, sender: Sender) -> None:
    gc.freeze()  # what was there before is no garbage: to look at it would copy all of its pages
    receiver.close()
    for item in share:
        sender.send(work(item))
