"""What SECOND_FACTOR may be: who has to have a second factor."""

from __future__ import annotations

OFF, OFFERED, PUBLISHERS, ALL = "off", "offered", "required-for-publishers", "required"
