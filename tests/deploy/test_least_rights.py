"""The policies of processes are enough for their work, and for no more, by a server that enforces them."""

import json

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from packages_app.core.errors import StoreMissing
from packages_app.core.locations import DynamoTable, S3Store
from packages_app.core.ports import Silent
from packages_app.core.suite_change import RemovalRefused
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.purge import do_purge, request_purge
from packages_app.services.setup.storage import create_storage
from packages_app.signing.openpgp import generate_key
from repomgr.servers.start import moto_server
from tests.debs import build_deb
from tests.deploy.test_deploy import template
from tests.reader import read_everything
from tests.stack import point_settings_at

REGION = "eu-central-1"


@pytest.fixture
def strict_moto(tmp_path, settings, monkeypatch, db):
    """A moto of its own that enforces policies, with a bucket and a table; everything is done with a worker's rights.

    Gives the stack, moto's address, and what takes the rights of another process.
    """
    with moto_server() as endpoint:
        options = {"endpoint_url": endpoint, "region_name": REGION}
        table = DynamoTable("packages", REGION, endpoint)
        stack = point_settings_at(
            settings, tmp_path, table=table, bucket=S3Store("apt", "", REGION, endpoint, ""),
            staging=S3Store("apt", "staging", REGION, endpoint, ""),
        )  # fmt: skip
        create_storage(Silent(), public=True)
        settings.SIGNING_KEY = generate_key("Test archive")
        iam = boto3.client("iam", **options)
        keys = {process: user_with_rights_of(process, iam) for process in ("worker", "sweeper")}
        httpx.post(f"{endpoint}/moto-api/reset-auth", content="0")

        def become(process):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[process]["AccessKeyId"])
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[process]["SecretAccessKey"])
            boto3.setup_default_session()
            adapters._table.cache_clear()
            adapters._documents.cache_clear()
            adapters._configuration.cache_clear()
            adapters._store.cache_clear()
            adapters._documents.cache_clear()
            adapters._configuration.cache_clear()

        become("worker")
        yield stack, endpoint, become
        boto3.DEFAULT_SESSION = None


def user_with_rights_of(process, iam):
    """Make a user with the policy of a process; gives its access key."""
    iam.create_user(UserName=process)
    # moto asks for rights on any table, never on one: of the table's statement the actions are tried here.
    policy = template(f"iam-policy-{process}.json", bucket="apt", table_arn="of the table")
    statements = {statement["Sid"]: statement for statement in policy["Statement"]}
    for name in ("PackageTable", "LinesOfLists"):
        statements[name]["Resource"] = "*"
    # AWS asks a transaction for the rights of its parts, and lets s3:ListBucket do for HeadBucket (its API
    # references); moto has rights of their own for both.
    statements["PackageTable"]["Action"].append("dynamodb:TransactWriteItems")
    statements["BucketIsThere"]["Action"].append("s3:HeadBucket")
    iam.put_user_policy(UserName=process, PolicyName="repository", PolicyDocument=json.dumps(policy))
    return iam.create_access_key(UserName=process)["AccessKey"]


def test_the_least_rights_are_enough_for_the_work_and_for_no_more(strict_moto, tmp_path):
    stack, endpoint, _ = strict_moto
    stack.define_uploads("tool")
    stage_upload(build_deb(tmp_path, "tool", "1.0"), "tool_1.0_amd64.deb", wake_worker=False)
    assert [(ended.state, ended.error) for ended in stack.run_jobs()] == [("done", ""), ("done", "")]
    assert {key[0] for key in read_everything(stack.bucket, adapters.signer().public_keyring())} == {"tool"}
    assert stack.table.newest_of("tool").version == "1.0"
    assert list(stack.table.get_many([("tool#1.0", "amd64")]))
    assert "can be written" in stack.bucket.probe()
    assert stack.table.probe()
    with pytest.raises(StoreMissing, match="refused"):
        stack.bucket.delete("pool/main/t/tool/tool_1.0_amd64.deb")
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION).delete_table(TableName="packages")
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("s3", endpoint_url=endpoint, region_name=REGION).delete_bucket(Bucket="apt")


def test_a_purge_with_a_workers_rights_is_refused_before_anything_and_done_with_those_of_the_sweeper(
    strict_moto, tmp_path
):
    stack, _, become = strict_moto
    stack.define_uploads("tool")
    for version in ("1.0", "2.0"):
        deb = build_deb(tmp_path, "tool", version)
        stage_upload(deb, deb.name, wake_worker=False)
    assert {ended.state for ended in stack.run_jobs()} == {"done"}
    before, key = stack.dists(), [("tool#2.0", "amd64")]
    job = request_purge(key, "a key is in it", "tool", wake_worker=False)
    with pytest.raises(RemovalRefused) as refused:
        do_purge(job, Silent())
    assert "iam-policy-sweeper.json" in refused.value.remedy
    assert (stack.dists(), stack.table.get("tool", "2.0", "amd64").suites) == (before, ("stable",))
    become("sweeper")
    do_purge(job, Silent())
    assert stack.table.look_up(key)[1]
    assert [key for key, _ in stack.bucket.keys("pool/")] == ["pool/main/t/tool/tool_1.0_amd64.deb"]
    read = read_everything(stack.bucket, adapters.signer().public_keyring())
    assert {version for _, version, _ in read} == {"1.0"}
