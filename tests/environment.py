"""The environment of a test process: a home of its own, and no address of the machine's.

A plugin that pytest loads before all others (`-p` in pyproject.toml), since pytest-django reads the settings early.
"""

import atexit
import os
import shutil
import sys
import tempfile

_SETTINGS = {
    "DATABASE_URL", "PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL", "STAGING_UPLOAD_URL", "BROKER_URL", "PUBLIC_URL",
    "SIGNING_KEY", "SIGNING_CERTIFICATE",
    "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "REPOMGR_CONFIG", "SWEEP_GENERATIONS", "SWEEP_DAYS", "GITHUB_TOKEN",
    "PRIVATE_UPSTREAMS", "LOGIN_ATTEMPTS", "NOTIFY_URLS", "NOTIFY_KINDS", "ADMIN_URL", "VERIFY_SAMPLE", "APT_CHECK",
    "LEASE_SECONDS", "SILENT_SECONDS", "GITHUB_TOKEN_HOST", "SHARD_CACHE_URL", "REPOMGR_SETTINGS", "LOG_FORMAT",
    "LOG_LEVEL", "WITHHELD", "SOURCE_TOKENS", "ARCHIVES", "FRESH_MINUTES", "SECOND_FACTOR", "SIGN_IN_OIDC_ISSUER",
    "SIGN_IN_OIDC_CLIENT_ID", "SIGN_IN_OIDC_CLIENT_SECRET", "SIGN_IN_OIDC_GROUPS", "SIGN_IN_PASSWORDS",
    "SIGN_IN_SAML_METADATA", "SIGN_IN_SAML_GROUPS",
    "AUDIT_KEPT_DAYS", "AUDIT_EXPORT_URL", "METRICS_TOKEN", "API_REQUESTS_A_MINUTE", "API_REFUSED_TOKENS_A_MINUTE",
    "API_UPLOADS_AT_ONCE", "DPUT_SIGNATURES",
}  # fmt: skip
for _name in list(os.environ):
    if _name.removesuffix("_FILE") in _SETTINGS:
        del os.environ[_name]
# All tests ask from one address, and some by one token: those of the limits lower them.
os.environ.update({"API_REQUESTS_A_MINUTE": "1000000", "API_REFUSED_TOKENS_A_MINUTE": "1000000"})
if "TEST_DATABASE_URL" in os.environ:  # a PostgreSQL in place of SQLite (tests/postgresql.py)
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
_home = tempfile.mkdtemp(prefix="repomgr-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["REPOMGR_HOME"] = _home
os.mkdir(os.path.join(_home, "static"))  # a home that was started
os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
# Compiled once, our modules need not be again by each process of the product, nor the tests' by each that runs them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
