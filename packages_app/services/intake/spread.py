"""Work that is mostly Python's, spread over the processors of this machine."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from typing import Any, TypeVar

from django.db import connections

from packages_app.core.errors import RepomgrError

Item = TypeVar("Item")
Result = TypeVar("Result")

Sender = connection.Connection
Receiver = connection.Connection


@dataclass(frozen=True)
class _Raised:
    """What makes an error anew that was raised in another process, without its class's `__init__`."""

    kind: type[RepomgrError]
    args: tuple[Any, ...]
    values: dict[str, Any]

    def error(self) -> RepomgrError:
        error = self.kind.__new__(self.kind, *self.args)
        vars(error).update(self.values)
        return error


def spread(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Do work for each item, in as many processes as there are processors; yield the results in the items' order.

    A process has a fixed share, and waits when it is far ahead of who takes the results. It ends by itself when this
    one is killed, and with the item that it is at when no more results are wanted. A single item is done here. Raise
    what `work` raises of `RepomgrError`, and no other error may it raise; raise `RepomgrError` when a process was
    killed, once the others have done their share.
    """
    count = min(len(items), os.cpu_count() or 1)
    if count <= 1:
        yield from map(work, items)
        return
    connections.close_all()  # each process opens its own
    processes: list[ForkProcess] = []
    receivers: list[Receiver] = []
    try:
        for number in range(count):
            processes.append(_begun(work, items[number::count], receivers))
        yield from _results(receivers, len(items))
    finally:
        for receiver in receivers:
            receiver.close()
        for process in processes:
            process.join()


def _begun(work: Callable[[Item], Result], share: Sequence[Item], receivers: list[Receiver]) -> ForkProcess:
    """Begin a process, and add what its results come through to `receivers`."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    receivers.append(receiver)
    process = context.Process(target=_do_share, args=(work, share, receivers, sender), daemon=True)
    process.start()
    sender.close()
    return process


def _results(receivers: Sequence[Receiver], items: int) -> Iterator[Any]:
    killed: set[Receiver] = set()
    for number in range(items):
        receiver = receivers[number % len(receivers)]
        try:
            result = None if receiver in killed else receiver.recv()
        except EOFError:
            killed.add(receiver)
        if isinstance(result, _Raised):
            raise result.error()
        if receiver not in killed:
            yield result
    if killed:
        raise RepomgrError(
            "A process of this command was killed.",
            remedy="Look for the cause (memory?), then run the command again: it goes on where this one stopped.",
        )


def _do_share(
    work: Callable[[Item], Result], share: Sequence[Item], receivers: Sequence[Receiver], sender: Sender
) -> None:
    gc.freeze()  # what was there before is no garbage: to look at it would copy all of its pages
    for receiver in receivers:  # one that is held here too would never be closed for its sender
        receiver.close()
    with suppress(BrokenPipeError):  # nobody wants more
        for item in share:
            try:
                result: Result | _Raised = work(item)
            except RepomgrError as error:
                sender.send(_Raised(type(error), error.args, vars(error)))
                return
            sender.send(result)
