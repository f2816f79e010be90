"""Verify and repair on S3 and DynamoDB: what is corrupt there is named, and healed."""

import uuid
from datetime import timedelta

import pytest

from packages_app.core.locations import DynamoTable, S3Store
from packages_app.core.ports import Silent
from packages_app.models import Package
from packages_app.services import adapters
from packages_app.services.repair.apply import apply_repair
from packages_app.services.repair.plan import plan_repair
from packages_app.services.verification.verify import verify_repository
from packages_app.signing.openpgp import generate_key
from packages_app.verification.finding import PoolScope
from tests.feeds import Feed
from tests.reader import read_everything
from tests.stack import point_settings_at
from tests.verified import COPY, fill, found

REGION = "eu-central-1"
NOW = timedelta(0)
TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"
OTHER = "pool/main/o/other/other_3.0_arm64.deb"
SETUP = "pool/main/s/setup/setup_1.1_all.deb"
ORPHAN = "pool/main/o/orphan/orphan_1_all.deb"
INDEX = "dists/stable/main/binary-amd64/Packages"


@pytest.fixture
def stack(tmp_path, settings, db, moto):
    name = f"v{uuid.uuid4().hex}"
    stack = point_settings_at(
        settings,
        tmp_path / "home",
        table=DynamoTable(name, REGION, moto),
        bucket=S3Store(name, "apt", REGION, moto, "public-read"),
        staging=S3Store(f"{name}-staging", "", REGION, moto, ""),
    )
    settings.SIGNING_KEY = generate_key("Test archive")
    settings.PUBLIC_URL = f"{moto}/{name}/apt"
    with Feed() as feed:
        fill(stack, feed, tmp_path / "debs")
        yield stack


def verify():
    return verify_repository([], Silent(), pool=PoolScope.ALL, orphan_age=NOW)


def test_what_is_corrupt_in_s3_is_named_and_healed(stack):
    assert verify().findings == ()
    bucket = stack.bucket
    whole = read_everything(bucket, adapters.signer().public_keyring())
    entry = next(key for key, _ in bucket.keys("dists/stable/main/binary-amd64/by-hash/"))
    wrong = {
        ("bad_signature", "dists/stable/InRelease"), ("index_missing", f"{INDEX}.xz"), ("by_hash_differs", entry),
        ("pool_missing", TOOL), ("pool_differs", OTHER), ("pool_differs", SETUP), ("copy_differs", COPY),
        ("root_missing", "index.html"), ("orphan", ORPHAN), ("stray", "dists/old/Release"),
        ("mirror_differs", "mirror: other#3.0 arm64"),
    }  # fmt: skip
    for code, key in wrong - {("copy_differs", COPY)}:
        if code.endswith("missing"):
            bucket.delete(key)
        elif code != "mirror_differs":
            bucket.put(key, b"other bytes")
    bucket.put(COPY, bucket.read(COPY), metadata={"version": "1.0", "package": "setup"})
    Package.objects.filter(package_name="other").delete()
    verification = verify()
    assert found(verification) == wrong
    outcome = apply_repair(plan_repair(verification, Silent()), Silent(), orphan_age=NOW)
    assert (outcome.failed, outcome.verification.findings) == ([], ())
    assert read_everything(bucket, adapters.signer().public_keyring()) == whole
    assert bucket.head(COPY).metadata["version"] == "1.1"
    assert len(list(stack.staging.keys("quarantine/"))) == 2
    assert len(list(stack.staging.keys("swept/"))) == 2


def test_a_bucket_that_clients_may_not_read_is_told_from_a_damaged_one(stack, settings):
    settings.PUBLIC_URL = settings.PUBLIC_URL.removesuffix("/apt") + "/elsewhere"
    findings = verify().findings
    assert {finding.code for finding in findings if finding.where.startswith("pool/")} == {"not_served"}
