"""`repomgr push` against the running product: what is pushed is installed by a real apt-get, or nothing is stored."""

import hashlib
import os

import httpx

from repomgr.servers.process import free_port
from tests.apt.client import AptClient
from tests.debs import build_deb


def reader_of(product, folder):
    """A client of apt that trusts the product's repository."""
    apt = AptClient(folder)
    address = product.running.public_url
    keyring = folder / "archive.gpg"
    keyring.write_bytes(httpx.get(f"{address}/kiro-archive-keyring.gpg").content)
    line = f"deb [signed-by={keyring}] {address} stable main\n"
    (folder / "etc/apt/sources.list.d/archive.list").write_text(line)
    return apt


def stored(product):
    return sorted(f"{one['package']} {one['version']}" for one in product.client("packages", "tool | acme-lib").said)


def test_what_is_pushed_is_shown_installed_known_again_and_never_other_bytes(product, tmp_path):
    deb = build_deb(tmp_path / "first", "tool", "1.0")
    done = product.client("push", deb)
    assert done.code == 0, done.out
    [file] = done.said["files"]
    assert (done.said["standing"], file["known"]) == ("shown", False)
    assert file["package"]["sha256"] == hashlib.sha256(deb.read_bytes()).hexdigest()
    release = httpx.get(f"{product.running.public_url}/dists/stable/Release").content
    known = {one["release_sha256"] for one in product.publications("stable")}  # another may follow at any time
    assert {done.said["publications"][0]["release_sha256"], hashlib.sha256(release).hexdigest()} <= known
    apt = reader_of(product, tmp_path / "apt")
    apt.update()
    apt.apt_get("install", "tool=1.0")
    assert apt.installed("tool") == "1.0"
    again = product.client("push", deb)
    assert (again.code, again.said["files"][0]["known"], again.said["job"]) == (0, True, None)
    other = build_deb(tmp_path / "second", "tool", "1.0", files={"usr/x": b"other"})
    refused = product.client("push", other)
    assert (refused.code, refused.said["code"], refused.said["exit_code"]) == (2, "version_conflict", 2)
    assert refused.said["remedy"]
    told = product.client("push", other, as_json=False)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("version_conflict: ")
    asked = product.client("push", build_deb(tmp_path, "tool", "1.1"), "--no-wait")
    assert asked.code == 0
    waited = product.client("wait", asked.said["job"]["id"])
    assert (waited.code, waited.said["standing"]) == (0, "shown")


def test_of_several_all_go_in_or_none(product, tmp_path):
    before = stored(product)
    lib, tool = build_deb(tmp_path, "acme-lib", "3.0"), build_deb(tmp_path, "tool", "3.0")
    bad = tmp_path / "bad_1.0_amd64.deb"
    bad.write_bytes(b"!<arch>\nno")
    refused = product.client("push", lib, tool, bad)
    assert (refused.code, refused.said["exit_code"]) == (2, 2)
    assert "bad_1.0_amd64.deb" in refused.said["detail"]
    assert product.client("push", lib, tmp_path / "nothing.deb").said["code"] == "no_file"
    assert stored(product) == before
    changes = tmp_path / "tool_3.0_amd64.changes"
    lines = [f" {hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_size} {path.name}"
             for path in (lib, tool)]  # fmt: skip
    changes.write_text(
        "\n".join(["Format: 1.8", "Checksums-Sha256:", *lines, "Files:", " x 1 misc optional y.deb", ""])
    )
    good = changes.read_text()
    for wrong in (good.replace(lines[0][1:9], "0" * 8), good.replace(tool.name, "gone.deb"), good.replace(
        f" {tool.stat().st_size} ", " 1 "), good.replace(tool.name, f"../{tool.name}"), "Format: 1.8\n"):  # fmt: skip
        changes.write_text(wrong)
        refused = product.client("push", changes)
        assert (refused.code, refused.said["code"]) == (2, "bad_changes")
    assert stored(product) == before
    changes.write_text(good)
    done = product.client("push", changes, tool)
    assert (done.code, sorted(file["file"] for file in done.said["files"])) == (0, [lib.name, tool.name])
    assert stored(product) == sorted([*before, "acme-lib 3.0", "tool 3.0"])


def test_what_may_not_push_is_refused_and_a_server_that_is_away_is_tried_again(product, tmp_path):
    deb = build_deb(tmp_path, "other", "1.0")
    refused = [
        product.client("push", deb, token=token, **more)
        for token, more in (
            ("reads", {}), ("expired", {}), ("", {}), ("", {"REPOMGR_TOKEN": "repomgr_unknown"}),
            ("", {"REPOMGR_TOKEN": "é\nrepomgr"}), ("", {"REPOMGR_TOKEN_FILE": str(tmp_path / "nothing")}),
        )
    ]  # fmt: skip
    assert [(done.code, done.said["code"]) for done in refused] == [
        (2, "right_missing"), (2, "token_expired"), (2, "no_token"), (2, "token_unknown"), (2, "bad_token"),
        (2, "bad_token"),
    ]  # fmt: skip
    file = tmp_path / "token"
    file.write_text(product.tokens["reads"] + "\n")
    assert product.client("packages", "nothing", token="", REPOMGR_TOKEN_FILE=str(file)).said == []
    done = product.client("push", deb, "--server", f"http://127.0.0.1:{free_port()}", "--tries", "2")
    assert (done.code, done.said["code"]) == (75, "server_away")
    pipe, odd, growing = tmp_path / "pipe.deb", tmp_path / "odd\udcff.deb", tmp_path / "growing.deb"
    os.mkfifo(pipe)
    odd.write_bytes(deb.read_bytes())
    for words, code in (
        (("push",), "bad_arguments"), (("push", deb, "--wait="), "bad_arguments"), (("nothing",), "bad_arguments"),
        (("wait", "../suites"), "bad_arguments"), (("push", pipe), "no_file"), (("push", tmp_path), "no_file"),
        (("push", odd), "bad_name"), (("push", deb, odd), "bad_name"), (("push", growing), "no_file"),
    ):  # fmt: skip
        done = product.client(*words)
        assert (done.code, done.said["code"]) == (2, code)
    for address, code in (
        ("", "no_server"), ("http://apt.example.org", "plain_http"), ("ftp://apt.example.org", "bad_server"),
        ("https://user:secret@apt.example.org", "bad_server"),
    ):  # fmt: skip
        done = product.client("status", REPOMGR_SERVER=address)
        assert (done.code, done.said["code"], "secret" in done.out) == (2, code, False)


KEYRING = """
import os

def get_password(service, name):
    assert service == "repomgr"
    if "locked" in name:
        raise RuntimeError("a secret of the keyring's own")
    return {os.environ["OF"]: os.environ["SECRET"]}.get(name)
"""


def test_the_token_is_that_of_the_keyring_for_just_that_server_where_nothing_else_has_one(product, tmp_path):
    (tmp_path / "keyring.py").write_text(KEYRING)  # the library, which keeps to a desktop's session
    url = product.running.url
    kept = {"PYTHONPATH": str(tmp_path), "OF": url, "SECRET": product.tokens["whole"] + "\n", "token": ""}
    done = product.client("packages", "nothing", "--server", f"{url}/", **kept)
    assert (done.code, done.said) == (0, [])
    first = product.client("packages", "nothing", **{**kept, "token": "expired"})
    refused = [
        product.client("status", "--server", server, **{**kept, **more})
        for server, more in (
            (f"{url}/archives/other", {}), (f"{url}/archives/locked", {}), (url, {"SECRET": "no token"}),
            (url, {"SECRET": "repomgr_unknown"}),
        )
    ]  # fmt: skip
    assert [(done.code, done.said["code"]) for done in (first, *refused)] == [
        (2, "token_expired"), (2, "no_token"), (2, "no_keyring"), (2, "bad_token"), (2, "token_unknown"),
    ]  # fmt: skip
    assert "of the keyring's own" not in refused[1].out
