"""Where a ledger is kept: one schema on SQLite, the default, and on PostgreSQL, for teams.

A write is one transaction: entries, the nodes they complete, the checkpoint and the salts are on disk together or not
at all, and one writer is at work at a time. The store knows nothing of proofs and signatures.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError
from holdfast.evidence.ledger_databases import (
    is_postgres,
    postgres_engine,
    said_in_words,
    sqlite_engine,
    state_at_rest,
)
from holdfast.evidence.ledger_rows import (
    LOCK,
    Entry,
    Growth,
    KeptCheckpoint,
    Salt,
    add_to_postgres,
    add_to_sqlite,
    as_checkpoint,
    newest_checkpoint,
)
from holdfast.kernels.merkle.tree import node_number

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

LAYOUT = 1
BATCH = 512  # fewer rows than make Python look for cycles, and few enough to stay in the cache of a core
_CURSORS = count()


class Storage:
    """One database.

    Parameters
    ----------
    place
        Path of an SQLite file, or ``postgresql://USER@HOST/DATABASE`` (the password from ``PGPASSWORD``).

    Raises
    ------
    InputError
        When the place has another form.
    MissingExtra
        When the driver of PostgreSQL is absent.
    """

    def __init__(self, place: str) -> None:
        self.is_postgres = is_postgres(place)
        if not self.is_postgres and "://" in place:
            raise InputError(f"expected a file or postgresql://..., got {place!r:.80}", hint="name one of the two")
        self.path = None if self.is_postgres else Path(place)
        self._at_rest = state_at_rest(Path(place)) if self.path else None
        self._engine = (
            postgres_engine(place) if self.is_postgres else sqlite_engine(Path(place), alone=self._at_rest is not None)
        )
        self.name = self._engine.url.render_as_string(hide_password=True) if self.is_postgres else place
        self._tables = _tables()
        self._writer: Connection | None = None
        self._inode: tuple[int, int] | None = None

    def exists(self) -> bool:
        """Whether a ledger is kept here."""
        from sqlalchemy import inspect

        if self.path is not None and not self.path.is_file():
            return False
        with self.reading() as connection:
            return inspect(connection).has_table("ledger")

    def create(self, origin: str, first: Growth | None = None) -> None:
        """Make the tables of a ledger that is not there yet, with the first rows; all of it, or nothing."""
        from sqlalchemy import insert

        with self.writing() as connection:
            for table in self._tables.values():
                table.create(connection)
            connection.execute(insert(self._tables["ledger"]), {"one": 1, "layout": LAYOUT, "origin": origin})
            if first is not None:
                self.add(connection, first)

    def origin(self, connection: Connection) -> str:
        """Name of the ledger.

        Raises
        ------
        InputError
            When there is none, or one that another version made.
        """
        from sqlalchemy import select

        table = self._tables["ledger"]
        row = connection.execute(select(table.c.layout, table.c.origin)).one_or_none()
        if row is None or row.layout != LAYOUT:
            made = "an unknown layout" if row is None else f"layout {row.layout}"
            raise InputError(
                f"expected a ledger of layout {LAYOUT} in {self.name}, got {made}",
                hint="use the version of Holdfast that wrote it",
            )
        return str(row.origin)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the database, whatever others write meanwhile."""
        with said_in_words(self.name), self._engine.connect() as connection:
            # On PostgreSQL a snapshot for the whole block; SQLite gives one in any case.
            reader = connection.execution_options(isolation_level="REPEATABLE READ") if self.is_postgres else connection
            with reader.begin():
                yield reader
        if self.path is not None and self._at_rest is not None and state_at_rest(self.path) != self._at_rest:
            raise InputError(f"{self.name} was written to while it was read", hint="try again")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the database alone; what was written is on disk when the block has ended, or nothing is.

        One thread at a time: the connection is kept from one block to the next.
        """
        with said_in_words(self.name):
            writer = self._begun()
            try:
                self._check_in_place()
                yield writer
                _driver(writer).commit()
                self._check_in_place()
            except BaseException:
                self._drop_writer()
                raise

    def _begun(self) -> Connection:
        """The connection that writes, with a transaction begun; a new one where the server has let go of the old one.

        Begin and commit go to the driver: by way of SQLAlchemy they need longer than the rest of a small write.
        """
        begin = f"begin; select pg_advisory_xact_lock({LOCK})" if self.is_postgres else "begin immediate"
        if self._writer is not None:
            try:
                _driver(self._writer).execute(begin)
                return self._writer
            except Exception:
                self._drop_writer()
                if not self.is_postgres:
                    raise
        writer = self._connected()
        _driver(writer).execute(begin)
        return writer

    def _connected(self) -> Connection:
        """The connection that writes; on PostgreSQL every statement is a transaction unless one is begun."""
        if self._writer is None:
            more = {"isolation_level": "AUTOCOMMIT"} if self.is_postgres else {}
            self._writer = self._engine.connect().execution_options(writes=True, **more)
            self._inode = _inode(self.path)
        return self._writer

    def _check_in_place(self) -> None:
        """Refuse to write to a file that another one has replaced: nobody would find there what was entered."""
        if _inode(self.path) != self._inode:
            self._engine.dispose()
            raise InputError(
                f"another file took the place of {self.name} while it was open: nothing was entered there",
                hint="open it again; `holdfast ledger verify --since` tells whether an older copy was put back",
            )

    def _drop_writer(self) -> None:
        """Let go of the connection that writes, and of what it has not committed."""
        if self._writer is not None:
            self._writer.invalidate()
            self._writer.close()
        self._writer = None

    def append(self, growth: Growth) -> bool:
        """Add rows if the newest checkpoint is the one before them; whether it was. They are on disk then.

        A server that ends the connection may have added them first: it is asked again.
        """
        if not self.is_postgres:
            with self.writing() as connection:
                return self.add(connection, growth)
        import psycopg

        with said_in_words(self.name):
            writer = self._connected()
            try:
                return self.add(writer, growth)
            except psycopg.errors.UniqueViolation:
                return False
            except psycopg.OperationalError:
                if not _driver(writer).closed:
                    raise
                self._drop_writer()
        with self.writing() as connection:
            return self.checkpoint(connection, growth.checkpoint.size) == growth.checkpoint

    def add(self, connection: Connection, growth: Growth) -> bool:
        """Add rows if the newest checkpoint is the one before them; whether it was."""
        return (add_to_postgres if self.is_postgres else add_to_sqlite)(_driver(connection), growth)

    def last_checkpoint(self, connection: Connection) -> KeptCheckpoint | None:
        """The newest checkpoint; ``None`` before the first entry."""
        return newest_checkpoint(_driver(connection))

    def count(self, connection: Connection, kind: str) -> int:
        """Number of rows of a table."""
        query = f"select count(*) from {self._tables[kind].name}"  # noqa: S608
        with closing(_driver(connection).execute(query)) as cursor:
            return int(cursor.fetchone()[0])

    def checkpoint(self, connection: Connection, size: int) -> KeptCheckpoint | None:
        """The checkpoint of a size."""
        query = f"select size, note from checkpoints where size = {size:d}"  # noqa: S608
        with closing(_driver(connection).execute(query)) as cursor:
            row = cursor.fetchone()
        return as_checkpoint(row) if row else None

    def entries(
        self, connection: Connection, begin: int, end: int | None = None, *, kind: str = "", last: int | None = None
    ) -> list[Entry]:
        """Entries from one position to before another, in order; of one kind, or only the last ones, where asked."""
        from sqlalchemy import select

        table = self._tables["entries"]
        query = select(table).where(table.c.position >= begin)
        if end is not None:
            query = query.where(table.c.position < end)
        if kind:
            query = query.where(table.c.kind == kind)
        if last is not None:
            rows = connection.execute(query.order_by(table.c.position.desc()).limit(last)).all()
            return [_entry(row) for row in reversed(rows)]
        return [_entry(row) for row in connection.execute(query.order_by(table.c.position))]

    def all_entries(self, connection: Connection) -> Generator[list[Entry]]:
        """All entries in order, some at a time, as plain tuples."""
        return self._batches(connection, "select position, kind, payload, leaf from entries order by position")

    def all_checkpoints(self, connection: Connection) -> Generator[KeptCheckpoint]:
        """All checkpoints, the smallest first."""
        for rows in self._batches(connection, "select size, note from checkpoints order by size"):
            yield from map(as_checkpoint, rows)

    def all_salts(self, connection: Connection) -> Iterator[Salt]:
        """All salts that were not erased."""
        for rows in self._batches(connection, "select digest, salt from salts order by digest"):
            yield from (Salt(*row) for row in rows)

    def all_nodes(self, connection: Connection) -> Generator[list[tuple[int, bytes]]]:
        """Numbers and hashes of all inner nodes in order, some at a time."""
        return self._batches(connection, "select number, hash from nodes order by number")

    def nodes(self, connection: Connection, begin: int, end: int) -> list[tuple[int, bytes]]:
        """Numbers and hashes of inner nodes, from one number to before another."""
        query = f"select number, hash from nodes where number >= {begin:d} and number < {end:d} order by number"  # noqa: S608
        more = {"binary": True} if self.is_postgres else {}
        with closing(_driver(connection).execute(query, **more)) as cursor:
            return list(cursor.fetchall())

    def _batches(self, connection: Connection, query: str) -> Generator[list[Any]]:
        """Rows below SQLAlchemy, read from the database while they are asked for."""
        driver = _driver(connection)
        if not self.is_postgres:
            with closing(driver.execute(query)) as cursor:
                while rows := cursor.fetchmany(BATCH):
                    yield rows
            return
        name = f"rows_{next(_CURSORS)}"
        with driver.pipeline():  # the server reads on while the rows before are looked at
            driver.execute(f"declare {name} no scroll cursor for {query}")
            upcoming = driver.execute(f"fetch {BATCH} from {name}", binary=True)
            while rows := upcoming.fetchall():
                upcoming = driver.execute(f"fetch {BATCH} from {name}", binary=True)
                yield rows

    def entries_at(self, connection: Connection, positions: Collection[int]) -> dict[int, Entry]:
        """Entries by their position, those that are there."""
        columns = "position, kind, payload, leaf"
        return {row[0]: _entry(row) for row in self._chosen(connection, f"{columns} from entries", positions)}

    def hashes(self, connection: Connection, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Hashes of nodes and leaves by level and place, those that are there."""
        leaves = {place: (level, place) for level, place in places if level == 0}
        inner = {node_number(level, place): (level, place) for level, place in places if level > 0}
        found = {leaves[at]: one for at, one in self._chosen(connection, "position, leaf from entries", leaves)}
        found |= {inner[at]: one for at, one in self._chosen(connection, "number, hash from nodes", inner)}
        return {at: one for at, one in found.items() if isinstance(one, bytes)}

    def _chosen(self, connection: Connection, what: str, keys: Collection[int]) -> Iterator[Any]:
        """Rows by the first column, some at a time."""
        more = {"binary": True} if self.is_postgres else {}
        column, chosen = what.partition(",")[0], list(keys)
        for begin in range(0, len(chosen), BATCH):
            some = ", ".join(f"{key:d}" for key in chosen[begin : begin + BATCH])
            query = f"select {what} where {column} in ({some})"
            with closing(_driver(connection).execute(query, **more)) as cursor:
                yield from cursor.fetchall()

    def salt(self, connection: Connection, digest: str) -> bytes | None:
        """A salt, unless it was erased."""
        from sqlalchemy import select

        table = self._tables["salts"]
        found = connection.execute(select(table.c.salt).where(table.c.digest == digest)).scalar_one_or_none()
        return None if found is None else bytes(found)

    def erase_salt(self, connection: Connection, digest: str) -> bool:
        """Overwrite and remove a salt; whether there was one."""
        from sqlalchemy import delete

        table = self._tables["salts"]
        return bool(connection.execute(delete(table).where(table.c.digest == digest)).rowcount)

    def scrub(self) -> None:
        """Drop what was erased from the files of the database as well."""
        from sqlalchemy import text

        with said_in_words(self.name), self._engine.connect() as connection:
            free = connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.is_postgres:
                free.execute(text("vacuum full salts"))
            else:
                busy = free.execute(text("pragma wal_checkpoint(truncate)")).scalar_one()
                if busy:
                    raise InputError(
                        f"erased, but {self.name}-wal still holds what was erased: somebody reads the ledger",
                        hint="erase it again when nobody does",
                    )

    def close(self) -> None:
        """Let go of the database."""
        self._drop_writer()
        self._engine.dispose()


def _driver(connection: Connection) -> Any:
    """The connection of the driver below SQLAlchemy."""
    return connection.connection.driver_connection


def _inode(path: Path | None) -> tuple[int, int] | None:
    """Which file a path leads to."""
    if path is None:
        return None
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino)


def _entry(row: Any) -> Entry:
    """What damage or a hand put in place of text and bytes comes as text and bytes that fit nothing."""
    position, kind, payload, leaf = row
    data = payload if isinstance(payload, bytes) else str(payload).encode("utf-8", "replace")
    return Entry(position, str(kind), data, leaf)


@contextmanager
def closed_on_error(storage: Storage) -> Iterator[None]:
    """Let go of a database when something goes wrong with it."""
    try:
        yield
    except BaseException:
        storage.close()
        raise


def _tables() -> dict[str, Table]:
    from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, MetaData, Table, Text

    number = BigInteger().with_variant(Integer, "sqlite")  # there an INTEGER key is the row id itself
    meta = MetaData()
    ledger = Table(
        "ledger",
        meta,
        Column("one", Integer, CheckConstraint("one = 1"), primary_key=True, autoincrement=False),
        Column("layout", Integer, nullable=False),
        Column("origin", Text, nullable=False),
    )
    entries = Table(
        "entries",
        meta,
        Column("position", number, primary_key=True, autoincrement=False),
        Column("kind", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("leaf", LargeBinary, nullable=False),
    )
    of_keys = entries.c.kind == "key"  # asked for at every opening; another index would be written at every entry
    Index("entries_of_keys", entries.c.position, sqlite_where=of_keys, postgresql_where=of_keys)
    nodes = Table(
        "nodes",
        meta,
        Column("number", number, primary_key=True, autoincrement=False),
        Column("hash", LargeBinary, nullable=False),
    )
    checkpoints = Table(
        "checkpoints",
        meta,
        Column("size", number, primary_key=True, autoincrement=False),
        Column("note", Text, nullable=False),
    )
    salts = Table("salts", meta, Column("digest", Text, primary_key=True), Column("salt", LargeBinary, nullable=False))
    return {table.name: table for table in (ledger, entries, nodes, checkpoints, salts)}
