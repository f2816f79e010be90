"""ARCHIVES: what each archive has of its own, and what is refused."""

import re
from dataclasses import replace

import pytest

from packages_app.core.errors import SettingsError
from packages_app.core.locations import DynamoTable, FolderStore, S3Store, SqliteTable
from packages_app.services.archives import present_archive
from repomgr.archives import read_archives

ON_AWS = "PACKAGE_TABLE_URL: dynamodb://acme, BUCKET_URL: s3://acme/apt, STAGING_URL: s3://acme/staging, PUBLIC_URL: "


def test_an_archive_has_what_is_said_and_else_what_lies_in_its_folder(settings, tmp_path):
    standing = replace(present_archive(), public_url="https://apt.example.org", admin_url="https://example.org/admin")
    assert read_archives("", standing, ()) == {"default": None}
    (tmp_path / "key").write_text("the key\n")
    text = f"default:\nacme: {{}}\nbeta: {{{ON_AWS}'https://b.example.org/', SIGNING_KEY_FILE: {tmp_path}/key,"
    text += " STAGING_UPLOAD_URL: 'https://s3.example.org'}"
    found = read_archives(text, standing, ())
    assert list(found) == ["default", "acme", "beta"]
    assert found["default"] is None
    acme, beta = found["acme"], found["beta"]
    home = standing.home / "archives" / "acme"
    assert (acme.home, acme.config_dir, acme.signing_key_file) == (home, home / "config", home / "signing-key.asc")
    assert (acme.table, acme.bucket) == (SqliteTable(home / "package_table.sqlite3"), FolderStore(home / "bucket"))
    assert (acme.embedded, acme.public_url) == (True, "https://apt.example.org/acme")
    assert acme.admin_url == "https://example.org/archives/acme/admin"
    assert (beta.table, beta.bucket) == (DynamoTable("acme", "", ""), S3Store("acme", "apt", "", "", ""))
    assert (acme.staging_upload_url, beta.staging_upload_url) == ("", "https://s3.example.org")
    assert (beta.embedded, beta.public_url, beta.signing_key) == (False, "https://b.example.org", "the key")
    (tmp_path / "key").unlink()
    assert read_archives(text, standing, ("SIGNING_KEY",))["beta"].signing_key == ""


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("- acme", "1: (file)"),
        ("acme: [", "1: (file)"),
        ("{}", "1: (file)"),
        ("Acme: {}\npool: {}\ndists: {}\nsnapshots: {}", "1: Acme, 2: pool, 3: dists, 4: snapshots"),
        ("acme: text\nbeta: {NAME: x, BUCKET_URL: 7}", "1: acme, 2: beta.BUCKET_URL, 2: beta.NAME"),
        ("default: {PUBLIC_URL: 'https://example.org'}", "1: default.PUBLIC_URL"),
        ("acme: {PUBLIC_URL: 'ftp://example.org', ADMIN_URL: x}", "1: acme.ADMIN_URL, 1: acme.PUBLIC_URL"),
        ("acme: {BUCKET_URL: 'ftp://x', PACKAGE_TABLE_URL: x}", "1: acme.BUCKET_URL, 1: acme.PACKAGE_TABLE_URL"),
        ("acme: {REPOMGR_CONFIG: here}", "1: acme.REPOMGR_CONFIG"),
        ("acme: {SIGNING_KEY_FILE: /nowhere/at/all}", "1: acme.SIGNING_KEY_FILE"),
        ("acme: {SIGNING_KEY: '-----BEGIN PGP'}", "1: acme.SIGNING_KEY"),
        ("acme: {SIGNING_KEY: 'gpg:x', SIGNING_KEY_FILE: /dev/null}", "1: acme.SIGNING_KEY"),
        ("acme: {BUCKET_URL: 's3://acme'}", "1: acme.PUBLIC_URL"),
        ("acme: {BUCKET_URL: 'file:///a/b'}\nbeta: {STAGING_URL: 'file:///a/b/c'}", "1: (file)"),
        ("acme: {STAGING_URL: 'file:///a/b'}\nbeta: {STAGING_URL: 'file:///a/b'}", "1: (file)"),
        ("acme: {PUBLIC_URL: 'https://example.org'}\nbeta: {PUBLIC_URL: 'https://example.org/'}", "1: (file)"),
        (f"acme: {{{ON_AWS}'https://a.org'}}\nbeta: {{{ON_AWS}'https://b.org'}}", "1: (file), 1: (file), 1: (file)"),
        ("acme: {STAGING_UPLOAD_URL: 'https://s3.example.org'}", "1: acme.STAGING_UPLOAD_URL"),  # of a folder
        (f"acme: {{{ON_AWS}'https://example.org', STAGING_UPLOAD_URL: 'https://s3.example.org/acme'}}",
         "1: acme.STAGING_UPLOAD_URL"),
        (f"acme: {{{ON_AWS}'https://example.org', STAGING_UPLOAD_URL: s3.example.org}}",
         "1: acme.STAGING_UPLOAD_URL"),
    ],
)  # fmt: skip
def test_what_makes_no_archives_is_refused_each_fault_with_its_line_and_remedy(text, faults):
    with pytest.raises(SettingsError) as refused:
        read_archives(text, present_archive(), ())
    found = re.findall(r"^ARCHIVES:(\d+: \S+): .* Remedy: \S.*$", refused.value.message, re.MULTILINE)
    assert ", ".join(found) == faults


def test_beside_stores_on_servers_an_archive_names_its_own():
    standing = replace(present_archive(), table=DynamoTable("kiro", "", ""), bucket=S3Store("kiro", "", "", "", ""))
    for text, lacks in (("acme: {}", "PACKAGE_TABLE_URL"), ("acme: {PACKAGE_TABLE_URL: 'dynamodb://a'}", "BUCKET_URL")):
        with pytest.raises(SettingsError) as refused:
            read_archives(text, standing, ())
        assert lacks in refused.value.message
    inside = "{PACKAGE_TABLE_URL: 'dynamodb://a', BUCKET_URL: 's3://kiro/acme', PUBLIC_URL: 'https://a.example.org'}"
    with pytest.raises(SettingsError):
        read_archives(f"default:\nacme: {inside}", standing, ())
