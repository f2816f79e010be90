"""Records for tests: complete ones from a few words, and hypothesis strategies of arbitrary ones."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import strategies as st

from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.record import PackageRecord

ARCHITECTURES = ("amd64", "arm64", "all")
TYPES = ("external_download", "build_script", "github_release")


def make_record(name: str = "hello", version: str = "1.0", architecture: str = "amd64", **fields: Any) -> PackageRecord:
    """Make a complete record whose hashes follow from its key."""
    component = fields.get("component", "main")
    filename = deb_filename(name, version, architecture)
    seed = f"{name}#{version}#{architecture}".encode()
    defaults = {
        "package_type": "external_download",
        "component": component,
        "suites": ("stable",),
        "section": "misc",
        "priority": "optional",
        "maintainer": "Maintainer <maintainer@example.org>",
        "homepage": "https://example.org",
        "description": f"the package {name}",
        "deb_url": f"https://vendor.example.org/{filename}",
        "actual_filename": filename,
        "pool_path": pool_path(component, name, filename),
        "file_size": len(seed),
        "md5_hash": hashlib.md5(seed).hexdigest(),
        "sha1_hash": hashlib.sha1(seed).hexdigest(),
        "sha256_hash": hashlib.sha256(seed).hexdigest(),
        "sha512_hash": hashlib.sha512(seed).hexdigest(),
        "pub_date": "2026-01-02",
        "processed_timestamp": "2026-01-02T03:04:05+00:00",
    }
    return PackageRecord(name, version, architecture, **{**defaults, **fields})


names = st.from_regex(r"(lib)?[a-z0-9][a-z0-9+.-]{1,12}", fullmatch=True)
versions = st.from_regex(r"([0-9]:)?[0-9][a-z0-9.+~]{0,6}(-[a-z0-9.+~]{1,4})?", fullmatch=True)
words = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), min_size=1, max_size=12
)
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join)


@st.composite
def records(draw: st.DrawFn, suites: tuple[str, ...] = ("stable",), incomplete: bool = False) -> PackageRecord:
    """Draw a record of any type; with `incomplete` some lack fields that a stanza needs."""
    fields: dict[str, Any] = {
        "package_type": draw(st.sampled_from(TYPES)),
        "description": draw(sentences) + "".join(f"\n {line}" for line in draw(st.lists(sentences, max_size=2))),
        "section": draw(st.sampled_from(("misc", "editors", "libs"))),
        "depends": draw(st.sampled_from(("", "libc6 (>= 2.34)", "kiro (>= 1.0), default-mta | mail-transport-agent"))),
        "notes": draw(st.one_of(st.just(""), sentences)),
        "suites": tuple(draw(st.lists(st.sampled_from(suites), min_size=1, unique=True))),
    }
    if incomplete:
        for name in draw(
            st.lists(st.sampled_from(("maintainer", "description", "sha256_hash", "md5_hash")), max_size=2)
        ):
            fields[name] = ""
        if draw(st.booleans()):
            fields["file_size"] = None
    return make_record(draw(names), draw(versions), draw(st.sampled_from(ARCHITECTURES)), **fields)


def record_lists(max_size: int = 8, **options: Any) -> st.SearchStrategy[list[PackageRecord]]:
    """Draw records whose keys, and files, are unique."""
    return st.lists(records(**options), max_size=max_size, unique_by=(lambda r: r.key, lambda r: r.pool_path))
