"""Histories to verify: a database, or a file with all of it: entries and checkpoints, a JSON value on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.evidence.ledger_storage import Entry, KeptCheckpoint, Storage
from holdfast.evidence.statement import kind_of
from holdfast.evidence.writing import open_durably
from holdfast.kernels.merkle.tree import leaf_hash

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXPORT_SCHEMA = "https://holdfast.dev/schema/ledger-export/1"
LONGEST_LINE = 1 << 26
_HINT = "write it again with `holdfast ledger export`"


class StoredHistory:
    """What a database holds at one moment."""

    def __init__(self, storage: Storage, connection: Connection) -> None:
        self.origin = storage.origin()
        self._storage = storage
        self._connection = connection

    def entries(self) -> Iterator[Entry]:
        """Entries in order; what a hand put in place of bytes or numbers comes as something that fits nothing."""
        for position, kind, payload, leaf in self._storage.entries(self._connection, 0):
            if type(position) is int and type(payload) is bytes and type(leaf) is bytes:
                yield Entry(position, kind, payload, leaf)
            else:
                yield Entry(-1, str(kind), str(payload).encode("utf-8", "replace"), b"")

    def checkpoints(self) -> Iterator[KeptCheckpoint]:
        """Checkpoints in order."""
        return self._storage.checkpoints(self._connection)

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """What differs from the nodes that the entries from ``begin`` on completed, by level."""
        for level, expected in enumerate(completed):
            first = begin >> level
            found = {
                node.place: node.hash
                for node in self._storage.nodes(self._connection, level, first, first + len(expected))
            }
            for place, value in enumerate(expected, first):
                if found.get(place) != value:
                    yield f"node {place} of level {level}: {'not as signed' if place in found else 'missing'}"

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """Nodes that belong to no entry."""
        n_nodes = self._storage.count(self._connection, "nodes")
        if n_nodes != size - size.bit_count():
            yield f"expected {size - size.bit_count()} nodes over {size} entries, found {n_nodes}"


class ExportedHistory:
    """What a file holds that :func:`export_ledger` wrote.

    Raises
    ------
    InputError
        When it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        head = next(self._lines(0), {})
        if head.get("schema") != EXPORT_SCHEMA or not isinstance(head.get("origin"), str):
            raise InputError(f"expected an export of a ledger in {path}, got something else", hint=_HINT)
        self.origin: str = head["origin"]

    def entries(self) -> Iterator[Entry]:
        """Entries in order."""
        texts = (line["entry"] for line in self._lines(1) if "entry" in line)
        for position, text in enumerate(texts):
            payload = str(text).encode("utf-8", "surrogatepass")
            yield Entry(position, kind_of(payload), payload, leaf_hash(payload))

    def checkpoints(self) -> Iterator[KeptCheckpoint]:
        """Checkpoints in order, by the number of entries before each."""
        size = 0
        for line in self._lines(1):
            size += "entry" in line
            if "checkpoint" in line:
                yield KeptCheckpoint(size, str(line["checkpoint"]))

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """An export keeps no nodes."""
        return iter(())

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """An export keeps no nodes."""
        return iter(())

    def _lines(self, begin: int) -> Iterator[dict[str, Any]]:
        try:
            with self._path.open("rb") as file:
                number = 0
                while line := file.readline(LONGEST_LINE):
                    number += 1
                    if number > begin:
                        yield self._value(line, number)
        except OSError as error:
            raise InputError(
                f"cannot read {self._path}: {error.strerror}", hint="check the path and its permissions"
            ) from error

    def _value(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not line.endswith(b"\n"):
            raise InputError(f"line {number} of {self._path} is not one of an export of a ledger", hint=_HINT)
        return value


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
        for size, entry in enumerate(history.entries(), 1):
            file.write(canonical_json({"entry": entry.payload.decode()}) + b"\n")
            while upcoming is not None and upcoming.size <= size:
                file.write(canonical_json({"checkpoint": upcoming.note}) + b"\n")
                upcoming = next(checkpoints, None)
        for late in chain([upcoming] if upcoming else [], checkpoints):
            file.write(canonical_json({"checkpoint": late.note}) + b"\n")
    return size
