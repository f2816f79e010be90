"""Assets of GitHub's releases and their checksums (R4, R12)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.errors import UpstreamError
from packages_app.sources.checksum_files import ChecksumFiles, announced_in
from tests.sources.github import DEB, SHA256
from tests.sources.test_sources import Noting
from tests.values import notes_naming

# Checksums


def fetch(source, folder, progress=None):
    [offer] = source.offers(Noting())
    folder.mkdir(exist_ok=True)
    return source.fetch(offer, folder, progress or Noting())


GOOD_FILES = {
    "coreutils": ("SHA256SUMS", f"{'0' * 64}  other.deb\n{SHA256}  {DEB[0]}\n"),
    "binary mark and folder": ("sha256sum.txt", f"{SHA256} *dist/{DEB[0]}\n"),
    "bsd": ("tool_1.0_checksums.txt", f"SHA256 ({DEB[0]}) = {SHA256.upper()}\n"),
    "own": (f"{DEB[0]}.sha256", f"{SHA256}  {DEB[0]}\n"),
    "bare": (f"{DEB[0]}.sha256", SHA256),
    "own with the builder's name": (f"{DEB[0]}.sha256", f"{SHA256}  target/out.deb\r\n"),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_every_checksum_that_is_there_is_compared(github, source, tmp_path, name):
    file, text = GOOD_FILES[name]
    github.release("v1.0", DEB, (file, text.encode()))
    progress = Noting()
    assert fetch(source(), tmp_path / "fetched", progress).checksums.sha256 == SHA256
    assert len(notes_naming(progress.notes, "info", f"{DEB[0]}: ", "digest", file)) == 1


@pytest.mark.parametrize("name", GOOD_FILES)
def test_a_checksum_that_differs_is_refused_before_the_download(github, source, tmp_path, name):
    file, text = GOOD_FILES[name]
    wrong = "f" * 64
    text = text.replace(SHA256, wrong).replace(SHA256.upper(), wrong)
    github.release("v1.0", DEB, (file, text.encode()))
    with pytest.raises(UpstreamError, match=rf"\b{SHA256}\b.*digest.*\b{wrong}\b.*{re.escape(file)}"):
        fetch(source(), tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []
    asked = [request.path.rpartition("/")[2] for request in github.downloads.asked(".deb")]
    assert asked == [name for name in (file,) if ".deb" in name], "the file of the checksum alone"


def test_bytes_that_are_not_those_announced_are_refused_with_both_hashes(github, source, tmp_path):
    github.release("v1.0", DEB, ("SHA256SUMS", f"{'e' * 64}  {DEB[0]}\n".encode()), digests=False)
    with pytest.raises(UpstreamError, match=rf"\b{SHA256}\b.*\b{'e' * 64}\b.*\bSHA256SUMS\b"):
        fetch(source(), tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_names_are_compared_as_github_rewrites_them(github, source, tmp_path):
    name = "tool_1.0~beta.1_amd64.deb"
    github.release("v1.0", (name, DEB[1]), ("checksums.txt", f"{SHA256}  {name}\n".encode()), digests=False)
    progress = Noting()
    fetch(source(), tmp_path / "fetched", progress)
    assert progress.notes == [(level, text) for level, text in progress.notes if level == "info"]
    [text] = notes_naming(progress.notes, "info", "tool_1.0.beta.1_amd64.deb: ")
    assert "checksums.txt" in text


def test_a_file_without_any_checksum_is_taken_and_that_is_noted(github, source, tmp_path):
    github.release("v1.0", DEB, digests=False)
    progress = Noting()
    fetch(source(), tmp_path / "fetched", progress)
    [(level, text)] = progress.notes
    assert (level, text.partition(": ")[0]) == ("info", DEB[0])
    assert "no SHA256" in text


@pytest.mark.parametrize("line", [f"{'F' * 64}  other.tar\n", f"{'e' * 40}  {DEB[0]}\n"])
def test_a_list_without_the_files_checksum_is_a_fault_where_nothing_else_has_one(github, source, tmp_path, line):
    github.release("v1.0", DEB, ("checksums.txt", line.encode()), digests=False)
    with pytest.raises(UpstreamError, match=rf"checksums\.txt.*{re.escape(DEB[0])}"):
        fetch(source(), tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []
    assert not github.downloads.asked(DEB[0])


def test_a_list_without_the_files_checksum_is_told_where_something_else_has_one(github, source, tmp_path):
    github.release("v1.0", DEB, ("checksums.txt", f"{OTHER}  other.tar\n".encode()))
    progress = Noting()
    assert fetch(source(), tmp_path / "fetched", progress).checksums.sha256 == SHA256
    assert len(notes_naming(progress.notes, "warning", f"{DEB[0]}: ", "checksums.txt")) == 1


def test_checksum_files_are_only_fetched_with_their_package(github, source):
    github.release("v1.0", DEB, (f"{DEB[0]}.sha256", SHA256.encode()))
    source().offers(Noting())
    assert github.downloads.requests == []


def test_a_checksum_file_without_a_checksum_or_too_large_is_an_error(github, source, tmp_path):
    release = github.release("v1.0", DEB)
    asset = github.attach(release, f"{DEB[0]}.sha256", b"<html>")
    with pytest.raises(UpstreamError, match="holds no SHA256"):
        fetch(source(), tmp_path / "fetched")
    github.replace(asset, b"x" * 2_000_000)
    with pytest.raises(UpstreamError, match="larger than"):
        fetch(source(), tmp_path / "fetched")


def test_which_assets_may_hold_a_checksum():
    others = ["tool.deb", "tool_arm64.deb"]
    for name in (
        "SHA256SUMS", "sha256sums.txt", "tool-1.0-checksums.txt", "checksums.sha256", "tool.deb.sha256sum",
        "SHASUMS256.txt", "hashes.txt", "tool_1.0_SHASUMS.txt",
    ):  # fmt: skip
        assert ChecksumFiles([*others, name]).of("tool.deb") == {name}
    for name in ("SHA256SUMS.asc", "checksums.txt.sig", "sha512sums.txt", "tool_arm64.deb.sha256", "notes.txt"):
        assert not ChecksumFiles([*others, name]).of("tool.deb"), name


HASH, OTHER = "0a" * 32, "F" * 64


@pytest.mark.parametrize(
    "body",
    [
        f"{HASH}  tool.deb\n",
        f"{HASH} *build/tool.deb\r\n{OTHER}  other.deb",
        f"\\{HASH}  dist\\tool.deb",
        f"SHA256 (tool.deb) = {HASH.upper()}",
        f"SHA2-256(tool.deb)= {HASH}",
        f"tool.deb: {HASH}",
        f"tool.deb {HASH}",
        f"tool.deb = {HASH}\nother.deb = {OTHER}",
        f"sha256:{HASH}  tool.deb",
        f"tool.deb: sha256:{HASH}",
        f"| tool.deb | `{HASH}` |",
        f"# made by us\n\n{HASH}  ./tool.deb",
        f"{'e' * 32}  tool.deb\n{'e' * 128}  tool.deb\n{HASH}  tool.deb",
        f"\N{ZERO WIDTH NO-BREAK SPACE}{HASH}  tool.deb",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_each_form_of_a_list_is_read(body, encoding):
    found = announced_in(body.encode(encoding), "SHA256SUMS", "tool.deb")

    assert [each.sha256 for each in found] == [HASH]


def test_a_name_may_hold_a_checksum_itself():
    name = f"tool_1.0+git{'b' * 40}_amd64.deb"
    for body in (f"{HASH}  {name}", f"{name}: {HASH}"):
        assert [each.sha256 for each in announced_in(body.encode(), "SHA256SUMS", name)] == [HASH]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"<html></html>", HASH[1:].encode() + b"  tool.deb", b"\xff\xfeab"])
def test_a_list_that_nobody_understands_is_a_fault_and_not_silence(body):
    with pytest.raises(UpstreamError, match="no list of checksums"):
        announced_in(body, "SHA256SUMS", "tool.deb")


@pytest.mark.parametrize("body", [f"{HASH}  other.deb", f"{'e' * 40}  tool.deb"])
def test_a_list_of_others_or_of_another_kind_says_nothing(body):
    assert announced_in(body.encode(), "SHA256SUMS", "tool.deb") == ()


@given(st.binary(max_size=300), st.sampled_from(["SHA256SUMS", "tool.deb.sha256"]))
def test_any_bytes_in_a_checksum_file_give_hashes_or_an_error(body, name):
    try:
        found = announced_in(body, name, "tool.deb")
    except UpstreamError:
        return
    assert all(len(each.sha256) == 64 for each in found)
