"""Debian versions of GitHub's release tags: prefixes dropped, pre-releases put before what they lead to."""

from __future__ import annotations

import re

from packages_app.core.errors import InvalidVersion
from packages_app.core.version import parse_version

_WORDS = (
    "alpha|beta|rc|cr|(?:release-?)?candidate|preview|pre|prerelease|dev|devel|development|nightly|canary|snapshot"
    "|insiders?|next|eap?|early-?access|milestone|unstable|testing|test|experimental|edge|trunk|wip"
)
# `kiro-cli/v1.2`, `release-1.2`, `v1.2`, `tool@1.2`: what stands before the first digit that begins a number.
# A name may hold digits (`log4j-2.0`), but none after a `v` or a period: those are the version already.
_NAME = r"(?![vV][0-9])[A-Za-z](?:[A-Za-z0-9_+-]|\.(?=[A-Za-z]))*?"
_TAG = re.compile(rf"(?:.*/)?(?:(?P<name>{_NAME})[-_@])?[vV]?[-_.]?(?P<version>[0-9].*)\Z", re.DOTALL)
# `1.2.0a1`, `1.2.0-b.2` are PEP 440's; a letter without a number is a release of its own (OpenSSL's 1.0.2k).
_PRE_RELEASE = re.compile(
    rf"[-._+~]?(?P<word>(?<![A-Za-z])(?:{_WORDS})(?![A-Za-z])"
    r"|(?:(?<=[0-9])|(?<=[0-9][-._]))[abc](?=[-.]?[0-9]+\Z)|(?<=[-._])M(?=[0-9]+\Z))",
    re.IGNORECASE,
)
_WORD_ALONE = re.compile(_WORDS, re.IGNORECASE)


def is_pre_release(tag: str) -> bool:
    """Return whether a tag names a pre-release: `v1.2-rc.1`, `1.2.0beta2`, `nightly-20260102`."""
    found = _TAG.match(tag)
    if found is None:
        return _WORD_ALONE.fullmatch(tag.rpartition("/")[2]) is not None
    named = _WORD_ALONE.fullmatch(found["name"] or "")
    return named is not None or _PRE_RELEASE.search(_without_build(found["version"])) is not None


def version_of_tag(tag: str, *, pre_release: bool = False) -> str:
    """Return the Debian version that a tag names, or "" when there is none in it.

    A pre-release as semver writes it sorts before its release: `v1.2.0-beta.1` gives `1.2.0~beta.1`. Any other suffix
    is a Debian revision (`1.2.0-1`), unless `pre_release` says that the release is flagged as one (`1.2.0~1`).
    """
    found = _TAG.match(tag)
    if found is None:
        return ""
    whole = found["version"]
    version, build = _without_build(whole), whole[len(_without_build(whole)) :]
    before = _PRE_RELEASE.search(version)
    if before is not None:
        version = f"{version[: before.start()]}~{version[before.start('word') :]}"
    elif pre_release:
        version = version.replace("-", "~", 1)
    try:
        parse_version(version + build)
    except InvalidVersion:
        return ""
    return version + build


def _without_build(version: str) -> str:
    """Return a version without semver's build metadata, which says nothing about the order (semver 2.0, 10)."""
    return version.partition("+")[0]
