"""Read a table a few rows at a time: a Parquet file, a folder of its parts, or any table that `read_table` knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.adapters.tables.dtypes import canonical_frame, countable_frame
from holdfast.adapters.tables.names import check_names
from holdfast.adapters.tables.parquet import MAGIC, damaged_parquet
from holdfast.adapters.tables.reading import read_table
from holdfast.adapters.tables.vectors import is_vector, without_vectors
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl

MOST_CELLS = 2**20
"""As many rows as row groups of Parquet usually hold, or a power of two of them: none is decoded twice."""
FEWEST_ROWS = 1024


Read = Callable[[int, int, Sequence[str]], "pl.DataFrame"]


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one table in memory.

    Attributes
    ----------
    label
        What to call it in messages.
    columns
        Names, in order.
    n_rows
        Rows it holds.
    read
        Reads rows from a position on, at most so many, of some columns; in canonical types.
    count
        The same for counting only: floating point has the width that it is stored in, and may hold NaN.
    path
        The file, where it is one that another process can read as well.
    vectors
        By name of a column that holds vectors: reads its rows from a position on, at most so many. They are no
        `columns`.
    """

    label: str
    columns: tuple[str, ...]
    n_rows: int
    read: Read
    count: Read
    path: Path | None = None
    vectors: Mapping[str, Callable[[int, int], pl.Series]] = field(default_factory=dict)

    def batches(
        self, columns: Sequence[str] | None = None, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """Read all rows, or those from ``start`` to before ``stop``, a few megabytes at a time."""
        wanted = [name for name in self.columns if columns is None or name in columns]
        yield from self._in_steps(self.read, wanted, start, stop)

    def strips(self, *, start: int = 0, stop: int | None = None) -> Iterator[pl.DataFrame]:
        """Read the cells of rows for counting, of few columns and many rows at a time.

        A Parquet file stores its columns one by one and rows in large groups: to ask for some rows of a group decodes
        the whole group, each time.
        """
        n_rows = (self.n_rows if stop is None else min(stop, self.n_rows)) - start
        width = max(MOST_CELLS // max(n_rows, FEWEST_ROWS), 1)
        for first in range(0, len(self.columns), width):
            yield from self._in_steps(self.count, self.columns[first : first + width], start, stop)

    def _in_steps(self, read: Read, columns: Sequence[str], start: int, stop: int | None) -> Iterator[pl.DataFrame]:
        step = max(FEWEST_ROWS, MOST_CELLS // max(len(columns), 1))
        end = self.n_rows if stop is None else min(stop, self.n_rows)
        for first in range(start, end, step):
            yield read(first, min(step, end - first), columns)


@dataclass(frozen=True, slots=True)
class RowBatches:
    """A table as parts.

    Attributes
    ----------
    label
        What to call it in messages.
    parts
        In the order of their names.
    notes
        What was assumed.
    """

    label: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.n_rows for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order of appearance."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.columns))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Read all rows of all parts."""
        for part in self.parts:
            yield from part.batches(columns)

    def spread(self, n_rows: int, *, n_runs: int = 8) -> Iterator[pl.DataFrame]:
        """Read about so many rows, in runs spread evenly over the table: all rows where it holds no more."""
        if self.n_rows <= n_rows:
            yield from self.batches()
            return
        for part, start, length in self._runs(n_rows, n_runs):
            yield part.read(start, length, part.columns)

    @property
    def vectors(self) -> tuple[str, ...]:
        """Names of the columns that hold vectors in all parts."""
        names = dict.fromkeys(name for part in self.parts for name in part.vectors)
        return tuple(name for name in names if all(name in part.vectors for part in self.parts))

    def spread_vectors(self, name: str, n_rows: int, *, n_runs: int = 8) -> Iterator[pl.Series]:
        """Read about so many rows of a column of vectors, as `spread` does."""
        for part, start, length in self._runs(n_rows, n_runs):
            yield part.vectors[name](start, length)

    def _runs(self, n_rows: int, n_runs: int) -> Iterator[tuple[Part, int, int]]:
        """Yield parts with a first row and a number of rows: runs spread evenly, or all rows of all parts."""
        length = max(n_rows // n_runs, 1)
        starts = [int(run * self.n_rows / n_runs) for run in range(n_runs)]
        first = 0
        for part in self.parts:
            inside = [start - first for start in starts if first <= start < first + part.n_rows]
            if n_rows >= self.n_rows:
                inside, length = [0], part.n_rows
            for start in inside:
                yield part, start, min(length, part.n_rows - start)
            first += part.n_rows


def in_memory(rows: RowBatches) -> RowBatches:
    """Read a table whole, where it will be gone through several times. Its parts stay as they are."""
    return RowBatches(rows.label, tuple(map(_held, rows.parts)), rows.notes)


def _held(part: Part) -> Part:
    return replace(_frame_part(part.label, part.read(0, part.n_rows, part.columns), part.n_rows), vectors=part.vectors)


def open_batches(source: object, *, name: str, vectors: bool = False) -> RowBatches:
    """Open a table to be read a few rows at a time.

    Parameters
    ----------
    source
        A Parquet file or a folder of Parquet files, which are not held in memory; else whatever `read_table` takes.
    name
        What the table is, in messages.
    vectors
        Whether columns may hold vectors; they are set apart then.

    Raises
    ------
    InputError
        When it cannot be found or read, or a folder holds no Parquet file.
    """
    import polars as pl

    path = Path(source).expanduser() if isinstance(source, str | Path) else None
    if path is not None and path.is_dir():
        files = sorted(found for found in path.rglob("*.parquet") if found.is_file() and not _is_hidden(found, path))
        if not files:
            raise InputError(
                f"expected Parquet files in the folder {path}, got none", hint="name a file, or its folder"
            )
        return RowBatches(str(path), tuple(parquet_part(file, vectors=vectors) for file in files))
    if path is not None and _is_parquet(path):
        return RowBatches(str(path), (parquet_part(path, vectors=vectors),))
    plain: Any = source
    apart: dict[str, pl.Series] = {}
    if vectors:
        plain, apart = without_vectors(source)
    if apart and not len(plain.columns):
        n_rows = next(iter(apart.values())).len()
        return RowBatches(
            "a frame", (replace(_frame_part("a frame", pl.DataFrame(), n_rows), vectors=_readers(apart)),)
        )
    table = read_table(plain, name=name)
    part = replace(_frame_part(table.source, table.frame, table.frame.height), vectors=_readers(apart))
    return RowBatches(table.source, (part,), table.notes)


def _readers(columns: Mapping[str, pl.Series]) -> dict[str, Callable[[int, int], pl.Series]]:
    return {name: column.slice for name, column in columns.items()}


def _frame_part(label: str, frame: pl.DataFrame, n_rows: int) -> Part:
    def read(start: int, rows: int, columns: Sequence[str]) -> pl.DataFrame:
        return frame.slice(start, rows).select(columns)

    return Part(label, tuple(frame.columns), n_rows, read, read)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(step.startswith((".", "_")) for step in file.relative_to(folder).parts)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def parquet_part(path: Path, *, vectors: bool = True) -> Part:
    """Open a Parquet file; columns of vectors are set apart, or else plain columns that cannot be read.

    Raises
    ------
    InputError
        When it is none, or damaged.
    """
    import polars as pl

    if not _is_parquet(path):
        raise InputError(f"expected a Parquet file, got something else: {path}", hint="remove it from the folder")
    with damaged_parquet(str(path)):
        lazy = pl.scan_parquet(path, glob=False)
        schema = lazy.collect_schema()
        n_rows = int(lazy.select(pl.len()).collect().item())
    check_names(schema.names(), source=str(path))
    apart = [name for name, dtype in schema.items() if vectors and is_vector(dtype)]
    columns = tuple(name for name in schema.names() if name not in apart)

    def stored(start: int, rows: int, wanted: Sequence[str]) -> pl.DataFrame:
        with damaged_parquet(str(path)):
            return lazy.select(wanted).slice(start, rows).collect()

    def read(start: int, rows: int, wanted: Sequence[str]) -> pl.DataFrame:
        return canonical_frame(stored(start, rows, wanted), source=str(path))[0]

    def count(start: int, rows: int, wanted: Sequence[str]) -> pl.DataFrame:
        return countable_frame(stored(start, rows, wanted), source=str(path))

    def reader(name: str) -> Callable[[int, int], pl.Series]:
        def read_vectors(start: int, rows: int) -> pl.Series:
            with damaged_parquet(str(path)):
                return lazy.select(name).slice(start, rows).collect().to_series()

        return read_vectors

    return Part(str(path), columns, n_rows, read, count, path, {name: reader(name) for name in apart})
