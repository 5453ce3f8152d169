"""The rows of a ledger, and how they enter SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import accumulate
from typing import Any, NamedTuple

LOCK = 7165889512  # of whoever writes, on PostgreSQL


class Entry(NamedTuple):
    """One entry as it is kept; ``kind`` and ``leaf`` follow from the payload."""

    position: int
    kind: str
    payload: bytes
    leaf: bytes


class KeptNode(NamedTuple):
    """An inner node of the tree, by its number (:func:`holdfast.kernels.merkle.tree.node_number`)."""

    number: int
    hash: bytes


class KeptCheckpoint(NamedTuple):
    """A signed note, by the number of entries that it speaks of."""

    size: int
    note: str


class Salt(NamedTuple):
    """What opens a commitment: the digest by which the commitment names it, and the salt itself."""

    digest: str
    salt: bytes


class Growth(NamedTuple):
    """What one transaction adds: numbers of entries and of nodes run on, and begin where ``before`` ended."""

    before: KeptCheckpoint | None
    entries: Sequence[Entry]
    nodes: Sequence[KeptNode]
    checkpoint: KeptCheckpoint
    salts: Sequence[Salt] = ()


NEWEST = "select size, note from checkpoints order by size desc limit 1"


def newest_checkpoint(driver: Any) -> KeptCheckpoint | None:
    """The checkpoint of the most entries; ``None`` before the first one."""
    with closing(driver.execute(NEWEST)) as cursor:
        row = cursor.fetchone()
    return as_checkpoint(row) if row else None


def as_checkpoint(row: Any) -> KeptCheckpoint:
    """What damage or a hand put in place of number and text comes as ones that fit nothing."""
    size, note = row
    return KeptCheckpoint(size if isinstance(size, int) else -1, str(note))


def add_to_sqlite(driver: Any, growth: Growth) -> bool:
    """Add rows if the newest checkpoint is the one before them; whether it was."""
    if newest_checkpoint(driver) != growth.before:
        return False
    driver.executemany("insert into entries values (?, ?, ?, ?)", growth.entries)
    if growth.nodes:
        driver.executemany("insert into nodes values (?, ?)", growth.nodes)
    driver.execute("insert into checkpoints values (?, ?)", growth.checkpoint)
    if growth.salts:
        driver.executemany("insert into salts values (?, ?)", growth.salts)
    return True


# One statement, so one round trip and one transaction. The lock is only tried: whoever waited for it inside of a
# statement would not see what was committed meanwhile. Entries of another writer that the statement cannot see either
# have the same numbers, and the database refuses those. Payloads and hashes travel end to end, and the server cuts them
# up: lists of values would cost more than the rest of a small append.
_ADDS_ENTRIES = f"""
with fits as materialized (
  select where pg_try_advisory_xact_lock({LOCK}) and coalesce(
    (select size = %(size)s::bigint and note = %(note)s::text from ({NEWEST}) as newest), %(size)s::bigint = 0)
), added_entries as (
  insert into entries
  select %(entry)s::bigint + n, kind, substring(%(payloads)b::bytea from begin for length),
    substring(%(leaves)b::bytea from 32 * n::int - 31 for 32)
  from fits, unnest(
    (string_to_array(%(kinds)s::text, E'\\n'))[2:], %(begins)s::text::int[], %(lengths)s::text::int[]
  ) with ordinality as t (kind, begin, length, n)
)"""  # noqa: S608  (constants)
_ADDS_NODES = """, added_nodes as (
  insert into nodes select %(node)s::bigint + n, substring(%(hashes)b::bytea from 32 * n - 31 for 32)
  from fits, generate_series(1, octet_length(%(hashes)b::bytea) / 32) as n
)"""
_ADDS_SALTS = """, added_salts as (
  insert into salts select digest, salt from fits, unnest(%(digests)b::text[], %(salts)b::bytea[]) as t (digest, salt)
)"""
_ADDS_CHECKPOINT = " insert into checkpoints select %(new_size)s::bigint, %(new_note)s::text from fits"


def add_to_postgres(driver: Any, growth: Growth) -> bool:
    """Add rows if the newest checkpoint is the one before them and nobody else is writing; whether it was so."""
    before, entries, nodes, checkpoint, salts = growth
    _, kinds, payloads, leaves = zip(*entries, strict=True)
    lengths = list(map(len, payloads))
    begins = accumulate(lengths[:-1], initial=1)
    values: dict[str, Any] = {
        "size": before.size if before else 0,
        "note": before.note if before else "",
        "entry": entries[0].position - 1,
        "kinds": "\n".join(("", *kinds)),
        "payloads": b"".join(payloads),
        "begins": f"{{{','.join(map(str, begins))}}}",
        "lengths": f"{{{','.join(map(str, lengths))}}}",
        "leaves": b"".join(leaves),
        "new_size": checkpoint.size,
        "new_note": checkpoint.note,
    }
    statement = _ADDS_ENTRIES
    if nodes:
        statement += _ADDS_NODES
        values |= {"node": nodes[0].number - 1, "hashes": b"".join([node.hash for node in nodes])}
    if salts:
        statement += _ADDS_SALTS
        values |= {"digests": [one.digest for one in salts], "salts": [one.salt for one in salts]}
    with closing(driver.execute(statement + _ADDS_CHECKPOINT, values, prepare=True)) as cursor:
        return bool(cursor.rowcount)
