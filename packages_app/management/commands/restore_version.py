"""`manage.py restore_version`."""

from packages_app.core.suite_change import What
from packages_app.management.move_command import MoveCommand


class Command(MoveCommand):
    """Restores versions."""

    what = What.RESTORED
    help = "Put versions back into the suites that they were withdrawn from."
