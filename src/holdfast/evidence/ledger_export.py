"""Histories to verify: a database, or a file with all of it: entries and checkpoints, a JSON value on each line."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.errors import InputError
from holdfast.evidence.ledger_rows import KeptCheckpoint
from holdfast.evidence.ledger_storage import BATCH, Storage
from holdfast.evidence.statement import kind_of
from holdfast.evidence.writing import open_durably
from holdfast.kernels.merkle.tree import in_order, leaf_hash, node_number

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXPORT_SCHEMA = "https://holdfast.dev/schema/ledger-export/1"
LONGEST_LINE = 1 << 26
ENTRY = b'{"entry":'
_TEXT = json.JSONEncoder(ensure_ascii=False)  # canonical for text
_HINT = "write it again with `holdfast ledger export`"


class Entries(NamedTuple):
    """Some entries in order, by column; see :class:`holdfast.evidence.ledger_storage.Entry`."""

    positions: Sequence[int]
    kinds: Sequence[str]
    payloads: Sequence[bytes]
    leaves: Sequence[bytes]


class StoredHistory:
    """What a database holds at one moment."""

    def __init__(self, storage: Storage, connection: Connection) -> None:
        self.origin = storage.origin(connection)
        self._storage = storage
        self._connection = connection
        self._nodes: Iterator[tuple[int, bytes]] = iter(())

    def entries(self) -> Generator[Entries]:
        """Entries in order, some at a time."""
        with closing(self._storage.all_nodes(self._connection)) as nodes:
            self._nodes = chain.from_iterable(nodes)
            for rows in self._storage.all_entries(self._connection):
                positions, kinds, payloads, leaves = zip(*rows, strict=True)
                yield Entries(positions, kinds, _as_bytes(payloads), leaves)

    def checkpoints(self) -> Generator[KeptCheckpoint]:
        """Checkpoints in order."""
        return self._storage.all_checkpoints(self._connection)

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """What differs from the nodes that the entries from ``begin`` on completed, by level."""
        first = begin - begin.bit_count()
        nodes = list(enumerate(in_order(begin, completed), first))
        if list(islice(self._nodes, len(nodes))) == nodes:
            return
        self._nodes = iter(())  # they run on no more: from here on those of each part are asked for
        found = self._storage.nodes(self._connection, first, first + len(nodes))
        if found == nodes:
            return
        stored = dict(found)
        for level, expected in enumerate(completed[1:], 1):
            for place, value in enumerate(expected, begin >> level):
                if stored.get(node_number(level, place)) != value:
                    yield f"node {place} of level {level}: missing or not as it was signed"

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """Nodes that belong to no entry, and salts that are not those that were kept: an erased one is no fault."""
        n_nodes = self._storage.count(self._connection, "nodes")
        if n_nodes != size - size.bit_count():
            yield f"expected {size - size.bit_count()} nodes over {size} entries, found {n_nodes}"
        for digest, salt in self._storage.all_salts(self._connection):
            if not isinstance(salt, bytes) or digest_bytes(salt) != digest:
                yield f"salt {digest!s:.80}: not the one that was committed with"


def _as_bytes(payloads: Sequence[object]) -> Sequence[bytes]:
    """What a hand put in place of bytes comes as bytes that fit nothing."""
    if {*map(type, payloads)} == {bytes}:
        return payloads  # type: ignore[return-value]  # just seen to be so
    return [one if isinstance(one, bytes) else str(one).encode("utf-8", "replace") for one in payloads]


class ExportedHistory:
    """What a file holds that :func:`export_ledger` wrote.

    Raises
    ------
    InputError
        When it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        first = next(self._lines(), b"")
        with suppress(ValueError, RecursionError, LookupError, TypeError):
            self.origin = str(json.loads(first)["origin"])
            if first == canonical_json({"schema": EXPORT_SCHEMA, "origin": self.origin}) + b"\n":
                return
        raise InputError(f"expected an export of a ledger in {path}, got something else", hint=_HINT)

    def entries(self) -> Generator[Entries]:
        """Entries in order, some at a time."""
        lines = enumerate(islice(self._lines(), 1, None), 2)
        texts = (self._text("entry", line, number) for number, line in lines if line.startswith(ENTRY))
        begin = 0
        while payloads := [text.encode("utf-8") for text in islice(texts, BATCH)]:
            positions = range(begin, begin + len(payloads))
            yield Entries(positions, [*map(kind_of, payloads)], payloads, [*map(leaf_hash, payloads)])
            begin += len(payloads)

    def checkpoints(self) -> Generator[KeptCheckpoint]:
        """Checkpoints in order, by the number of entries before each; what is no entry must be one."""
        size = 0
        for number, line in enumerate(islice(self._lines(), 1, None), 2):
            if line.startswith(ENTRY):
                size += 1
            else:
                yield KeptCheckpoint(size, self._text("checkpoint", line, number))

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """An export keeps no nodes."""
        return iter(())

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """An export keeps no nodes."""
        return iter(())

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                while line := file.readline(LONGEST_LINE):
                    yield line
        except OSError as error:
            raise InputError(
                f"cannot read {self._path}: {error.strerror}", hint="check the path and its permissions"
            ) from error

    def _text(self, name: str, line: bytes, number: int) -> str:
        """The one text of a line, in its one form: of a name given twice, another reader may take the other one."""
        with suppress(ValueError, RecursionError, LookupError, TypeError):
            text = json.loads(line[len(name) + 4 : -2])
            if isinstance(text, str) and _line(name, text) == line:
                return text
        raise InputError(f"line {number} of {self._path} is not one of an export of a ledger", hint=_HINT)


def _line(name: str, text: str) -> bytes:
    """A line of an export, in its canonical form."""
    return f'{{"{name}":{_TEXT.encode(text)}}}\n'.encode()


def export_ledger(storage: Storage, path: Path) -> int:
    """Write all entries and checkpoints of a ledger to a file, whole or not at all; return the number of entries.

    Salts stay where they are: what was committed to cannot be opened with an export.
    """
    with storage.reading() as connection, open_durably(path) as file:
        history = StoredHistory(storage, connection)
        file.write(canonical_json({"schema": EXPORT_SCHEMA, "origin": history.origin}) + b"\n")
        checkpoints = history.checkpoints()
        upcoming = next(checkpoints, None)
        size = 0
        payloads = chain.from_iterable(entries.payloads for entries in history.entries())
        for size, payload in enumerate(payloads, 1):
            file.write(_line("entry", payload.decode()))
            while upcoming is not None and upcoming.size <= size:
                file.write(_line("checkpoint", upcoming.note))
                upcoming = next(checkpoints, None)
        for late in chain([upcoming] if upcoming else [], checkpoints):
            file.write(_line("checkpoint", late.note))
    return size
