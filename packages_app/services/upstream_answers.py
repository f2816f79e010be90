"""Upstream's answers, kept in the private staging store, where every worker finds them."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode

import structlog

from packages_app.core.errors import ObjectNotFound, RepomgrError
from packages_app.core.ports import ObjectStore
from packages_app.sources.answers import KeptAnswer

log = structlog.get_logger(__name__)


class StoredAnswers:
    """Fulfils `sources.answers.AnswerCache`: one JSON object an address, below `upstream/`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, url: str) -> KeptAnswer | None:
        """Return what was last kept for an address; what is missing, corrupt or out of reach counts as nothing."""
        try:
            entry = json.loads(self._store.read(_key(url)))
            body = b64decode(entry["body"], validate=True)
            headers = {str(name): str(value) for name, value in entry["headers"].items()}
            if entry["sha256"] == hashlib.sha256(body).hexdigest() and entry["url"] == url and entry["etag"]:
                return KeptAnswer(str(entry["etag"]), body, headers)
        except ObjectNotFound:
            return None
        except RepomgrError as error:
            log.warning("kept_answer_unreachable", key=_key(url), code=error.code, error=error.message)
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # no JSON, or of another shape: as corrupt as a wrong checksum
        log.warning("kept_answer_corrupt", key=_key(url))
        return None

    def put(self, url: str, answer: KeptAnswer) -> None:
        """Keep an answer; a store that is away is logged, since the next check can ask in full."""
        entry = {
            "url": url,
            "etag": answer.etag,
            "headers": dict(answer.headers),
            "sha256": hashlib.sha256(answer.body).hexdigest(),
            "body": b64encode(answer.body).decode("ascii"),
        }
        try:
            self._store.put(_key(url), json.dumps(entry).encode())
        except RepomgrError as error:
            log.warning("answer_not_kept", key=_key(url), code=error.code, error=error.message)


def _key(url: str) -> str:
    return f"upstream/{hashlib.sha256(url.encode()).hexdigest()}.json"
