"""What is a message of ours: the few things in it that a worker needs, looked at before Celery sees any of it.

Celery believes an envelope: half a JSON, a header of another type or a name that is no task end the worker, or the
message is lost without a word. A message is made anew from what was checked, so that nothing else gets through.
"""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from celery import current_app

MOST_BYTES = 256 * 1024
"""The most that a message has; ours have about one KiB, since what is to be done stands in the job's row."""
QUEUES = ("publish", "intake", "slow", "sweep")
"""Where jobs and tasks of the clock wait. Each has an exchange of its name, and is that exchange's one queue."""
_LONGEST_ID = 200
_LOG_CONTEXT = "__django_structlog__"


class Unreadable(Exception):
    """What a queue holds is no message; says why."""


def sound_message(raw: bytes, queue: str) -> dict[str, Any]:
    """Return the message of one of `QUEUES` as Celery's transports hold it, made of what is known to be right.

    Raise `Unreadable` for what is too large, no JSON, another envelope (task message protocol 2 of Celery's manual), no
    task of ours, or has arguments that its task does not take.
    """
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"it has {len(raw)} bytes, more than {MOST_BYTES}")
    envelope = _mapping(_json(raw, "it"), "it")
    headers = _mapping(envelope.get("headers"), "its headers")
    properties = _mapping(envelope.get("properties"), "its properties")
    task = _text(headers, "task")
    args, kwargs = _arguments(envelope, properties)
    _check_call(task, args, kwargs)
    task_id = _text(headers, "id")
    context = headers.get(_LOG_CONTEXT)
    kept = {_LOG_CONTEXT: context} if isinstance(context, dict) else {}
    body = json.dumps([args, kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {
            "lang": "py", "task": task, "id": task_id, "root_id": task_id, "parent_id": None, "group": None,
            "eta": _time(headers, "eta"), "expires": _time(headers, "expires"), "retries": 0,
            "timelimit": [None, None], "argsrepr": repr(args), "kwargsrepr": repr(kwargs), "origin": "", **kept,
        },
        "properties": {
            "correlation_id": task_id, "reply_to": "", "priority": 0, "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": queue}, "delivery_tag": str(uuid4()),
        },
    }  # fmt: skip


def _json(raw: bytes | str, what: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is the first of them
        raise Unreadable(f"{what} is no JSON: {type(error).__name__}") from error


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is no object")
    return value


def _text(headers: Mapping[str, Any], name: str) -> str:
    value = headers.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        raise Unreadable(f"its header {name} is no name")
    return value


def _time(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment.timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"its header {name} is no time") from error
    return moment.isoformat()


def _arguments(envelope: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    body = envelope.get("body")
    if not isinstance(body, str):
        raise Unreadable("its body is no text")
    if properties.get("body_encoding") == "base64":
        try:
            text = base64.b64decode(body, validate=True).decode()
        except ValueError as error:
            raise Unreadable("its body is no base64") from error
    else:
        text = body
    parts = _json(text, "its body")
    if not isinstance(parts, list) or len(parts) != 3:
        raise Unreadable("its body is no list of arguments")
    args, kwargs, _ = parts
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise Unreadable("its body is no list of arguments")
    if not all(value is None or isinstance(value, str | int | float) for value in (*args, *kwargs.values())):
        raise Unreadable("its arguments are no plain values")
    return args, kwargs


def _check_call(task: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    known = current_app.tasks.get(task)
    if known is None:
        raise Unreadable(f"there is no task {task}")
    try:
        inspect.signature(known.run).bind(*args, **kwargs)
    except TypeError as error:
        raise Unreadable(f"{task} does not take its arguments: {error}") from error
