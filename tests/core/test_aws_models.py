"""Sessions of botocore and boto3 use what an earlier session has read, and go where AWS_DATA_PATH leads."""

import json

import boto3
import botocore.session
import pytest
from botocore.config import Config

from packages_app.core.aws_models import share_models

share_models()


def models_of(session, service):
    return session.get_component("data_loader").load_service_model(service, "service-2")


def test_a_session_reads_no_description_that_another_has_read():
    one, other = botocore.session.get_session(), botocore.session.get_session()
    for service in ("s3", "dynamodb"):
        assert models_of(one, service) is models_of(other, service)


def test_boto3_finds_its_own_descriptions_and_its_folder_is_not_added_again_and_again():
    before = [*botocore.session.get_session().get_component("data_loader").search_paths]
    for _ in range(2):
        assert boto3.Session().resource("s3", region_name="eu-central-1").meta.service_name == "s3"
    assert botocore.session.get_session().get_component("data_loader").search_paths == before


def test_a_folder_of_the_operator_is_heeded(tmp_path, monkeypatch):
    (tmp_path / "ours" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "ours" / "2026-01-01" / "service-2.json").write_text(json.dumps({"metadata": {"serviceId": "ours"}}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert models_of(botocore.session.get_session(), "ours")["metadata"] == {"serviceId": "ours"}


class Sent(Exception):
    """What a client was about to send."""


def test_a_request_says_in_a_word_who_asks_and_a_clients_own_settings_stay():
    def stop(request, **_rest):
        raise Sent(request.headers["User-Agent"])

    client = boto3.Session("x", "y").client("s3", region_name="eu-central-1", config=Config(connect_timeout=7))
    client.meta.events.register("before-send.*", stop)
    with pytest.raises(Sent, match=r"^b'repomgr Botocore/[0-9.]+'$"):
        client.list_buckets()
    assert client.meta.config.connect_timeout == 7
