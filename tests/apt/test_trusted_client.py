"""A client of an earlier kiro-repo, with an unsigned `[trusted=yes]` list, is upgraded by apt and ends signed."""

from __future__ import annotations

import os

import pytest

from repomgr.servers.process import wait_until
from tests.apt.client import AptClient
from tests.apt.running import running
from tests.debs import build_deb

LIST = "etc/apt/sources.list.d/kiro.list"


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    with running(tmp_path_factory.mktemp("product"), database=migrated) as product:
        yield product


@pytest.mark.parametrize(("conffile", "offered", "next_offered"), [(True, "1.0.0", "1.1.0"), (False, "1.1.0", "1.2.0")])
def test_an_old_client_upgrades_and_ends_up_signed(product, tmp_path, conffile, offered, next_offered):
    client = AptClient(tmp_path / "client", without=("kiro-repo",))
    line = f"deb [trusted=yes] {product.public_url} stable main\n"
    scripts = {"conffiles": f"/{LIST}\n"} if conffile else {}
    client.install_file(build_deb(tmp_path, "kiro-repo", "0.9.0", "all", files={LIST: line.encode()}, scripts=scripts))
    client.apt_get("update")
    assert client.candidate("kiro-repo") == offered
    if os.getuid() != 0:
        [deb] = (product.home / "var/bucket/pool/main/k/kiro-repo").glob(f"*_{offered}_*.deb")
        client.install_file(deb)
    else:
        client.apt_get("upgrade")
    assert client.installed("kiro-repo") == offered
    sources = client.root / "etc/apt/sources.list.d"
    assert {path.name for path in sources.iterdir()} - {"kiro.list.dpkg-bak"} == {"kiro-repo.sources"}
    assert "trusted" not in (sources / "kiro-repo.sources").read_text().lower()
    client.use("kiro-repo.sources")
    assert "InRelease" in client.update()
    product.manage("build_kiro_repo", "--increment", "minor")
    wait_until(
        lambda: bool(client.update()) and client.candidate("kiro-repo") == next_offered, "a worker's publication"
    )
    (client.root / "usr/share/keyrings/kiro-archive-keyring.gpg").unlink()
    assert "An error occurred during the signature verification" in client.refused()
