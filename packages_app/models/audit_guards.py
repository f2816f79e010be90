"""Triggers by which the database itself keeps the audit trail as it was written, on SQLite and PostgreSQL.

Whoever may change the database's schema can drop them; the chain of digests, and exports, are for that. A migration
that makes a table of the trail anew (on SQLite most changes of a column do) ends with `guard`.
"""
# ruff: noqa: S608 - all names are constants

from __future__ import annotations

from typing import Any

from packages_app.models.audit_entry import AuditEntry

YOUNGEST_CUT_DAYS = 30
"""No line younger than this can be let go."""
_ENTRY, _NAME, _CUT = "packages_app_auditentry", "packages_app_auditname", "packages_app_auditcut"
_STAYS = "the audit trail is only added to"
_NO_CUT_NAMES = f"NOT EXISTS (SELECT 1 FROM {_CUT} WHERE upto >= OLD.number)"
_LINE_IS_KEPT = (
    f"EXISTS (SELECT 1 FROM {_ENTRY} line WHERE line.id = OLD.entry_id AND (line.number IS NULL"
    f" OR NOT EXISTS (SELECT 1 FROM {_CUT} WHERE upto >= line.number)))"
)
# INSERT OR REPLACE, and UPDATE OR REPLACE, remove the row in the way without a word to triggers of DELETE.
_WHEN = {
    "audit_new_line": (
        f"INSERT ON {_ENTRY}",
        f"NEW.number IS NOT NULL OR EXISTS (SELECT 1 FROM {_ENTRY} WHERE id = NEW.id)",
    ),
    "audit_said_stays": (f"UPDATE OF {{said}} ON {_ENTRY}", "1 = 1"),
    "audit_seal_stays": (
        f"UPDATE OF number, previous, digest ON {_ENTRY}",
        f"OLD.number IS NOT NULL OR EXISTS (SELECT 1 FROM {_ENTRY} WHERE number = NEW.number)",
    ),
    "audit_line_stays": (f"DELETE ON {_ENTRY}", f"OLD.number IS NULL OR {_NO_CUT_NAMES}"),
    "audit_name_stays": (f"UPDATE ON {_NAME}", "1 = 1"),
    "audit_name_kept": (f"DELETE ON {_NAME}", _LINE_IS_KEPT),
    "audit_cut_stays": (f"UPDATE ON {_CUT}", "1 = 1"),
    "audit_cut_kept": (f"DELETE ON {_CUT}", "1 = 1"),
    "audit_cut_is_of_old": (
        f"INSERT ON {_CUT}",
        f"EXISTS (SELECT 1 FROM {_ENTRY} WHERE number <= NEW.upto AND happened > {{young}})",
    ),
}
_YOUNG = {
    "sqlite": f"datetime('now', '-{YOUNGEST_CUT_DAYS} days')",
    "postgresql": f"now() - interval '{YOUNGEST_CUT_DAYS} days'",
}
_NOT_EMPTIED = "audit_not_emptied"


def guard(connection: Any) -> None:
    """Make the triggers that are missing, and switch those on that are off."""
    with connection.cursor() as cursor:
        # A database on its way to this release lacks what a later migration adds.
        there = {column.name for column in connection.introspection.get_table_description(cursor, _ENTRY)}
        said = [name for name in ("id", "happened", *AuditEntry.SAID) if name in there]
        for statement in _statements(connection.vendor, ", ".join(said)):
            cursor.execute(statement)


def _statements(vendor: str, said: str) -> list[str]:
    made = []
    for name, (asked, when) in _WHEN.items():
        event, refused = asked.format(said=said), when.format(young=_YOUNG[vendor])
        made += _on_postgresql(name, event, refused) if vendor == "postgresql" else [_on_sqlite(name, event, refused)]
    if vendor == "postgresql":
        for table in (_ENTRY, _NAME, _CUT):
            made += [
                f"CREATE OR REPLACE TRIGGER {_NOT_EMPTIED} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
                " EXECUTE FUNCTION audit_new_line_refuses()",
                f"ALTER TABLE {table} ENABLE TRIGGER {_NOT_EMPTIED}",
            ]
    return made


def guards_missing(connection: Any) -> list[str]:
    """Return the names of triggers that are not there, or are switched off."""
    wanted, query = list(_WHEN), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if connection.vendor == "postgresql":
        wanted += [_NOT_EMPTIED]
        query = "SELECT tgname FROM pg_trigger GROUP BY tgname HAVING bool_and(tgenabled <> 'D')"
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in wanted if name not in there]


def _on_sqlite(name: str, event: str, refused: str) -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} WHEN {refused} BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END"
    )


def _on_postgresql(name: str, event: str, refused: str) -> list[str]:
    # A statement that a trigger of TRUNCATE calls has no row; the last branch is for it alone.
    table = event.rpartition(" ")[2]
    body = (
        "BEGIN IF TG_OP = 'TRUNCATE' THEN RAISE EXCEPTION"
        f" '{_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;"
        f" IF {refused} THEN RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;"
        " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END"
    )
    return [
        f"CREATE OR REPLACE FUNCTION {name}_refuses() RETURNS trigger LANGUAGE plpgsql AS $body$ {body} $body$",
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {name}_refuses()",
        f"ALTER TABLE {table} ENABLE TRIGGER {name}",
    ]
