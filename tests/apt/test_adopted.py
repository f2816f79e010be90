"""Repositories that other tools have made, taken over at their own address: clients go on, and get new versions."""

import re

import pytest

from packages_app.adoption.existing_repository import FolderRepository
from packages_app.core.ports import Silent
from packages_app.services.takeover.adopt import adopt
from packages_app.services.takeover.adoption_request import AdoptionRequest, PoolFiles
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text
from tests.adoption import existing
from tests.apt.archive import BucketServer, new_client
from tests.commands.calling import call
from tests.debs import build_deb

CHANGED = re.compile(r"^E: .*changed its '(\w+)' value from '([^']*)' to '([^']*)'", re.MULTILINE)


def theirs_with_our_key(theirs, key):
    """Name a repository otherwise than ours, and sign it with a key of which the secret half is ours too."""
    place = theirs.root / "dists/stable"
    text = verified_text((place / "InRelease").read_bytes(), theirs.signer.public_keyring()).decode()
    named = "Origin: Theirs\nLabel: Their label\n" + re.sub(r"(?m)^(Origin|Label):.*\n", "", text)
    (place / "Release").write_text(named)
    theirs.signer = OpenPgpSigner(key)
    theirs.sign("dists/stable")


@pytest.mark.parametrize("make", [existing.plain, existing.reprepro], ids=lambda make: make.__name__)
def test_a_client_of_theirs_notices_what_was_said_and_gets_the_next_version_that_is_uploaded(
    embedded, settings, tmp_path, make
):
    settings.SIGNING_KEY = generate_key("Their archive")
    debs = [build_deb(tmp_path / "debs", "hello", "1.0"), build_deb(tmp_path / "debs", "greeter", "1.0", "all")]
    theirs = make(tmp_path / "theirs", debs)
    theirs_with_our_key(theirs, settings.SIGNING_KEY)
    looked_at = AdoptionRequest(FolderRepository(theirs.root), {"stable": "stable"}, PoolFiles.COPY, dry_run=True)
    said = adopt(looked_at, Silent()).differences
    with BucketServer(embedded.bucket) as server:
        paths = [path for path in theirs.root.rglob("*") if path.is_file()]
        server.stale = {path.relative_to(theirs.root).as_posix(): path.read_bytes() for path in paths}
        client = new_client(tmp_path / "client", server)
        client.update()
        client.apt_get("install", "hello", "greeter")
        order = (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
        call("adopt_repository", *order, "--definitions", "upload")
        server.stale = {}
        refused = {(one.field, one.theirs, one.ours) for one in said if one.is_refused}
        assert refused >= {("Origin", "Theirs", "Kiro"), ("Label", "Their label", "Kiro")}
        assert set(CHANGED.findall(client.refused())) == refused
        client.apt_get("update", "--allow-releaseinfo-change")
        for name, architecture in (("hello", "amd64"), ("greeter", "all")):
            call("upload_deb", build_deb(tmp_path / "newer", name, "1.1", architecture))
        client.update()
        client.apt_get("upgrade")
        assert (client.installed("hello"), client.installed("greeter")) == ("1.1", "1.1")
