"""Packages.diff with real apt: clients that are behind take patches, and anything amiss costs them the whole index."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.indexes.pdiff import Patch, content_of, ed_script, make_patch, render_diff_index
from packages_app.indexes.release import release_date
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.apt.client import AptClient
from tests.loopback import LoopbackServer, QuietHandler

FOLDER = "dists/stable/main/binary-amd64"
INDEX = "Packages.diff/Index"
GENERATIONS = 21
NEWEST = GENERATIONS - 1
FIRST_DATE = datetime.now(UTC) - timedelta(hours=1)


@dataclass(frozen=True)
class CutShard:
    """A shard as the index keeps it."""

    sha256: str
    lines: int


class FileServer(LoopbackServer):
    """Gives files by key; `sent` says how many bytes went out for each key that was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent: dict[str, int] = {}
        server = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                key = self.path.lstrip("/")
                body = server.files.get(key, b"")
                server.sent[key] = server.sent.get(key, 0) + len(body)
                self.send_response(200 if key in server.files else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(Handler)


class Repository:
    """Generations of an index, each with one package more and one updated, published one at a time."""

    def __init__(self, server: FileServer) -> None:
        self.server = server
        self.signer = OpenPgpSigner(generate_key("Test archive"))
        self.texts: dict[str, bytes] = {}
        self.generations = [[stanza_of(f"p{number:04}") for number in range(2000)]]
        for number in range(1, GENERATIONS):
            stanzas = list(self.generations[-1])
            updated = number * 97
            stanzas[updated] = stanza_of(f"p{updated:04}", f"1.{number}")
            stanzas.insert(number * 61, stanza_of(f"p{number * 61 - number:04}-more"))
            self.generations.append(stanzas)
        self.shards = [self._cut(stanzas) for stanzas in self.generations]

    def _cut(self, stanzas: list[bytes]) -> list[CutShard]:
        runs: list[bytes] = [b""]
        for stanza in stanzas:
            runs[-1] += stanza
            if hashlib.sha256(stanza.split(b"\n")[0]).digest()[0] < 4:
                runs.append(b"")
        self.texts |= {hashlib.sha256(run).hexdigest(): run for run in runs}
        return [CutShard(hashlib.sha256(run).hexdigest(), run.count(b"\n")) for run in runs]

    def text(self, generation: int) -> bytes:
        return b"".join(self.generations[generation])

    def patches(self) -> list[Patch]:
        """Make the patches from all earlier generations to the newest, and put them where apt looks for them."""
        return [self.patch(start, self.shards[NEWEST]) for start in range(NEWEST)]

    def patch(self, start: int, shards: list[CutShard]) -> Patch:
        patch, body = make_patch(
            content_of(self.text(start)), ed_script(self.shards[start], shards, self.texts.__getitem__)
        )
        self.server.files[f"{FOLDER}/Packages.diff/{patch.name}.gz"] = body
        return patch

    def index_of(self, patches: list[Patch]) -> bytes:
        return render_diff_index(content_of(self.text(NEWEST)), patches)

    def publish(self, generation: int, **indexes: bytes) -> None:
        """Publish a generation with these forms of Packages.diff/Index, by the ending of their names."""
        text = self.text(generation)
        listed = {"Packages": text, "Packages.xz": lzma.compress(text)}
        listed |= {INDEX + (f".{ending}" if ending != "plain" else ""): body for ending, body in indexes.items()}
        lines = [f" {content_of(body).sha256} {len(body)} main/binary-amd64/{name}" for name, body in listed.items()]
        for name, body in listed.items():
            folder = f"{FOLDER}/{name}".rpartition("/")[0]
            self.server.files[f"{folder}/by-hash/SHA256/{content_of(body).sha256}"] = body
        release = [
            "Origin: Test", "Suite: stable", "Codename: stable", "Acquire-By-Hash: yes", "Architectures: amd64",
            "Components: main", f"Date: {release_date(FIRST_DATE + timedelta(seconds=generation))}", "SHA256:", *lines,
        ]  # fmt: skip
        self.server.files["dists/stable/InRelease"] = self.signer.sign_clear(("\n".join(release) + "\n").encode())

    def fetched(self) -> dict[str, int]:
        """Give the bytes sent of each kind of file."""
        kinds = {"InRelease": 0, "Index": 0, "patch": 0, "Packages": 0}
        for key, sent in self.server.sent.items():
            in_diff = "Packages.diff/" in key
            kind = ("Index" if "/by-hash/" in key else "patch") if in_diff else "Packages"
            kinds["InRelease" if key.endswith("InRelease") else kind] += sent
        return kinds


@pytest.fixture(scope="module")
def repository():
    with FileServer() as server:
        yield Repository(server)


@pytest.fixture
def client_of(repository, tmp_path):
    """Gives a client that has read a generation, and nothing since."""

    def make(generation: int) -> AptClient:
        client = AptClient(tmp_path / "client")
        (client.root / "archive.gpg").write_bytes(repository.signer.public_keyring())
        line = f"deb [signed-by={client.root}/archive.gpg] {repository.server.url} stable main\n"
        (client.root / "etc/apt/sources.list.d/archive.list").write_text(line)
        repository.publish(generation)
        client.update()
        assert held_by(client) == repository.text(generation)
        repository.server.sent.clear()
        return client

    return make


def stanza_of(name: str, version: str = "1.0") -> bytes:
    digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    lines = (
        f"Package: {name}", f"Version: {version}", "Architecture: amd64", "Maintainer: Test <test@example.org>",
        f"Description: the package {name}", " .", f" whose number is {digest[:20]}",
        f"Filename: pool/main/p/{name}/{name}_{version}_amd64.deb", "Size: 1000", f"SHA256: {digest}", "", "",
    )  # fmt: skip
    return "\n".join(lines).encode()


def held_by(client: AptClient) -> bytes:
    """Give the Packages file that a client holds."""
    [path] = (client.root / "var/lib/apt/lists").glob("*_main_binary-amd64_Packages")
    return path.read_bytes()


@pytest.mark.parametrize("behind", [1, 5, 20])
def test_a_client_that_is_behind_takes_one_patch_and_holds_the_index_byte_for_byte(repository, client_of, behind):
    client = client_of(NEWEST - behind)
    index = repository.index_of(repository.patches())
    repository.publish(NEWEST, plain=index, gz=gzip.compress(index, mtime=0))
    client.update()
    assert held_by(client) == repository.text(NEWEST)
    fetched = repository.fetched()
    assert fetched["Packages"] == 0
    assert fetched["Index"] == len(gzip.compress(index, mtime=0))
    assert 0 < fetched["patch"] < 4000
    assert len(repository.server.sent) == 3


def test_a_short_list_that_is_compressed_serves_most_and_the_whole_list_the_others(repository, client_of):
    client = client_of(NEWEST - 5)
    patches = repository.patches()
    short, whole = gzip.compress(repository.index_of(patches[-2:]), mtime=0), repository.index_of(patches)
    repository.publish(NEWEST, plain=whole, gz=short)
    client.apt_get("update")
    assert held_by(client) == repository.text(NEWEST)
    fetched = repository.fetched()
    assert (fetched["Packages"], fetched["Index"]) == (0, len(short) + len(whole))


def test_a_client_whose_state_is_not_listed_takes_the_whole_index(repository, client_of):
    client = client_of(NEWEST - 5)
    patches = repository.patches()
    repository.publish(NEWEST, plain=repository.index_of([*patches[:-5], *patches[-4:]]))
    client.apt_get("update")
    assert held_by(client) == repository.text(NEWEST)
    assert repository.fetched()["patch"] == 0
    assert repository.fetched()["Packages"] > 0


@pytest.mark.parametrize("fault", ["damaged", "missing"])
def test_a_patch_that_is_not_as_listed_costs_a_client_the_whole_index_and_no_more(repository, client_of, fault):
    client = client_of(NEWEST - 5)
    patches = repository.patches()
    key = f"{FOLDER}/Packages.diff/{patches[-5].name}.gz"
    body = repository.server.files.pop(key)
    if fault == "damaged":
        repository.server.files[key] = body[:-12] + bytes([body[-12] ^ 1]) + body[-11:]
    repository.publish(NEWEST, plain=repository.index_of(patches))
    client.apt_get("update")
    assert key in repository.server.sent
    assert held_by(client) == repository.text(NEWEST)
    assert repository.fetched()["Packages"] > 0


@pytest.mark.parametrize("behind", [1, 5])
def test_a_patch_that_makes_another_file_than_the_current_one_is_noticed(repository, client_of, behind):
    """The newest one too: without the entry after it, apt would take what it makes for the index."""
    client = client_of(NEWEST - behind)
    patches = repository.patches()
    patches[-behind] = repository.patch(NEWEST - behind, repository.shards[NEWEST][:-1])
    repository.publish(NEWEST, plain=repository.index_of(patches))
    client.apt_get("update")
    assert repository.fetched()["patch"] > 0
    assert held_by(client) == repository.text(NEWEST)
    assert repository.fetched()["Packages"] > 0
