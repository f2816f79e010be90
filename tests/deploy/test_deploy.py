"""What is under deploy/, and the compose file: as strict as they say, and enough for the product's own work."""

import json
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import yaml
from docker.utils.build import PatternMatcher

from packages_app.package_table.dynamo_item import SHAPE
from packages_app.services.setup.storage import root_files
from packages_app.stores.public_read import public_read_policy
from tests.deploy.policies import TABLE, Need, granted
from tests.stack import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
IGNORED = REPOSITORY / ".dockerignore"
S3_SECRETS = (
    "S3_ROOT_ACCESS_KEY", "S3_ROOT_SECRET_KEY", "S3_WEB_SECRET", "S3_WORKER_SECRET", "S3_PUBLISHER_SECRET",
    "S3_SWEEPER_SECRET",
)  # fmt: skip


ROOT_FILES = ["index.html", "kiro-repo.deb", "kiro-archive-keyring.gpg"]
# A script of deploy/, which is no package.
_specification = spec_from_file_location("s3_rights", DEPLOY / "s3_rights.py")
s3_rights = module_from_spec(_specification)
_specification.loader.exec_module(s3_rights)


def template(name, **values):
    text, values = (DEPLOY / name).read_text(), {"keyring": "kiro-archive-keyring", "bootstrap": "kiro-repo", **values}
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text))


@pytest.fixture
def compose():
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())


def test_the_bucket_policy_is_the_one_that_the_product_sets(embedded):
    assert template("bucket-policy.json", bucket="apt") == public_read_policy("apt", "", root_files())
    assert "arn:aws:s3:::apt/debian/pool/*" in str(public_read_policy("apt", "debian", []))


def allowed(policy, action, key):
    """Say what a policy of Allow statements says of an anonymous request: `*` spans slashes, as in AWS."""
    return any(
        action == statement["Action"]
        and any(
            re.fullmatch(re.escape(r).replace(r"\*", ".*"), f"arn:aws:s3:::apt{key}") for r in statement["Resource"]
        )
        for statement in policy["Statement"]
    )


@pytest.mark.parametrize(
    ("key", "public"),
    [
        ("/dists/stable/InRelease", True), ("/dists/stable/main/binary-amd64/by-hash/SHA256/0", True),
        ("/pool/main/k/kiro/kiro_1.0_amd64.deb", True), ("/index.html", True), ("/kiro-repo.deb", True),
        ("/kiro-archive-keyring.gpg", True),
        ("/staging/uploads/x/kiro_1.0_amd64.deb", False), ("/staging/kiro-repo.deb", False),
        ("/staging/dists/x", False), ("/quarantine/x.deb", False), ("/other.deb", False), ("/probe-1", False),
        ("/signing-key.asc", False), ("", False), ("/", False),
    ],
)  # fmt: skip
def test_only_what_clients_need_is_public(key, public):
    policy = template("bucket-policy.json", bucket="apt")
    assert allowed(policy, "s3:GetObject", key) is public
    for action in ("s3:ListBucket", "s3:PutObject", "s3:DeleteObject"):
        assert not allowed(policy, action, key)


def test_every_service_has_a_health_check_and_volumes_keep_the_data(compose):
    unchecked = [name for name, service in compose["services"].items() if "healthcheck" not in service]
    assert unchecked == ["web"]  # it has the image's
    assert "HEALTHCHECK" in (REPOSITORY / "Dockerfile").read_text()
    mounts = [volume for service in compose["services"].values() for volume in service.get("volumes", ())]
    named = {mount.partition(":")[0] for mount in mounts}
    assert set(compose["volumes"]) <= named
    assert {"web", "worker", "publisher", "sweeper", "beat", "postgres", "redis", "dynamodb", "s3"} <= set(
        compose["services"]
    )


def test_the_compose_file_holds_no_secret_and_says_which_one_is_missing(compose):
    text = (REPOSITORY / "docker-compose.yml").read_text()
    example = (DEPLOY / "compose.env.example").read_text()
    names = set(re.findall(r"\$\{(\w+):\?", text))
    assert {"SECRET_KEY", "POSTGRES_PASSWORD", *S3_SECRETS, "SIGNING_KEY_PATH"} <= names
    for name in names:
        assert re.search(rf"^{name}=", example, re.MULTILINE), name
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", *S3_SECRETS, "SIGNING_KEY_PATH"):
        assert re.search(rf"^{name}=$", example, re.MULTILINE), name
    for service in compose["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if value and re.search(r"PASSWORD|SECRET|ACCESS_KEY|TOKEN", name):
                assert value.startswith(("${", "repomgr-")), name
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(ports) == {"web", "s3"}
    assert ports["web"][0].startswith("127.0.0.1:")


def test_processes_have_no_capability_and_write_to_their_volume_alone(compose):
    ours = [name for name, service in compose["services"].items() if service.get("image") == "repomgr"]
    assert {"s3-rights", "first-start", "web", "worker", "publisher", "sweeper", "beat"} == set(ours)
    for name, service in compose["services"].items():
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name
    writable = {name for name, service in compose["services"].items() if not service.get("read_only")}
    capable = {name for name, service in compose["services"].items() if service.get("cap_add")}
    assert (writable, capable) == ({"dynamodb"}, {"postgres", "dynamodb"})


def test_each_process_of_the_compose_file_has_the_secrets_that_it_has_a_use_for(compose):
    held = {}
    for name, service in compose["services"].items():
        given = {key for key, value in (service.get("environment") or {}).items() if value}
        held[name] = {
            key for key in given if re.search(r"PASSWORD|SECRET|ACCESS_KEY|TOKENS?$|SIGNING|NOTIFY_URLS", key)
        }
        assert ("signing_key" in service.get("secrets", ())) is (
            name in ("first-start", "worker", "publisher", "sweeper")
        ), name
    signs = {"SIGNING_KEY_FILE", "SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NOTIFY_URLS"}
    assert held["beat"] == set()
    assert held["web"] == signs - {"SIGNING_KEY_FILE"} | {"METRICS_TOKEN"}
    assert held["publisher"] == held["sweeper"] == signs
    assert held["worker"] == held["first-start"] == {*signs, "GITHUB_TOKEN", "SOURCE_TOKENS"}
    environment = {name: service.get("environment") or {} for name, service in compose["services"].items()}
    accounts = {
        name: environment[name].get("AWS_ACCESS_KEY_ID")
        for name in ("first-start", "web", "worker", "publisher", "sweeper")
    }
    assert accounts == {
        "first-start": "repomgr-worker", "web": "repomgr-web", "worker": "repomgr-worker",
        "publisher": "repomgr-publisher", "sweeper": "repomgr-sweeper",
    }  # fmt: skip
    root = {name for name, values in environment.items() if "S3_ROOT" in str(values)}
    assert root == {"s3", "s3-accounts", "s3-rights"}
    for process in s3_rights.PROCESSES:
        assert f"account {s3_rights.account_of(process)} " in str(compose["services"]["s3-accounts"]["entrypoint"])


def in_two_buckets(need):
    """What a right on one bucket with a folder for staging is, where staging is a bucket of its own."""
    return Need(need.action, need.resource.replace(":::apt/staging/", ":::apt-staging/"))


@pytest.mark.parametrize("process", s3_rights.PROCESSES)
def test_an_account_of_an_s3_server_may_do_what_the_role_of_its_process_may_on_aws(process):
    role = template(f"iam-policy-{process}.json", bucket="apt", table_arn=TABLE)
    buckets = s3_rights.policies("apt", "apt-staging")
    keys = (
        "dists/stable/InRelease", "dists/stable/main/x", "pool/main/t/tool.deb", "index.html", "kiro-repo.deb",
        "kiro-archive-keyring.gpg", "probe-1", "other", "staging/uploads/1/x.deb", "staging/publications/s/1.json",
        "staging/releases/stable/x", "staging/shards/stable/x", "staging/quarantine/x", "staging/probe-1",
        "staging/contents/stable/x",
    )  # fmt: skip
    actions = ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "PutBucketPolicy", "PutObjectAcl")
    needs = [Need(f"s3:{action}", f"arn:aws:s3:::apt/{key}") for action in actions for key in keys]
    needs += [Need(f"s3:{action}", "arn:aws:s3:::apt") for action in ("ListBucket", "PutBucketPolicy", "DeleteBucket")]
    for need in needs:
        there = in_two_buckets(need)
        policy = buckets[there.resource.partition(":::")[2].partition("/")[0]]
        account = s3_rights.account_of(process)
        # moto's judge knows no account: what is not this one's is left out here.
        own = [{**one, "Principal": "*"} for one in policy["Statement"] if one["Principal"] == account]
        assert granted({**policy, "Statement": own}, there) is granted(role, need), need


def test_everybody_reads_of_an_s3_server_what_clients_need_and_nothing_of_staging():
    buckets = s3_rights.policies("apt", "apt-staging")
    public = {name: [one for one in made["Statement"] if one["Principal"] == "*"] for name, made in buckets.items()}
    assert public == {"apt": public_read_policy("apt", "", ROOT_FILES)["Statement"], "apt-staging": []}


def test_redis_has_a_password_and_no_port_is_open_to_others(compose):
    assert "--requirepass" in str(compose["services"]["redis"]["command"])
    assert compose["services"]["web"]["environment"]["BROKER_URL"].startswith("redis://:${REDIS_PASSWORD:?")
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert len(ports) == 2


def of_the_image(checkout):
    """The files of a checkout that `COPY . .` takes, by .dockerignore as Docker's own client for Python reads it."""
    ignored = PatternMatcher([line for line in IGNORED.read_text().splitlines() if line and not line.startswith("#")])
    paths = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    return {path for path in paths if not ignored.matches(path)}


@pytest.fixture
def checkout(tmp_path):
    """A folder with a file for each that git knows, as a checkout has them."""
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for path in tracked.splitlines():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def test_the_image_has_what_it_needs_of_a_checkout_and_no_more(checkout):
    needed = {"manage.py", "pyproject.toml", "README.md", "requirements-saml.lock"}
    for name in ("packages_app", "repomgr", "repomgr_client", "templates", "config"):
        needed |= {str(path.relative_to(checkout)) for path in (checkout / name).rglob("*") if path.is_file()}
    assert of_the_image(checkout) - {".dockerignore"} == needed  # that one is sent, so that the server knows it too


@pytest.mark.parametrize("folder", ["", "packages_app/", "repomgr/servers/", "templates/kiro-repo/", "config/", "new/"])
def test_no_secret_of_a_checkout_goes_into_the_image(checkout, folder):
    before = of_the_image(checkout)
    for name in (
        ".env", ".env.prod", "prod.env", "compose.env", "repomgr.env", "key.asc", "private.pem", "b.key", "x.gpg",
        "secret-key", "signing-key.asc", "signing-key.yaml", "my-signing-key", "id_ed25519", "a.sqlite3",
        "prod.tfstate", "prod.tfstate.backup", "terraform.tfvars", "backup.tar.gz", "credentials", "words.txt",
        ".aws/credentials", ".ssh/id_rsa", ".gnupg/secring.gpg", "var/secret-key", ".hidden.py", ".secrets/key.py",
    ):  # fmt: skip
        path = checkout / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert of_the_image(checkout) == before


def test_terraform_makes_the_table_and_names_the_outputs_that_the_commands_read():
    text = "".join(path.read_text() for path in sorted((DEPLOY / "terraform").glob("*.tf")))
    outputs = set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))
    assert {"s3_bucket_name", "dynamodb_table_name", "repo_url", "website_endpoint", "aws_region"} <= outputs
    table = text[text.index('resource "aws_dynamodb_table"') :]
    [index] = SHAPE.indexes
    for role, name in zip(("hash_key", "range_key"), SHAPE.keys, strict=True):
        assert re.search(rf'^  {role} +\= "{name}"$', table, re.MULTILINE)
    assert re.search(
        rf'name +\= "{index["IndexName"]}"\n +hash_key +\= "package_name"\n +range_key +\= "version_key"', table
    )
    assert re.search(r"point_in_time_recovery \{\n +enabled = true", table)
    assert re.search(r"server_side_encryption \{\n +enabled = true", table)
    for policy in ("bucket-policy.json", "iam-policy-${each.key}.json"):
        assert f'templatefile("${{path.module}}/../{policy}"' in text
    [processes] = re.findall(r"processes = toset\((.+)\)", text)
    assert {f"iam-policy-{name}.json" for name in json.loads(processes)} | {"iam-policy-migration.json"} == {
        path.name for path in DEPLOY.glob("iam-policy-*.json")
    }


def test_check_deploy_is_clean(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "REPOMGR_HOME": str(tmp_path),
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "BEHIND_HTTPS": "true",
        "ALLOWED_HOSTS": "repomgr.example.org",
    }
    command = [sys.executable, str(REPOSITORY / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_health_is_answered_whatever_the_name_and_without_https(client, settings, db):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["repomgr.example.org"]
    assert client.get("/healthz", headers={"host": "10.0.0.7"}).json() == {"status": "ok"}
    assert client.get("/admin/", headers={"host": "10.0.0.7"}).status_code == 400
    assert client.get("/admin/", headers={"host": "repomgr.example.org"}).status_code == 301


def test_a_process_is_started_alone_by_its_name(tmp_path):
    environment = {**os.environ, "REPOMGR_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "repomgr.processes", "wbe"]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    [said] = done.stderr.splitlines()
    assert re.findall(r"\b(?:wbe|web|worker1|publisher|beat)\b", said) == ["wbe", "web", "worker1", "publisher", "beat"]
