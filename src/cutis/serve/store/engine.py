"""The way into the database: opened, migrated and closed once; one transaction at a time for each writer.

SQLite: a write-ahead log, each commit synced to the disk before it is acknowledged, writers queued. PostgreSQL: through
pg8000, with dead connections replaced. What goes wrong on the database's side becomes one line for the user: 503 to
try again, 507 where nothing more fits.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session, sessionmaker

from cutis.errors import CutisError
from cutis.serve.kinds import Refused
from cutis.serve.store.migrate import revision, upgrade
from cutis.serve.store.pictures import make_private

WAIT = 30.0  # seconds that a writer waits for its turn
_ROOM = 65_536  # bytes: less, and SQLite can't even make the files beside its own
AGAIN = 5  # seconds after which a client may try again
_GONE = ("08", "57P")  # PostgreSQL: connection exceptions; shut down, starting up
_PASSING = ("40", "53", "55P03")  # deadlock or serialisation; out of something; lock not to be had


class Store:
    """An open database whose tables are those of this version. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = engine.url.render_as_string(hide_password=True)
        self._writing = sessionmaker(engine, expire_on_commit=False)
        looking = engine.execution_options(reading=True, postgresql_readonly=True)
        self._reading = sessionmaker(looking, expire_on_commit=False)
        still = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}  # SQLite's is that
        self._still = sessionmaker(looking.execution_options(**still), expire_on_commit=False)
        # SQLite's own queue is a poll that may starve a writer: threads of this process take turns here first.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the store at `url`, bringing its tables up to this version; made if absent, unless create is False.

        Raises CutisError if it can't be opened or made, or was written by a newer Cutis.
        """
        where, made = _where(url, create)
        shown = where.render_as_string(hide_password=True)
        engine = _engine(where)
        try:
            if not create and revision(engine) is None:
                raise CutisError(f"{shown}: holds no workbench. Name the --store that cutis serve was given.")
            upgrade(engine, shown)
        except SQLAlchemyError as error:
            engine.dispose()
            _take_back(made)
            raise CutisError(f"{shown}: {_why_not(where, error)}") from None
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction that may write: committed at the block's end, or nothing of it if the block raises.

        Raises Refused: 503 if the database is away or busy, 507 if its disk is full.
        """
        if self._turn is None:
            with _told(), self._writing.begin() as session:
                yield session
            return
        if not self._turn.acquire(timeout=WAIT):
            raise Refused(503, "The store is busy writing. Try again in a moment.", retry_after=AGAIN)
        try:
            with _told(), self._writing.begin() as session:
                yield session
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads: it waits for no writer, and the database refuses it any change."""
        with _told(), self._reading.begin() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """`reading`, whose every query sees the state at its start, whatever is written meanwhile."""
        with _told(), self._still.begin() as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def store_in(folder: Path) -> str:
    """The URL of the store that a workbench's folder holds, whatever characters its name has."""
    return URL.create("sqlite", database=str(folder / "cutis.db")).render_as_string()


def _where(url: str, create: bool) -> tuple[URL, Path | None]:
    """(the URL with its driver, a file that was made for it). Raises CutisError for another database, or for a file
    that isn't there."""
    try:
        where = make_url(url)
    except ArgumentError:
        raise CutisError(
            f'--store "{url}": not the URL of a database. As in sqlite:///cutis.db or postgresql://user@host/cutis'
        ) from None
    kind = where.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return where.set(drivername="postgresql+pg8000"), None
    if kind != "sqlite":
        raise CutisError(f'--store "{kind}": SQLite and PostgreSQL are known: sqlite:///FILE or postgresql://HOST/NAME')
    if not where.database or where.database == ":memory:":
        raise CutisError(f'--store "{url}": would forget everything. Name a file, as in sqlite:///cutis.db')
    path = Path(where.database)
    if path.exists():  # asked first: another server may make it at this moment
        if path.is_file():
            return where, None
        raise CutisError(f"{path}: not a file. Name a file for the store, as in sqlite:///{path}/cutis.db")
    if not create:
        raise CutisError(f"{path}: no such store. Name the --store that cutis serve was given.")
    try:
        make_private(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its owner's only, and so are the log files beside it
    except OSError as error:
        raise CutisError(
            f"{path}: can't be made ({(error.strerror or 'error').lower()}). Name another --store."
        ) from None
    return where, path


def _take_back(made: Path | None) -> None:
    """Remove a file that was made and that nothing could be written to."""
    with suppress(OSError):
        if made is not None and made.stat().st_size == 0:
            for path in (made, *(made.with_name(made.name + ending) for ending in ("-wal", "-shm"))):
                path.unlink(missing_ok=True)


def _engine(where: URL) -> Engine:
    if where.get_backend_name() == "sqlite":
        engine = create_engine(
            where,
            connect_args={"timeout": WAIT, "isolation_level": None, "check_same_thread": False},
            pool_size=10,
            max_overflow=40,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    where, secure = _encryption(where)
    engine = create_engine(
        where,
        connect_args={"timeout": 2 * WAIT, "application_name": "cutis", **secure},
        pool_size=10,
        max_overflow=40,
        pool_pre_ping=True,
    )
    event.listen(engine, "handle_error", _know_a_restart)
    return engine


def _encryption(where: URL) -> tuple[URL, dict[str, Any]]:
    """libpq's sslmode in pg8000's terms: whatever requires TLS has the server's certificate checked as well."""
    mode = where.query.get("sslmode", "prefer")
    where = where.difference_update_query(["sslmode"])
    return where, {} if mode in ("allow", "prefer") else {"ssl_context": mode != "disable"}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for name, value in (
        ("busy_timeout", int(WAIT * 1000)),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("recursive_triggers", "ON"),  # else INSERT OR REPLACE would slip past the triggers that refuse deletion
    ):
        connection.execute(f"PRAGMA {name}={value}").close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that began by reading could not have it once another has written."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _know_a_restart(context: ExceptionContext) -> None:
    """A server that shuts down says so in its answer; pg8000 takes that for an ordinary error."""
    if _code(context.original_exception).startswith(_GONE):
        context.is_disconnect = True


@contextmanager
def _told() -> Iterator[None]:
    """The database's troubles as Refused; mistakes in a query stay what they are."""
    try:
        yield
    except NoConnection:
        raise Refused(503, "Too many requests at once. Try again in a moment.", retry_after=AGAIN) from None
    except IntegrityError:
        raise
    except DataError as error:
        raise Refused(
            422, f"A value that the database can't hold ({_first_line(error)}). Shorten or change it."
        ) from None
    except DBAPIError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: DBAPIError) -> Refused | None:
    code, words = _code(error.orig), str(error.orig)
    if code == "53100" or "disk is full" in words or "disk I/O error" in words:
        return Refused(
            507, "The store's disk is full or failing; nothing was kept. Free some space, then send it again."
        )
    away = error.connection_invalidated or code.startswith(_GONE) or "create a connection" in words
    if away or type(error.orig).__name__ == "InterfaceError":
        return Refused(503, "The database is away. Nothing was kept; try again in a moment.", retry_after=AGAIN)
    if code.startswith(_PASSING) or "database is locked" in words:
        return Refused(503, "The store is busy. Nothing was kept; try again in a moment.", retry_after=AGAIN)
    return None


def _code(error: BaseException | None) -> str:
    """PostgreSQL's SQLSTATE of an error by pg8000, or ""."""
    said = error.args[0] if error is not None and error.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def _first_line(error: SQLAlchemyError) -> str:
    cause: Any = getattr(error, "orig", None) or error
    said = cause.args[0] if cause.args else ""
    words = said.get("M", "") if isinstance(said, dict) else str(said)
    return words.splitlines()[0][:200] if words else type(cause).__name__


def _why_not(where: URL, error: SQLAlchemyError) -> str:
    """Why a store can't be opened, and what to do."""
    told, sqlite = _first_line(error), where.get_backend_name() == "sqlite"
    full = "disk is full" in told or _code(getattr(error, "orig", None)) == "53100"
    if full or (sqlite and _no_room(Path(where.database or ""))):
        return "can't be opened, as the disk is full; what is in it is whole. Free some space, then start again."
    if not sqlite:
        return f"can't be opened ({told}). Check that the server runs, and the URL's user, password, host and database."
    if "disk I/O error" in told:
        return f"can't be opened ({told}). Look at the disk, its quota and its log, then start again."
    return f"can't be opened ({told}). If it is a store, copy it back from your backup; if not, name another --store."


def _no_room(path: Path) -> bool:
    """Whether the disk of a file is full: SQLite says so in several ways, some of which mean other things too."""
    try:
        return shutil.disk_usage(path.parent).free < _ROOM
    except OSError:
        return False
