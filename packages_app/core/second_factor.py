"""What SECOND_FACTOR and SIGN_IN_PASSWORDS may be: who has to have a second factor, who may sign in by a password."""

from __future__ import annotations

OFF, OFFERED, PUBLISHERS, ALL = "off", "offered", "required-for-publishers", "required"
EVERYBODY, SUPERUSERS = "everybody", "superusers"
