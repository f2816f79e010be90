"""From a vendor's feed to `apt-get install`, through the running product.

On both columns: docs/ARCHITECTURE.md, Embedded and distributed.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import httpx
import pytest

from packages_app.signing.openpgp import generate_key
from repomgr.servers.process import wait_until
from tests.apt.client import AptClient
from tests.apt.running import Running, running
from tests.feeds import Feed, VendorKey

DEBIAN = ("hello", "zstd")


@pytest.fixture(scope="module")
def debian_packages(tmp_path_factory):
    """Packages from Debian itself, by name."""
    folder = tmp_path_factory.mktemp("debian")
    folder.chmod(0o777)  # apt's own user writes here
    subprocess.run(["apt-get", "download", *DEBIAN], cwd=folder, check=True, capture_output=True)
    return {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}


@pytest.fixture
def embedded_product(tmp_path):
    with running(tmp_path, program="repomgr.processes") as product:
        yield product


@pytest.fixture
def distributed_product(tmp_path, moto, redis_url, postgres_url):
    aws = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}
    options = f"region=eu-central-1&endpoint={moto}"
    with running(
        tmp_path,
        workers=2,
        program="repomgr.distributed",
        PACKAGE_TABLE_URL=f"dynamodb://packages?{options}",
        BUCKET_URL=f"s3://apt-bucket/debian?{options}&acl=public-read",
        STAGING_URL=f"s3://apt-staging?{options}",
        DATABASE_URL=postgres_url,
        BROKER_URL=redis_url,
        PUBLIC_URL=f"{moto}/apt-bucket/debian",
        SIGNING_KEY=generate_key("Test archive"),
        **aws,
    ) as product:
        yield product


@pytest.mark.parametrize("column", ["embedded_product", "distributed_product"])
def test_the_whole_way(column, request, tmp_path, debian_packages):
    product: Running = request.getfixturevalue(column)
    with Feed() as feed:
        key = VendorKey.make()
        for name, deb in debian_packages.items():
            product.define(name, f"{feed.url}/{name}.json")
            feed.releases = []
            feed.publish(deb, deb.name.split("_")[1], key=key)
            feed.files[f"/{name}.json"] = feed.files["/metadata.json"]
        check_upstream(product)
        client = AptClient(tmp_path / "client", without=("kiro-repo", *DEBIAN))
        the_bootstrap_package_sets_a_client_up(product, client, tmp_path)
        packages_install_as_debian_made_them(client, debian_packages)
        a_newer_bootstrap_package_is_offered(product, client, tmp_path)
        fetched = sorted(path.rpartition("/")[2] for path in feed.fetched(".deb"))
        assert fetched == sorted(deb.name for deb in debian_packages.values())
        product.manage("sync_packages")
        assert len(feed.fetched(".deb")) == len(DEBIAN)
    assert "ok   signing key" in product.manage("doctor").stdout
    staging_is_private(product)


def check_upstream(product: Running) -> None:
    """Ask for a check as the admin's button does; a worker does it, and publishes."""
    shell = (
        "from packages_app.services.jobs import queue; from packages_app.models import Job; "
        "print(queue.enqueue(Job.Kind.SYNC, {'names': []}).pk)"
    )
    product.manage("shell", "--no-imports", "-c", shell)
    indexes = f"{product.public_url}/dists/stable/main/binary-amd64/Packages"
    wait_until(
        lambda: all(f"Package: {name}\n" in httpx.get(indexes).text for name in DEBIAN), "the publication", seconds=90
    )


def the_bootstrap_package_sets_a_client_up(product: Running, client: AptClient, tmp_path: Path) -> None:
    copy = httpx.get(f"{product.public_url}/kiro-repo.deb")
    assert copy.headers["Content-Type"] == "application/vnd.debian.binary-package"
    deb = tmp_path / "kiro-repo.deb"
    deb.write_bytes(copy.content)
    client.install_file(deb)
    client.use("kiro-repo.sources")
    client.update()
    assert client.candidate("kiro-repo") == "1.0.0"


def packages_install_as_debian_made_them(client: AptClient, debian_packages: dict[str, Path]) -> None:
    client.apt_get("install", "--download-only", "--no-install-recommends", *DEBIAN)
    for name, original in debian_packages.items():
        [fetched] = (client.root / "var/cache/apt/archives").glob(f"{name}_*.deb")
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (fetched, original)]
        assert digests[0] == digests[1]
    shown = client.run("apt-cache", "show", "hello").stdout
    assert "Maintainer: Santiago Vila" in shown
    assert "Replaces: hello-debhelper (<< 2.9), hello-traditional" in shown
    if client.run("id", "-u").stdout.strip() == "0":
        client.apt_get("install", "--no-install-recommends", "hello")
        assert client.installed("hello") == client.candidate("hello")
        assert (client.root / "usr/bin/hello").exists()


def a_newer_bootstrap_package_is_offered(product: Running, client: AptClient, tmp_path: Path) -> None:
    for version in ("1.10.0", "1.9.0"):
        product.manage("build_kiro_repo", "--version", version, "--output", str(tmp_path / "newer"))
    newer, older = (tmp_path / "newer" / f"kiro-repo_{version}_all.deb" for version in ("1.10.0", "1.9.0"))
    product.manage("upload_deb", str(newer), str(older))
    wait_until(
        lambda: httpx.get(f"{product.public_url}/kiro-repo.deb").content == newer.read_bytes(), "the convenience copy"
    )
    client.update()
    offered = client.apt_get("upgrade", "--simulate").stdout
    assert "Inst kiro-repo [1.0.0] (1.10.0" in offered


def staging_is_private(product: Running) -> None:
    """P17: what clients read is public, staging is not."""
    staging = product.environment.get("STAGING_URL")
    if staging:
        shell = "from packages_app.services import adapters; adapters.staging().put('uploads/x', b'private')"
        product.manage("shell", "--no-imports", "-c", shell)
        server = product.public_url.rpartition("/apt-bucket")[0]
        assert httpx.get(f"{server}/apt-staging/uploads/x").status_code == 403
    assert httpx.get(f"{product.public_url}/staging/uploads/x").status_code in (403, 404)
