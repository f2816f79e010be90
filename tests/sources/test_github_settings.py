"""Settings of GitHub sources, and the versions that tags stand for (R4, R12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.version import version_key
from packages_app.sources.release_tags import is_pre_release, version_of_tag
from tests.sources.github import read

# Settings


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ("  asset_pattern: '*.deb'\n", "repository"),
        ("  repository: tool\n", "repository"),
        ("  repository: owner/tool/more\n", "repository"),
        ("  repository: owner/..\n", "repository"),
        ("  repository: https://github.com/owner/tool\n", "repository"),
        ("  repository: owner/tool\n  asset_pattern: a/*.deb\n", "asset_pattern"),
        ("  repository: owner/tool\n  asset_pattern: 5\n", "asset_pattern"),
        ("  repository: owner/tool\n  prereleases: 'yes'\n", "prereleases"),
        ("  repository: owner/tool\n  api: ftp://example.org\n", "api"),
        ("  repository: owner/tool\n  api: https://\n", "api"),
        ("  repository: owner/tool\n  api: https://user:secret@example.org\n", "api"),
        ("  repository: owner/tool\n  api: https://example.org:port\n", "api"),
        ("  repository: owner/tool\n  size_limit_mb: 0\n", "size_limit_mb"),
        ("  repository: owner/tool\n  prerelease: true\n", "prerelease"),
        ("  repository: owner/tool\n  newest: 0\n", "newest"),
        ("  repository: owner/tool\n  since: 'no version'\n", "since"),
        ("  repository: owner/tool\n  since: 1.2\n", "since"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_remedy(tmp_path, lines, field):
    definitions = read(tmp_path, lines)
    assert [problem.field for problem in definitions.problems] == [f"source.{field}"]
    assert definitions.problems[0].remedy
    assert "secret" not in str(definitions.problems[0])


def test_what_is_not_set_has_a_sound_value(tmp_path):
    settings = read(tmp_path, "  repository: owner/tool\n").by_name["tool"].source_settings
    assert (settings.api, settings.asset_patterns, settings.prereleases, settings.size_limit_mb) == (
        "https://api.github.com",
        ("*.deb",),
        None,
        2048,
    )


# Versions


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("release-1.2", "1.2"),
        ("kiro-cli/v1.2.3", "1.2.3"),
        ("kiro-cli-v1.2", "1.2"),
        ("@scope/tool@1.2", "1.2"),
        ("log4j-2.0", "2.0"),
        ("v1.2.0-1", "1.2.0-1"),
        ("v1.2.0-beta.1", "1.2.0~beta.1"),
        ("1.2rc1", "1.2~rc1"),
        ("v1.2.0-rc.1+build.5", "1.2.0~rc.1+build.5"),
        ("v2.0-SNAPSHOT", "2.0~SNAPSHOT"),
        ("latest", ""),
        ("v1_2", ""),
        ("1.0 of today", ""),
        ("", ""),
    ],
)
def test_the_version_of_a_tag(tag, version):
    assert version_of_tag(tag) == version


def test_a_numeric_suffix_is_a_revision_unless_the_release_is_flagged():
    assert version_of_tag("v1.2.0-1", pre_release=True) == "1.2.0~1"
    assert version_of_tag("v1.2.0-beta-2", pre_release=True) == "1.2.0~beta-2"


def test_pre_releases_sort_before_what_they_lead_to():
    tags = ["v1.2.0-alpha", "v1.2.0-alpha.1", "v1.2.0-beta.2", "v1.2.0-beta.10", "v1.2.0-rc.1", "v1.2.0", "v1.2.0-1"]
    keys = [version_key(version_of_tag(tag)) for tag in tags]
    assert keys == sorted(keys)
    assert [is_pre_release(tag) for tag in tags] == [True] * 5 + [False] * 2


WORDS = "alpha beta rc pre preview dev nightly canary snapshot insiders"


@pytest.mark.parametrize("word", WORDS.split())
def test_every_word_for_a_pre_release_is_understood(word):
    assert is_pre_release(f"v1.0-{word}")
    assert is_pre_release(f"v1.0-{word}.3")
    assert is_pre_release(f"{word}-20260102")
    assert not is_pre_release(f"v1.0-{word}ictable")


@given(st.text(max_size=60))
def test_any_tag_gives_a_debian_version_or_none(tag):
    for flagged in (False, True):
        version = version_of_tag(tag, pre_release=flagged)
        if version:
            version_key(version)
    is_pre_release(tag)
