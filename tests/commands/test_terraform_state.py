"""Reading an environment from Terraform: the real terraform where there is one, a program in its place, or the file."""

import json
import os
import re

import pytest

from packages_app.core.errors import EnvironmentRefused
from packages_app.management.terraform_state import Environment, read_environment

OUTPUTS = {"s3_bucket_name": "apt-dev", "dynamodb_table_name": "packages-dev", "repo_url": "https://apt.example.org/"}


def state_of(outputs):
    values = {name: {"value": value, "type": "string"} for name, value in outputs.items()}
    return json.dumps({"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "x", "outputs": values})


@pytest.fixture
def without_terraform(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def terraform(without_terraform):
    """Put a program named terraform on the path: gives what sets its answer."""

    def answers(stdout, code=0, stderr=""):
        program = without_terraform / "bin" / "terraform"
        program.write_text(
            f"#!{os.sys.executable}\nimport os, sys\n"
            f"open({str(without_terraform / 'asked')!r}, 'w').write(' '.join(sys.argv[1:]) + ' ' + "
            f"os.environ.get('TF_WORKSPACE', ''))\n"
            f"sys.stdout.write({stdout!r}); sys.stderr.write({stderr!r}); sys.exit({code})\n"
        )
        program.chmod(0o755)

    return answers


def refused(folder, name="dev"):
    with pytest.raises(EnvironmentRefused) as said:
        read_environment(folder, name)
    assert said.value.code == "bad_environment"
    return said.value.message


def test_the_state_file_is_read_where_there_is_no_terraform(without_terraform):
    (without_terraform / "dev.tfstate").write_text(state_of(OUTPUTS))
    expected = Environment("dev", "apt-dev", "packages-dev", "https://apt.example.org", "")
    assert read_environment(without_terraform, "dev") == expected


def test_whichever_terraform_is_installed_gives_the_same(tmp_path):
    (tmp_path / "prod.tfstate").write_text(state_of({**OUTPUTS, "aws_region": "eu-central-1"}))
    assert read_environment(tmp_path, "prod").region == "eu-central-1"


def test_terraform_is_asked_for_the_workspace(terraform, without_terraform):
    values = {name: {"value": value} for name, value in OUTPUTS.items()}
    terraform("Warning: something\n" + json.dumps(values))
    assert read_environment(without_terraform, "staging").bucket == "apt-dev"
    assert (without_terraform / "asked").read_text() == "output -json -no-color staging"


def test_the_address_falls_back_to_the_website_and_then_to_the_bucket(without_terraform):
    state = without_terraform / "dev.tfstate"
    without_url = {name: value for name, value in OUTPUTS.items() if name != "repo_url"}
    state.write_text(state_of({**without_url, "website_endpoint": "apt-dev.s3-website.example.org"}))
    assert read_environment(without_terraform, "dev").repository_url == "http://apt-dev.s3-website.example.org"
    state.write_text(state_of({**without_url, "aws_region": "eu-central-1"}))
    address = "https://apt-dev.s3.eu-central-1.amazonaws.com"
    assert read_environment(without_terraform, "dev").repository_url == address
    state.write_text(state_of(without_url))
    assert read_environment(without_terraform, "dev").repository_url == "https://apt-dev.s3.amazonaws.com"


def test_every_fault_is_named(without_terraform):
    state = without_terraform / "dev.tfstate"
    said = refused(without_terraform / "absent")
    assert str(without_terraform / "absent") in said
    assert state.name not in said
    assert str(state) in refused(without_terraform)
    for body, named in ((b'{"outputs": ', "JSON"), (b"\xff\xfe", "utf-8"), (b'{"version": 4}', "outputs")):
        state.write_bytes(body)
        said = refused(without_terraform)
        assert str(state) in said
        assert named in said
    for outputs, missing in (
        ({}, {"s3_bucket_name", "dynamodb_table_name"}),
        ({**OUTPUTS, "dynamodb_table_name": 7}, {"dynamodb_table_name"}),
    ):
        state.write_text(state_of(outputs))
        assert set(re.findall(r"\w+", refused(without_terraform))) & OUTPUTS.keys() == missing
    state.write_text(state_of({**OUTPUTS, "repo_url": "apt.example.org"}))
    assert "'apt.example.org'" in refused(without_terraform)


def test_what_terraform_says_of_a_fault_is_passed_on(terraform, without_terraform):
    terraform("", code=1, stderr="Error: Backend initialization required")
    assert "Backend initialization required" in refused(without_terraform)
    (without_terraform / "dev.tfstate").write_text(state_of(OUTPUTS))
    assert read_environment(without_terraform, "dev").bucket == "apt-dev"
