"""What every test shares: settings in a temporary home, so that nothing is read or left elsewhere."""

import atexit
import os
import shutil
import tempfile

# Before Django reads its settings: this test process has a home of its own and no address of the machine's.
for _name in list(os.environ):
    if _name.removesuffix("_FILE") in {
        "DATABASE_URL", "PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL", "BROKER_URL", "PUBLIC_URL", "SIGNING_KEY",
        "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "REPOMGR_CONFIG",
        "GITHUB_TOKEN",
    }:  # fmt: skip
        del os.environ[_name]
_home = tempfile.mkdtemp(prefix="repomgr-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["REPOMGR_HOME"] = _home
os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"

from hypothesis import HealthCheck  # noqa: E402 - after the settings above
from hypothesis import settings as hypothesis_settings  # noqa: E402

# Nothing here asserts on time, and the machine may be busy.
hypothesis_settings.register_profile(
    "repomgr",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
hypothesis_settings.load_profile("repomgr")

pytest_plugins = ["tests.servers", "tests.stack"]
