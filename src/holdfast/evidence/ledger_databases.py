"""Connections to the databases of a ledger, and in words what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from holdfast.core.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 60
# The log is written from its beginning again after 512 pages: a sync of a file that grows takes a third longer.
SETTINGS = ("journal_mode = wal", "synchronous = full", "secure_delete = on", "wal_autocheckpoint = 512")
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")


def is_postgres(place: str) -> bool:
    """Whether a place is the address of a PostgreSQL database."""
    return bool(_POSTGRES.match(place))


def state_at_rest(path: Path) -> tuple[int, ...] | None:
    """Size, time and number of a file that nobody writes to, in a folder without a right to write; ``None`` if not so.

    SQLite reads a file by way of two more beside it. Where it may not make them, it is told that the file stays as it
    is, and these figures show afterwards whether it did: a writer makes the two files before it alters the first.
    """
    path = path.resolve()
    writable = os.access(path.parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    if writable or not path.is_file() or Path(f"{path}-wal").exists():
        return None
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def sqlite_engine(path: Path, *, alone: bool) -> Engine:
    from sqlalchemy import URL, create_engine, event

    url = URL.create("sqlite", database=str(path))
    if alone:
        whole = {"mode": "ro", "immutable": "1", "uri": "true"}
        url = URL.create("sqlite", database=f"file:{quote(str(path.resolve()))}", query=whole)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    def opened(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for setting in SETTINGS:
            connection.execute(f"pragma {setting}")

    def begun(connection: Connection) -> None:
        if not connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql("begin")

    event.listen(engine, "connect", opened)
    event.listen(engine, "begin", begun)
    return engine


def postgres_engine(place: str) -> Engine:
    from importlib.util import find_spec

    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import ArgumentError

    if find_spec("psycopg") is None:
        raise MissingExtra("A ledger on PostgreSQL", "postgres")
    try:
        engine = create_engine(_POSTGRES.sub("postgresql+psycopg://", place), pool_pre_ping=True)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"expected postgresql://USER@HOST/DATABASE, got another form: {error}") from None

    def opened(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set synchronous_commit = on")
            cursor.execute("show fsync")
            durable = cursor.fetchone()[0] == "on"
        connection.commit()
        if not durable:
            raise InputError(
                f"the PostgreSQL server of {engine.url.host} runs with fsync off: what it acknowledges can be lost",
                hint="set fsync = on in postgresql.conf and restart the server",
            )

    event.listen(engine, "connect", opened)
    return engine


def _errors() -> tuple[type[Exception], ...]:
    import sqlite3
    import sys

    from sqlalchemy.exc import SQLAlchemyError

    psycopg: type[Exception] | None = getattr(sys.modules.get("psycopg"), "Error", None)
    drivers = (sqlite3.Error, psycopg) if psycopg else (sqlite3.Error,)
    return (SQLAlchemyError, OSError, *drivers)


_MEANINGS = {
    "disk is full": "free some space: nothing was entered",
    "no space left": "free some space: nothing was entered",
    "disk i/o error": "the disk is probably full: free some space; otherwise check the disk; nothing was entered",
    "readonly": "give a place that you may write to",
    "read-only": "give a place that you may write to",
    "locked": "another process has held the ledger for a minute: wait for it or end it",
    "unable to open": "check the path and its permissions",
    "not a database": "give the path of a ledger; `holdfast ledger init` makes one",
    "malformed": "the file is damaged: `holdfast ledger verify` an export or a copy of it",
    "no such table": "give the path of a ledger; `holdfast ledger init` makes one",
    "does not exist": "`holdfast ledger init` makes a ledger in a database that is there",
    "connection": "check that the server runs, the address and the password (PGPASSWORD)",
}


@contextmanager
def said_in_words(name: str) -> Iterator[None]:
    """Say in words why a database cannot be used and what to do about it."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, _errors()):
            raise
        text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        hint = next((hint for word, hint in _MEANINGS.items() if word in text.lower()), "check the database")
        raise InputError(f"cannot use the ledger {name}: {text}", hint=hint) from error
