"""`manage.py withdraw`."""

from packages_app.core.suite_change import What
from packages_app.management.move_command import MoveCommand


class Command(MoveCommand):
    """Withdraws versions."""

    what = What.WITHDRAWN
    help = "Take versions out of suites, with a reason; record and file stay, and restore_version puts them back."
