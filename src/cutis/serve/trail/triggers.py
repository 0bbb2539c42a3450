"""Whether the triggers that keep readings and the trail as they were written are there, as the migrations made them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

_TABLES = ("trail", "readings")
# What a trigger is in PostgreSQL: before, update, delete, truncate, for each statement (pg_trigger.tgtype).
_POSTGRES_TYPE = 2 + 16 + 8 + 32
_POSTGRES_BODY = "BEGIN RAISE EXCEPTION '%: rows are only ever added', TG_TABLE_NAME; END"


def changed_triggers(session: Session) -> Iterator[str]:
    """A line for each that is missing, changed, switched off, or that nobody here made."""
    postgres = session.get_bind().dialect.name == "postgresql"
    expected = _in_postgresql() if postgres else _in_sqlite()
    there = _of_postgresql(session) if postgres else _of_sqlite(session)
    for name, made in expected.items():
        if name not in there:
            yield f"the trigger {name}, which refuses changes, was removed"
        elif there[name] != made:
            yield f"the trigger {name}, which refuses changes, was changed or switched off"
    for name in sorted(there.keys() - expected.keys()):
        yield f"the trigger {name} is none of the workbench's"


def _in_sqlite() -> dict[str, str]:
    return {
        f"{table}_no_{change.lower()}": f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: rows are only ever added'); END"
        for table in _TABLES
        for change in ("UPDATE", "DELETE")
    }


def _of_sqlite(session: Session) -> dict[str, str]:
    found = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return {row[0]: row[1] for row in found}


def _in_postgresql() -> dict[str, str]:
    return {f"{table}_only_added_to": f"{table} {_POSTGRES_TYPE} O {_POSTGRES_BODY}" for table in _TABLES}


def _of_postgresql(session: Session) -> dict[str, str]:
    """By name, what decides over what they do: table, type, whether switched on, conditions, the function's body."""
    found = session.execute(
        text(
            "SELECT t.tgname::text, concat_ws(' ', c.relname, t.tgtype, t.tgenabled, btrim(p.prosrc)) "
            "|| CASE WHEN t.tgqual IS NULL AND t.tgattr::text = '' THEN '' ELSE ' only sometimes' END "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        )
    )
    return {row[0]: row[1] for row in found}
