"""Tamper with a small ledger in every place where it is kept, at random, and see whether verification says so.

Rows are altered inside a transaction that is rolled back, on either database; files are copies. A tampering is

- *found* when verification, with a checkpoint that was kept outside, says that something is altered or cannot be read;
- *without effect* when it passes and every entry and checkpoint is the same to the byte, as after a flip in a part of
  the file that means nothing. Salts may be missing then: that is what erasing them does;
- *missed* otherwise.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.evidence.commitment import commit
from holdfast.evidence.keys import KeyPair
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_export import ExportedHistory, StoredHistory, export_ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import History, verify_history
from holdfast.evidence.receipt import read_receipt, vouched_for
from holdfast.evidence.statement import Statement
from tests.evidence.ledgers import event, lasting_key

Outcome = Literal["found", "without effect", "missed"]
Rows = dict[str, list[tuple[Any, ...]]]
COLUMNS = {
    "ledger": ("one", "layout", "origin"),
    "entries": ("position", "kind", "payload", "leaf"),
    "nodes": ("number", "hash"),
    "checkpoints": ("size", "note"),
    "salts": ("digest", "salt"),
}
PAGE = 4096


@dataclass(frozen=True)
class Victim:
    """A ledger, what is kept of it outside, and what takes its place: an older copy, one that grew otherwise."""

    folder: Path
    storage: Storage
    key: KeyPair
    kept: str
    rows: Rows
    fork: Rows
    file: bytes
    older: bytes
    export: bytes
    older_export: bytes
    receipt: bytes


def victim(folder: Path, place: str = "", size: int = 60) -> Victim:
    """Make a ledger of 60 entries with changes of its key and a few salts; in ``place``, where not in the folder."""
    first, key = lasting_key(), lasting_key()
    path, other = folder / "ledger.db", folder / "fork.db"
    with Ledger.create(str(path), first, origin="example.com/audits") as ledger:
        for number in range(4):
            owner = commit(f"owner {number}")
            said = Statement(kind="waiver", subjects=event(number).subjects, predicate={"owner": owner.public})
            ledger.enter([said], commitments=[owner])
        ledger.succeed(key)
        _fill(ledger, size // 2, 0)
        export_ledger(ledger.storage, folder / "older.jsonl")
        shutil.copyfile(_at_rest(path), other)
        older = other.read_bytes()
    with Ledger.open(str(other), key) as fork:
        _fill(fork, size + 20, 1000)
    with Ledger.open(str(path), key) as ledger:
        _fill(ledger, size, 0)
        kept, receipt = ledger.checkpoint(), ledger.receipt([3, 17, size - 1]).encode()
        export_ledger(ledger.storage, folder / "export.jsonl")
    storage = Storage(place or str(path))
    if place:
        storage.create("example.com/audits")
        with storage.writing() as connection:
            _put(connection, _rows(path))
    return Victim(
        folder=folder,
        storage=storage,
        key=key,
        kept=kept,
        rows=_rows(path),
        fork=_rows(other),
        file=_at_rest(path).read_bytes(),
        older=older,
        export=(folder / "export.jsonl").read_bytes(),
        older_export=(folder / "older.jsonl").read_bytes(),
        receipt=receipt,
    )


def tamper(one: Victim, seeds: range, kinds: str = "rows file export receipt") -> Counter[tuple[str, Outcome]]:
    """Count outcomes by what was tampered with; one tampering for each seed."""
    counts: Counter[tuple[str, Outcome]] = Counter()
    chosen = [(place, change) for place in kinds.split() for change in CHANGES[place]]
    with one.storage.writing() as connection:
        for seed in seeds:
            drawn = random.Random(seed)
            place, change = drawn.choice(chosen)
            outcome = OUTCOMES[place](one, change, drawn, connection)
            counts[f"{place}: {change.__name__.strip('_').replace('_', ' ')}", outcome] += 1
            if outcome == "missed":
                print(f"  missed: {place}, {change.__name__}, seed {seed}")
    return counts


def _fill(ledger: Ledger, size: int, begin: int) -> None:
    while ledger.size < size:
        step = min(ledger.size % 3 + 1, size - ledger.size)
        ledger.enter([event(begin + ledger.size + k) for k in range(step)])


def _at_rest(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    return path


def _rows(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as database:
        return {name: database.execute(f"select * from {name} order by 1").fetchall() for name in COLUMNS}


def _put(connection: Connection, rows: Rows) -> None:
    """Put these rows in the place of all that are there."""
    for name, columns in COLUMNS.items():
        connection.execute(text(f"delete from {name}"))
        marks = ", ".join(f":{column}" for column in columns)
        values = [dict(zip(columns, row, strict=True)) for row in rows[name]]
        connection.execute(text(f"insert into {name} values ({marks})"), values)


def _set(connection: Connection, table: str, row: tuple[Any, ...], column: str, value: object) -> None:
    key = COLUMNS[table][0]
    change = text(f"update {table} set {column} = :value where {key} = :key")
    assert connection.execute(change, {"value": value, "key": row[0]}).rowcount == 1


# Rows: each change gets the victim, a generator and the connection.


def _flip_a_bit(one: Victim, drawn: random.Random, connection: Connection) -> None:
    table, place = drawn.choice([(name, place) for name in COLUMNS for place in range(len(COLUMNS[name]))])
    row = drawn.choice(one.rows[table])
    value = row[place]
    if isinstance(value, int):  # bits that keep the number in the range of both databases
        value = 2 if COLUMNS[table][place] == "layout" else value ^ 1 << drawn.randrange(8, 30)
        if COLUMNS[table][place] == "one":
            table, place, row, value = "ledger", 2, one.rows["ledger"][0], "example.com/audit"
    elif isinstance(value, str):
        at = drawn.randrange(len(value))
        bits = [bit for bit in range(7) if ord(value[at]) != 1 << bit]
        value = value[:at] + chr(ord(value[at]) ^ 1 << drawn.choice(bits)) + value[at + 1 :]
    else:
        value = _flipped(value, drawn)
    _set(connection, table, row, COLUMNS[table][place], value)


def _delete_a_row(one: Victim, drawn: random.Random, connection: Connection) -> None:
    table = drawn.choice(["ledger", "entries", "nodes", "checkpoints"])
    key = drawn.choice(one.rows[table])[0]
    connection.execute(text(f"delete from {table} where {COLUMNS[table][0]} = :key"), {"key": key})


def _swap_two_rows(one: Victim, drawn: random.Random, connection: Connection) -> None:
    table = drawn.choice(["entries", "nodes", "checkpoints", "salts"])
    first, second = drawn.sample(one.rows[table], 2)
    for place, column in enumerate(COLUMNS[table][1:], 1):
        _set(connection, table, first, column, second[place])
        _set(connection, table, second, column, first[place])


def _repeat_a_row(one: Victim, drawn: random.Random, connection: Connection) -> None:
    table = drawn.choice(["entries", "nodes", "checkpoints"])
    row, after = drawn.choice(one.rows[table]), one.rows[table][-1][0] + drawn.randrange(1, 4)
    marks = ", ".join(f":{column}" for column in COLUMNS[table])
    values = dict(zip(COLUMNS[table], (after, *row[1:]), strict=True))
    connection.execute(text(f"insert into {table} values ({marks})"), values)


def _cut_the_end_off(one: Victim, drawn: random.Random, connection: Connection) -> None:
    keep = drawn.choice([drawn.randrange(len(one.rows["entries"])), drawn.choice(one.rows["checkpoints"][:-1])[0]])
    cuts = {"entries": keep, "checkpoints": keep + 1, "nodes": keep - keep.bit_count()}
    for table in drawn.choice([["entries"], ["entries", "checkpoints"], list(cuts)]):
        connection.execute(text(f"delete from {table} where {COLUMNS[table][0]} >= :first"), {"first": cuts[table]})


def _roll_back_and_go_on_otherwise(one: Victim, drawn: random.Random, connection: Connection) -> None:
    sizes = [size for size, _ in one.fork["checkpoints"] if size > len(one.rows["entries"]) // 2]
    size = drawn.choice(sizes)
    ends = {"entries": size, "checkpoints": size + 1, "nodes": size - size.bit_count()}
    _put(
        connection,
        {name: [row for row in rows if name not in ends or row[0] < ends[name]] for name, rows in one.fork.items()},
    )


# Bytes: each change gets the content, the older one, and a generator.


def _flipped(data: bytes, drawn: random.Random) -> bytes:
    at, bit = drawn.randrange(len(data)), drawn.randrange(8)
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def _flip_one_bit(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    return _flipped(data, drawn)


def _cut_bytes_out(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    at = drawn.randrange(len(data))
    return data[:at] + data[at + drawn.randrange(1, 100) :]


def _write_over(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    at = drawn.randrange(len(data))
    noise = drawn.randbytes(drawn.randrange(1, 1000))
    return (data[:at] + noise + data[at + len(noise) :])[: len(data)]


def _truncate(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    return data[: drawn.randrange(len(data))]


def _swap_two_pages(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    pages = [data[at : at + PAGE] for at in range(0, len(data), PAGE)]
    return b"".join(_swapped(pages, drawn))


def _put_an_older_one_back(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    return older


def _put_older_pages_back(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    at = PAGE * drawn.randrange(len(older) // PAGE)
    end = at + PAGE * drawn.randrange(1, 5)
    return data[:at] + older[at:end] + data[min(end, len(older)) :]


def _swap_two_lines(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    return b"".join(_swapped(data.splitlines(keepends=True), drawn))


def _delete_a_line(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[drawn.randrange(len(lines))]
    return b"".join(lines)


def _repeat_a_line(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    lines.insert(drawn.randrange(len(lines) + 1), drawn.choice(lines))
    return b"".join(lines)


def _exchange_parts(data: bytes, older: bytes, drawn: random.Random) -> bytes:
    """Exchange the number, the text or the proof of two entries of a receipt, or the whole entries."""
    value = json.loads(data)
    first, second = drawn.sample(range(len(value["entries"])), 2)
    entries, part = value["entries"], drawn.choice(["index", "statement", "proof", ""])
    if part:
        entries[first][part], entries[second][part] = entries[second][part], entries[first][part]
    else:
        entries[first], entries[second] = entries[second], entries[first]
    return canonical_json(value)


def _swapped(parts: list[bytes], drawn: random.Random) -> list[bytes]:
    first, second = drawn.sample(range(len(parts)), 2)
    parts[first], parts[second] = parts[second], parts[first]
    return parts


def _in_rows(one: Victim, change: Callable[..., Any], drawn: random.Random, connection: Connection) -> Outcome:
    connection.execute(text("savepoint untouched"))
    change(one, drawn, connection)
    try:
        return _judged(one, StoredHistory(one.storage, connection), lambda: _salts(one.storage, connection))
    except (InputError, SQLAlchemyError):
        return "found"
    finally:
        connection.execute(text("rollback to savepoint untouched"))


def _in_file(one: Victim, change: Callable[..., bytes], drawn: random.Random, _: Connection) -> Outcome:
    place = one.folder / "tampered.db"
    for path in one.folder.glob("tampered.db*"):
        path.unlink()
    place.write_bytes(change(one.file, one.older, drawn))
    storage = Storage(str(place))
    try:
        with storage.reading() as connection:
            return _judged(one, StoredHistory(storage, connection), lambda: _salts(storage, connection))
    except InputError:
        return "found"
    finally:
        storage.close()


def _in_export(one: Victim, change: Callable[..., bytes], drawn: random.Random, _: Connection) -> Outcome:
    place = one.folder / "tampered.jsonl"
    place.write_bytes(change(one.export, one.older_export, drawn))
    try:
        return _judged(one, ExportedHistory(place), set)
    except InputError:
        return "found"


def _judged(one: Victim, history: History, salts: Callable[[], set[tuple[str, bytes]]]) -> Outcome:
    found = verify_history(history, trusted=[one.key.public], since=[one.kept])
    if found.status == "altered":
        return "found"
    entries = [payload for part in history.entries() for payload in part.payloads]
    same = (
        entries == [row[2] for row in one.rows["entries"]]
        and [tuple(kept) for kept in history.checkpoints()] == one.rows["checkpoints"]
        and salts() <= set(one.rows["salts"])
    )
    return "without effect" if same else "missed"


def _salts(storage: Storage, connection: Connection) -> set[tuple[str, bytes]]:
    return {tuple(salt) for salt in storage.all_salts(connection)}


def _in_receipt(one: Victim, change: Callable[..., bytes], drawn: random.Random, _: Connection) -> Outcome:
    data = change(one.receipt, one.receipt, drawn)
    try:
        found = read_receipt(data, source="ledger.json")
    except InputError:
        return "found"
    if not vouched_for(found, [one.key.public]):
        return "found"
    return "without effect" if data == one.receipt else "missed"


BYTES: list[Callable[..., bytes]] = [_flip_one_bit, _cut_bytes_out, _write_over, _truncate]
CHANGES: dict[str, list[Callable[..., Any]]] = {
    "rows": [
        _flip_a_bit,
        _delete_a_row,
        _swap_two_rows,
        _repeat_a_row,
        _cut_the_end_off,
        _roll_back_and_go_on_otherwise,
    ],
    "file": [*BYTES, _swap_two_pages, _put_an_older_one_back, _put_older_pages_back],
    "export": [*BYTES, _swap_two_lines, _delete_a_line, _repeat_a_line, _put_an_older_one_back],
    "receipt": [*BYTES, _exchange_parts],
}
OUTCOMES: dict[str, Callable[..., Outcome]] = {
    "rows": _in_rows,
    "file": _in_file,
    "export": _in_export,
    "receipt": _in_receipt,
}
