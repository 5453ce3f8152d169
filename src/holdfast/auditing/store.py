"""The durable store of what was computed: findings with their evidence, partial results, settled facts, charts.

One SQLite file. Whatever is in it was complete when it was written: a finding and its evidence enter in one
transaction, on disk before ``put`` returns. A run that was killed finds everything that had finished, and the partial
results of what had not.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from holdfast.core.errors import InputError
from holdfast.core.parse import from_json

T = TypeVar("T")
SCHEMA = """
create table if not exists items (
    kind text not null, key text not null, name text not null, body blob not null, used real not null,
    primary key (kind, key, name)
) without rowid
"""
VERSION = 1
KEPT_DAYS = 60


class Store:
    """Bytes by kind, key and name.

    Parameters
    ----------
    path
        The SQLite file; made when absent.

    Raises
    ------
    InputError
        When the file cannot be made, or is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            ignore = path.parent / ".gitignore"
            if not ignore.exists() or not ignore.stat().st_size:  # a full disk leaves an empty one
                ignore.write_text("*\n", encoding="utf-8")
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"cannot keep results in {path}: {error}", hint="choose another place with --cache DIR"
            ) from None

    def _prepare(self) -> None:
        run = self._connection.execute
        run("pragma journal_mode=wal")
        run("pragma synchronous=full")
        if run("pragma user_version").fetchone()[0] not in (0, VERSION):
            raise sqlite3.DatabaseError("it was written by another version of Holdfast; delete it")
        run(SCHEMA)
        run(f"pragma user_version={VERSION}")
        run("delete from items where used < ?", (time.time() - KEPT_DAYS * 86400,))

    def get(self, kind: str, key: str) -> dict[str, bytes]:
        """Return everything kept under a key, by name; empty when there is nothing."""
        with self._failing():
            rows = self._connection.execute(
                "select name, body from items where kind = ? and key = ?", (kind, key)
            ).fetchall()
            if rows:
                now = time.time()
                self._connection.execute("update items set used = ? where kind = ? and key = ?", (now, kind, key))
        return dict(rows)

    def read(self, kind: str, key: str, name: str) -> bytes | None:
        """Return one thing kept under a key, or ``None``."""
        with self._failing():
            row = self._connection.execute(
                "select body from items where kind = ? and key = ? and name = ?", (kind, key, name)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, kind: str, key: str, items: Mapping[str, bytes]) -> None:
        """Keep all items or none; durable when this returns."""
        now = time.time()
        rows = [(kind, key, name, body, now) for name, body in items.items()]
        with self._failing():
            self._connection.execute("begin immediate")
            try:
                self._connection.executemany("insert or replace into items values (?, ?, ?, ?, ?)", rows)
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def drop(self, kind: str, key: str) -> None:
        """Forget everything under a key."""
        with self._failing():
            self._connection.execute("delete from items where kind = ? and key = ?", (kind, key))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say which file failed, and what to do."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            hint = "free some space or choose another place with --cache DIR; what had finished is kept"
            raise InputError(f"cannot keep results in {self.path}: {error}", hint=hint) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def read_back(kind: type[T], kept: bytes | None) -> T | None:
    """Read a document that the store kept; ``None`` when there is none or it is damaged: it is computed again."""
    try:
        return None if kept is None else from_json(kind, kept, source="the store")
    except InputError:
        return None


class Partial:
    """Partial results of one finding in the store; implements :class:`holdfast.core.context.PartialStore`."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    def get(self, name: str) -> bytes | None:
        """Return what was put under this name, or ``None``."""
        return self._store.read("partial", self._key, name)

    def put(self, name: str, value: bytes) -> None:
        """Keep a value; durable when this returns."""
        self._store.put("partial", self._key, {name: value})
