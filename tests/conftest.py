"""What every test shares; its environment is `tests.environment`."""

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# Nothing here asserts on time, and the machine may be busy.
hypothesis_settings.register_profile(
    "repomgr",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
hypothesis_settings.load_profile("repomgr")

pytest_plugins = ["tests.servers", "tests.database", "tests.stack", "tests.verified"]
