"""Files that come to staging in parts: through us, or sent to the store itself by addresses that are signed for them.

S3 API, "Uploading and copying objects using multipart upload" and "Authenticating requests: using query parameters".
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome

PART_BYTES = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB to 5 GiB, the last one of any size, 10,000 at most: files of up to 78 GiB."""
_NAMED = 5


class UploadGone(RepomgrError):
    """An upload in parts that was never begun, was completed or aborted, or whose parts the store has removed."""

    code = "upload_gone"
    outcome = Outcome.REFUSED


class PartsMissing(RepomgrError):
    """An upload is to be completed, and not all of its parts are there; it stays as it is."""

    code = "parts_missing"
    outcome = Outcome.TRY_AGAIN


class PartsDiffer(RepomgrError):
    """An upload has other parts than the file that was said to come; it is not completed."""

    code = "parts_differ"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class Part:
    """A part that is there: its number from 1 on, its size in bytes, and its ETag."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class BegunUpload:
    """An upload that is neither completed nor aborted: the object that it is to become, its ID, and since when."""

    key: str
    upload: str
    begun: datetime


class PartUploads(Protocol):
    """What a store does with files that come in parts, in any order, as often as need be. Raise the store's errors."""

    def begin_parts(self, key: str) -> str:
        """Begin an upload that is to become an object; return its ID."""
        ...

    def put_part(self, key: str, upload: str, number: int, body: Path) -> None:
        """Keep a part, in place of one of its number that is there; raise `UploadGone`."""
        ...

    def parts_there(self, key: str, upload: str) -> list[Part]:
        """Return the parts that are there whole, by their numbers; raise `UploadGone`."""
        ...

    def file_of_parts(self, key: str, upload: str, size: int) -> AbstractContextManager[Path]:
        """Let the block have the file of `size` bytes that the parts make, as often as it is asked for.

        Raise `PartsMissing`, `PartsDiffer` and `UploadGone`, and `ObjectNotFound` where somebody removes it meanwhile.
        """
        ...

    def abort_parts(self, key: str, upload: str) -> None:
        """Remove an upload and its parts; one that is gone is a success."""
        ...

    def begun_below(self, prefix: str) -> list[BegunUpload]:
        """Return the uploads below a prefix that are neither completed nor aborted."""
        ...


class DirectUploads(PartUploads, Protocol):
    """What a store can do besides that takes parts from whoever has an address signed by us."""

    def part_address(self, key: str, upload: str, number: int, size: int) -> str:
        """Return the address to PUT one part to, of just so many bytes, within some minutes; nothing is asked."""
        ...

    def complete_parts(self, key: str, upload: str, size: int) -> None:
        """Make the object of the parts of a file of `size` bytes; once it was done, doing it again is a success.

        Raise `PartsMissing`, `PartsDiffer` and `UploadGone`: there is no object then.
        """
        ...

    def open_anywhere(self, key: str, size: int) -> BinaryIO:
        """Open an object of `size` bytes to be read from anywhere: what is not read of it is not fetched."""
        ...


def part_sizes(size: int) -> list[int]:
    """Return the sizes in bytes of the parts of a file, in their order."""
    return [min(PART_BYTES, size - start) for start in range(0, size, PART_BYTES)]


def check_parts(parts: Collection[Part], size: int) -> None:
    """Raise `PartsDiffer` or `PartsMissing` unless these are the parts of a file of `size` bytes."""
    expected = dict(enumerate(part_sizes(size), start=1))
    others = [f"{part.number} of {part.size} bytes" for part in parts if expected.get(part.number) != part.size]
    if others:
        raise PartsDiffer(
            f"The file was said to have {size} bytes, and has other parts: {', '.join(others[:_NAMED])}.",
            remedy="Send the file again: it may have changed while it was sent.",
        )
    if missing := sorted(expected.keys() - {part.number for part in parts}):
        named = ", ".join(map(str, missing[:_NAMED]))
        raise PartsMissing(
            f"{len(missing)} of {len(expected)} parts are not there: {named}{', …' if missing[_NAMED:] else ''}.",
            remedy="Send them, and complete the upload then.",
        )
