"""Errors of looking back: at a publication that is not there, or whose contents are not kept any more."""

from __future__ import annotations

from packages_app.core.errors import PackageRefused


class PublicationUnknown(PackageRefused):
    """Nothing that was published goes by this number, digest or suite, or more than one publication does."""

    code = "publication_unknown"


class ContentsGone(PackageRefused):
    """What a publication held is not kept any more, or can't be read."""

    code = "contents_gone"


class NothingToRollBack(PackageRefused):
    """The suite holds just what that publication showed already."""

    code = "nothing_to_roll_back"


class NoPlaceAnyMore(PackageRefused):
    """A publication showed packages of a component or an architecture that the suite has no more."""

    code = "no_place_any_more"
