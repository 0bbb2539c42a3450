"""Bringing a database's tables up to this version, in one transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text

from cutis.errors import CutisError

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x43555449  # PostgreSQL: two servers that start at once migrate one after the other


def revision(engine: Engine) -> str | None:
    """Which revision the database is at; None for one without the workbench's tables."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, name: str) -> None:
    """Run the migrations that are lacking; all of them or none. Raises CutisError if a newer Cutis wrote it."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current == scripts.get_current_head():
            return
        try:
            scripts.get_revision(current or "base")
        except CommandError:
            raise CutisError(
                f"{name}: written by a newer Cutis (its tables are at {current}). Upgrade Cutis."
            ) from None
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
