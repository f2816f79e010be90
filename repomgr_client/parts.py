"""A push in parts: a part that fails is sent again, and one that is there from before is not sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from repomgr_client.bodies import Files, OpenFile
from repomgr_client.faults import Fault
from repomgr_client.server import Body, Server

_ROUTE = "/uploads/parts"
_UNKNOWN = (404, 405)
"""What a server answers that takes no parts."""
_BEGIN_AGAIN = ("parts_missing", "upload_gone")


def push_in_parts(server: Server, files: Files, place: Mapping[str, object], wait: object) -> Any:
    """Send files in parts and complete them as one push; return the answer, None of a server that takes no parts.

    The server finds what is there of them, of this run or an earlier one. Raise `Fault`.
    """
    again = True
    while True:
        files.start()
        tickets = []
        for file in files.opened:
            begun = _begun(server, file, place)
            if begun is None:
                return None
            _send(server, files, file, begun)
            tickets.append(begun["ticket"])
        try:
            return server.ask(
                "POST", f"{_ROUTE}/complete", {"wait": wait}, _json({"tickets": tickets}),
                key=str(uuid.uuid4()),
            )  # fmt: skip
        except Fault as fault:
            if fault.code not in _BEGIN_AGAIN or not again:
                raise
            again = False


def _begun(server: Server, file: OpenFile, place: Mapping[str, object]) -> Any:
    said = {"filename": file.name, "size": file.size, "sha256": file.sha256().hex(), **place}
    try:
        return server.post(_ROUTE, said)
    except Fault as fault:
        if fault.status in _UNKNOWN:
            return None
        raise


def _send(server: Server, files: Files, file: OpenFile, begun: Mapping[str, Any]) -> None:
    """Send the parts that are not there: straight to the store, or to the server where that is not to be reached."""
    ticket, size, straight = begun["ticket"], begun["part_bytes"], begun["straight"]
    for number in range(1, begun["parts"] + 1):
        start = (number - 1) * size
        length = min(size, file.size - start)
        if number not in begun["there"]:
            part = file.part(start, length)
            straight = straight and _sent_straight(server, ticket, number, part)
            if not straight:
                _send_to_us(server, ticket, number, part)
        files.note_sent(length)


def _sent_straight(server: Server, ticket: str, number: int, part: bytes) -> bool:
    def address() -> str:
        found = server.ask("GET", f"{_ROUTE}/addresses", {"number": number}, _with(ticket))
        return str(found["parts"][0]["address"])

    return server.put_straight(address, part)


def _send_to_us(server: Server, ticket: str, number: int, part: bytes) -> None:
    kind = {"Content-Type": "application/octet-stream"}
    server.ask("PUT", f"{_ROUTE}/{number}", {}, lambda: {"content": part, "headers": {"Upload-Ticket": ticket, **kind}})


def _with(ticket: str) -> Body:
    return lambda: {"headers": {"Upload-Ticket": ticket}}


def _json(said: Mapping[str, Any]) -> Body:
    return lambda: {"json": said}
