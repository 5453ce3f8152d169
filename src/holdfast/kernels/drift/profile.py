"""A profile of a table: what is kept of its columns, on cells that a reference has fixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.category_counts import CategoryCounts, common_categories
from holdfast.kernels.drift.grid import NumberGrid, number_grid
from holdfast.kernels.drift.number_counts import NumberCounts
from holdfast.kernels.drift.word_counts import common_words, rows_with_words

if TYPE_CHECKING:
    from holdfast.kernels.drift.word_drift import CountWords, Rows

Kind = Literal["number", "time", "category", "text"]
VERSION = 2
TEXT_SHARE = 0.5
"""A column of texts of which more than this share of a sample differ from all others is prose or an id."""


class Numbers(NamedTuple):
    """A batch of a column of numbers: float64, NaN for missing."""

    values: NDArray[np.float64]


class Texts(NamedTuple):
    """A batch of a column of texts: how often each stands in it."""

    counts: Mapping[str, int]
    n_missing: int


Batch = Mapping[str, Numbers | Texts]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPlan:
    """How a column is counted.

    Attributes
    ----------
    kind
        ``number``; ``time`` (seconds since 1970); ``category``; ``text``: prose and ids, whose lengths and words count.
    grid
        Cells of the numbers, or of the lengths of the texts.
    categories
        Texts counted one by one; of prose and ids, none.
    words
        Words of prose counted by name; without any, as for ids, words are not counted.
    """

    kind: Kind
    grid: NumberGrid
    categories: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def is_same(self, other: ColumnPlan) -> bool:
        """Whether counts after both may be added."""
        mine, others = ((each.kind, each.categories, each.words) for each in (self, other))
        return mine == others and self.grid.is_same(other.grid)


Plan = dict[str, ColumnPlan]


def batch_of(cells: Mapping[str, NDArray[Any]]) -> Batch:
    """Hand columns in memory to a profile: numbers, or objects whose texts are counted; ``None`` is missing."""
    batch: dict[str, Numbers | Texts] = {}
    for name, column in cells.items():
        if column.dtype.kind in "fiub":
            batch[name] = Numbers(column.astype(np.float64))
            continue
        counts = Counter(str(value) for value in column.tolist() if value is not None)
        batch[name] = Texts(counts, column.size - counts.total())
    return batch


def count_words_in(reference: Batch, current: Batch) -> CountWords:
    """Return what counts words by name in two tables held in memory."""

    def count(column: str, cells: frozenset[int]) -> tuple[Rows | None, Rows | None]:
        first, second = (batch.get(column) for batch in (reference, current))
        assert isinstance(first, Texts)
        assert isinstance(second, Texts)
        return rows_with_words(first.counts, cells=cells), rows_with_words(second.counts, cells=cells)

    return count


def plan_profile(sample: Batch, *, times: Iterable[str] = (), n_cells: int = 1024) -> Plan:
    """Fix the cells of every column by a sample of the reference.

    Any sample does: which rows it holds decides how fine the cells are, not what is counted on them.

    Parameters
    ----------
    sample : mapping of str to Numbers or Texts
    times : iterable of str
        Columns of numbers that are instants.
    n_cells : int, default 1024
        About how many cells a column of numbers gets.

    Returns
    -------
    dict of str to ColumnPlan
    """
    plan: Plan = {}
    instants = set(times)
    for name, column in sample.items():
        if isinstance(column, Numbers):
            plan[name] = ColumnPlan(
                "time" if name in instants else "number", number_grid(column.values, n_cells=n_cells)
            )
            continue
        n = sum(column.counts.values())
        sizes = np.repeat(
            np.fromiter((len(text) for text in column.counts), dtype=np.float64, count=len(column.counts)),
            np.fromiter(column.counts.values(), dtype=np.int64, count=len(column.counts)),
        )
        kind: Kind = "text" if n > 1 and len(column.counts) > max(TEXT_SHARE * n, 20) else "category"
        categories = common_categories(column.counts) if kind == "category" else ()
        words = common_words(column.counts) if kind == "text" else ()
        plan[name] = ColumnPlan(kind, number_grid(sizes, n_cells=256), categories, words)
    return plan


@dataclass(slots=True)
class Profile:
    """Counts of a table.

    Attributes
    ----------
    plan
        How its columns are counted.
    columns
        What was counted, by name.
    n_rows
        Rows seen.
    absent
        Columns of the plan that some of the rows did not have, with how many rows.
    added
        Columns outside the plan, with their type and in how many rows they stood.
    """

    plan: Plan
    columns: dict[str, NumberCounts | CategoryCounts] = field(init=False)
    n_rows: int = 0
    absent: dict[str, int] = field(default_factory=dict)
    added: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = {
            name: NumberCounts(column.grid)
            if column.kind in ("number", "time")
            else CategoryCounts(column.categories, column.grid, column.words)
            for name, column in self.plan.items()
        }

    def update(self, batch: Batch, *, n_rows: int) -> None:
        """Count rows with all of their columns, one column after the other in the same room."""
        for name, given in batch.items():
            self.update_columns({name: given}, n_rows=n_rows)
            if name in self.columns:
                self.columns[name].settle()
        self.end_rows(batch, n_rows=n_rows)

    def update_columns(self, batch: Batch, *, n_rows: int) -> None:
        """Count some columns of rows. One that came with another type is counted as such and not compared."""
        for name, given in batch.items():
            column = self.columns.get(name)
            if isinstance(given, Numbers) and isinstance(column, NumberCounts):
                column.update(given.values)
            elif isinstance(given, Texts) and isinstance(column, CategoryCounts):
                column.update(given.counts, n_missing=given.n_missing)
            else:
                kind = "numbers" if isinstance(given, Numbers) else "texts"
                seen = self.added.setdefault(name, {})
                seen[kind] = seen.get(kind, 0) + n_rows
                if column is not None:
                    self.absent[name] = self.absent.get(name, 0) + n_rows

    def end_rows(self, names: Container[str], *, n_rows: int) -> None:
        """Count rows of whose columns, which have these names, all were counted; others of the plan are absent."""
        self.n_rows += n_rows
        for name in self.columns:
            if name not in names:
                self.absent[name] = self.absent.get(name, 0) + n_rows

    def merge(self, other: Self) -> None:
        """Add the counts of other rows. The result does not depend on order or split, to the last bit.

        Raises
        ------
        ValueError
            When they were counted after another plan.
        """
        same = self.plan.keys() == other.plan.keys()
        if not same or not all(self.plan[name].is_same(other.plan[name]) for name in self.plan):
            raise ValueError("expected profiles on the same cells, got others; make the later one like the first")
        for name, column in self.columns.items():
            column.merge(other.columns[name])  # type: ignore[arg-type]
        self.n_rows += other.n_rows
        for name, rows in other.absent.items():
            self.absent[name] = self.absent.get(name, 0) + rows
        for name, kinds in other.added.items():
            seen = self.added.setdefault(name, {})
            for kind, rows in kinds.items():
                seen[kind] = seen.get(kind, 0) + rows

    def state(self) -> dict[str, Any]:
        """Return the profile as JSON values."""
        columns = {
            name: {
                "kind": column.kind,
                "edges": [repr(edge) for edge in column.grid.edges.tolist()],
                "centre": repr(column.grid.centre),
                "categories": list(column.categories),
                "listed": list(column.words),
                **self.columns[name].state(),
            }
            for name, column in self.plan.items()
        }
        return {
            "holdfast_profile": VERSION,
            "rows": self.n_rows,
            "absent": dict(sorted(self.absent.items())),
            "added": {name: dict(sorted(kinds.items())) for name, kinds in sorted(self.added.items())},
            "columns": columns,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Take up what `state` gave.

        Raises
        ------
        ValueError
            When it is of another version, or its parts contradict each other.
        """
        if state.get("holdfast_profile") != VERSION:
            raise ValueError(f"expected a profile of version {VERSION}, got {state.get('holdfast_profile')!r}")
        plan: Plan = {}
        for name, column in state["columns"].items():
            edges = np.array([float(edge) for edge in column["edges"]], dtype=np.float64)
            grid = NumberGrid(edges, float(column["centre"]))
            if not np.isfinite([*edges, grid.centre]).all() or (np.diff(edges) <= 0).any():
                raise ValueError(f"expected rising edges and a centre in column {name!r}, got others")
            if column["kind"] not in ("number", "time", "category", "text"):
                raise ValueError(f"expected a kind of column for {name!r}, got {column['kind']!r}")
            plan[name] = ColumnPlan(column["kind"], grid, tuple(column["categories"]), tuple(column["listed"]))
        profile = cls(plan)
        for name, column in plan.items():
            given = state["columns"][name]
            if column.kind in ("number", "time"):
                profile.columns[name] = NumberCounts.from_state(column.grid, given)
            else:
                profile.columns[name] = CategoryCounts.from_state(column.categories, column.grid, given, column.words)
        profile.n_rows = int(state["rows"])
        profile.absent = {name: int(rows) for name, rows in state["absent"].items()}
        profile.added = {name: {kind: int(n) for kind, n in kinds.items()} for name, kinds in state["added"].items()}
        return profile
