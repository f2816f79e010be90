"""Where objects stand, how they are served, and the addresses of stores (R11, P7, P15, P16)."""

from pathlib import Path
from urllib.parse import unquote, unquote_plus, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core import layout
from packages_app.core.errors import SettingsError
from packages_app.core.locations import (
    DynamoTable,
    FolderStore,
    S3Store,
    SqliteTable,
    check_not_served,
    parse_store_url,
    parse_table_url,
)
from packages_app.core.record import PackageRecord
from tests.records import records


@settings(max_examples=100)
@given(records())
def test_p7_pool_paths_follow_debians_scheme(record):
    parts = record.pool_path.split("/")
    letters = 4 if record.package_name.startswith("lib") and len(record.package_name) > 3 else 1
    assert parts[:4] == ["pool", "main", record.package_name[:letters], record.package_name]
    assert parts[4].startswith(f"{record.package_name}_")
    assert ":" not in parts[4]
    assert len(parts) == 5


@pytest.mark.parametrize(
    ("key", "kind", "immutable"),
    [
        ("pool/main/h/hello/hello_1+b~1_amd64.deb", "application/vnd.debian.binary-package", True),
        ("kiro-repo.deb", "application/vnd.debian.binary-package", False),
        ("dists/stable/main/binary-amd64/Packages", "text/plain; charset=utf-8", False),
        ("dists/stable/main/binary-amd64/Packages.gz", "application/gzip", False),
        ("dists/stable/main/binary-amd64/Packages.xz", "application/x-xz", False),
        ("dists/stable/main/binary-amd64/by-hash/SHA256/00ff", "application/octet-stream", True),
        ("dists/stable/InRelease", "text/plain; charset=utf-8", False),
        ("dists/stable/Release.gpg", "application/pgp-signature", False),
        ("index.html", "text/html; charset=utf-8", False),
    ],
)
def test_p15_p16_every_key_has_its_type_and_cache_class(key, kind, immutable):
    assert layout.content_type(key) == kind
    assert ("immutable" in layout.cache_control(key)) is immutable
    assert "no-transform" in layout.cache_control(key)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_public_address_leads_to_its_key_whether_a_server_reads_a_plus_sign_as_one_or_as_a_space(key):
    path = urlsplit(layout.public_address("https://apt.example.org/debian/", key)).path
    assert unquote(path) == unquote_plus(path) == f"/debian/{key}"


def test_a_public_address_leaves_what_rfc_3986_lets_stand_but_for_the_plus_sign():
    address = layout.public_address("https://apt.example.org", "pool/main/g/g++/g++_1:2.0~rc1_amd64.deb")
    assert address == "https://apt.example.org/pool/main/g/g%2B%2B/g%2B%2B_1:2.0~rc1_amd64.deb"


def test_addresses_are_read():
    assert parse_table_url("T", "sqlite:///var/x.sqlite3") == SqliteTable(path_of("/var/x.sqlite3"))
    table = parse_table_url("T", "dynamodb://packages?region=eu-central-1&endpoint=http://127.0.0.1:1")
    assert table == DynamoTable("packages", "eu-central-1", "http://127.0.0.1:1")
    assert parse_store_url("B", "file:///srv/apt") == FolderStore(path_of("/srv/apt"))
    store = parse_store_url("B", "s3://bucket/a/b/?region=x&acl=public-read")
    assert store == S3Store("bucket", "a/b", "x", "", "public-read")


def path_of(text):
    return Path(text)


@pytest.mark.parametrize(
    "url",
    ["", "packages", "sqlite:x", "sqlite://host/x", "sqlite:///", "dynamodb://", "dynamodb://t?colour=red",
     "dynamodb://t?endpoint=ftp://x", "mysql://x/y"],
)  # fmt: skip
def test_a_table_address_that_makes_no_sense_is_refused_by_the_settings_name(url):
    with pytest.raises(SettingsError, match="PACKAGE_TABLE_URL"):
        parse_table_url("PACKAGE_TABLE_URL", url)


@pytest.mark.parametrize(
    "url", ["s3://", "s3://b?acl=everybody", "file://relative/x", "https://b", "s3://b?x=1", "http://["]
)
def test_a_store_address_that_makes_no_sense_is_refused_by_the_settings_name(url):
    with pytest.raises(SettingsError, match="BUCKET_URL"):
        parse_store_url("BUCKET_URL", url)


@pytest.mark.parametrize("bucket", ["home", "home/staging", "home/db", "link", "."])
def test_a_bucket_that_would_serve_what_is_private_is_refused(tmp_path, bucket):
    (tmp_path / "home" / "db").mkdir(parents=True)
    (tmp_path / "link").symlink_to("home")
    private = {
        "STAGING_URL": tmp_path / "home" / "staging",
        "DATABASE_URL": str(tmp_path / "home" / "db" / "x.sqlite3"),
    }
    with pytest.raises(SettingsError, match="BUCKET_URL") as refused:
        check_not_served(FolderStore(tmp_path / bucket), private)
    assert any(name in refused.value.message for name in private)


def test_a_bucket_beside_what_is_private_is_none_of_it(tmp_path):
    private = {"REPOMGR_HOME": tmp_path, "STAGING_URL": tmp_path / "bucket-staging"}
    check_not_served(FolderStore(tmp_path / "bucket"), private)
    check_not_served(S3Store("bucket", "", "", "", ""), private)


@settings(max_examples=100)
@given(records(incomplete=True))
def test_p2_a_record_keeps_every_field_as_plain_values(record):
    assert PackageRecord.from_dict(record.as_dict()) == record
    wanted = (
        "package_id package_name version architecture section priority maintainer homepage description depends deb_url "
        "actual_filename file_size md5_hash sha1_hash sha256_hash certificate_url signature_url notes pub_date "
        "processed_timestamp package_type control component suites"
    )
    assert set(wanted.split()) <= set(record.as_dict())
