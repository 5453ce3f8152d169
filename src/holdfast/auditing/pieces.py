"""Pieces of tables that other processes read for themselves: rows of files, and what is worked out from them there."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.adapters.tables.batches import Part, RowBatches
    from holdfast.kernels.drift.profile import Plan
    from holdfast.kernels.drift.two_sample import TwoSampleTest

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

PIECE_CELLS = 10_000_000


class Workers(Protocol):
    """Processes elsewhere: they apply a function of a module to plain data, item by item, and answer in order."""

    def __call__(self, function: Callable[[S, T], R], shared: S, items: Iterable[T], /) -> Iterator[R]: ...


class File(NamedTuple):
    """A Parquet file that every worker finds at the same path: absolute, with its size to tell it from another."""

    path: str
    n_bytes: int


class Piece(NamedTuple):
    """Some rows of a file."""

    file: File
    start: int
    stop: int


def can_travel(*tables: RowBatches | None) -> bool:
    """Whether workers can read these tables themselves: all of their parts are files."""
    return all(table is not None and all(part.path is not None for part in table.parts) for table in tables)


def files_of(rows: RowBatches) -> tuple[File, ...]:
    """Name the files of a table."""
    return tuple(_file(part.path) for part in rows.parts if part.path is not None)


def _file(path: Path) -> File:
    return File(str(path.absolute()), path.stat().st_size)


def pieces_of(rows: RowBatches, *, n_cells: int = PIECE_CELLS) -> Iterator[Piece]:
    """Cut a table into pieces of about so many cells."""
    for part, file in zip(rows.parts, files_of(rows), strict=True):
        step = max(n_cells // max(len(part.columns), 1), 1)
        for start in range(0, part.n_rows, step):
            yield Piece(file, start, min(start + step, part.n_rows))


def count_piece(plan: Plan, piece: Piece) -> dict[str, Any]:
    """Count a piece on cells; returns the state of a profile.

    Raises
    ------
    InputError
        When the file cannot be read, or is not the one that was cut into pieces.
    """
    from holdfast.auditing.profiling import count
    from holdfast.kernels.drift.profile import Profile

    part = _found(piece.file)
    if part.n_rows < piece.stop:
        raise _another(piece.file, f"{piece.stop:,} rows or more", f"{part.n_rows:,}")
    profile = Profile(plan)
    count(part, profile, start=piece.start, stop=piece.stop)
    return profile.state()


def compare_column(tables: tuple[tuple[File, ...], tuple[File, ...]], name: str) -> TwoSampleTest | None:
    """Compare a column of numbers of two tables by its values."""
    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.auditing.drifting import compare_values

    first, second = (RowBatches("", tuple(map(_found, files))) for files in tables)
    return compare_values(first, second, name)


def _found(file: File) -> Part:
    from holdfast.adapters.tables.batches import parquet_part

    path = Path(file.path)
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(
            f"the worker {socket.gethostname()} cannot read {path}: {error.strerror}",
            hint="put the files into a folder that every machine of the cluster reaches by the same path",
        ) from None
    if n_bytes != file.n_bytes:
        raise _another(file, f"{file.n_bytes:,} bytes", f"{n_bytes:,}")
    return parquet_part(path)


def _another(file: File, expected: str, found: str) -> InputError:
    return InputError(
        f"expected {expected} in {file.path} on the worker {socket.gethostname()}, got {found}",
        hint="give every machine of the cluster the same files, and let nobody write to them meanwhile",
    )
