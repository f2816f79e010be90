"""Packages of snapshots merged: one version with two files is never in one of them."""

import pytest

from packages_app.core.snapshot import SnapshotRefused
from packages_app.indexes.entry import IndexEntry
from packages_app.indexes.packages import Placed
from packages_app.publishing.snapshot_parts import Way, merged


def placed(version, file, architecture="amd64", component="main"):
    text = f"Package: tool\nVersion: {version}\nArchitecture: {architecture}\nSHA256: {file}\n\n"
    return Placed(component, IndexEntry("tool", version, architecture, text.encode()), f"pool/{file}.deb", 1)


def files(parts, way):
    return [(one.component, one.entry.sha256) for one in merged(parts, way)]


def test_a_version_with_two_files_is_refused_unless_the_left_one_wins_or_a_newer_one_does():
    left, right = [placed("1.0", "a"), placed("1.0", "x", "arm64")], [placed("1.0", "b"), placed("0.9", "c", "all")]
    for way in (Way.ALL, Way.NEWEST):
        with pytest.raises(SnapshotRefused, match="tool amd64 1.0"):
            merged([left, right], way)
    assert files([left, right], Way.LEFT) == [("main", "c"), ("main", "a"), ("main", "x")]
    assert files([left, [*right, placed("1:0", "d")]], Way.NEWEST) == [("main", "c"), ("main", "x"), ("main", "d")]


def test_what_two_have_is_in_the_component_of_the_first():
    parts = [placed("1.0", "a", component="contrib")], [placed("1.0", "a"), placed("2.0~rc1", "b"), placed("2.0", "c")]
    assert files(parts, Way.ALL) == [("contrib", "a"), ("main", "b"), ("main", "c")]
    assert files(parts, Way.NEWEST) == [("main", "c")]
