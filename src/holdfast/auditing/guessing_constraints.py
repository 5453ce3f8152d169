"""Guess what holds of the inputs in every row, each with its reason: whole numbers, ranges, groups, relations."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from holdfast.auditing.subject import cells_of
from holdfast.core.subject import Table
from holdfast.kernels.robustness.constraints import unmet
from holdfast.kernels.robustness.relations import KEYWORDS, Relation, learn, parse_relation

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

FEWEST_ROWS = 50
FEWEST_SHARES = 10
# Pairs of columns are compared; a wider table is compared by its first columns of each kind.
MOST_PAIRED = 60
MOST_LEVELS = 1000
MOST_RELATIONS = 20
PLAIN_WORD = re.compile(r"[^\W\d]\w*")

Field = Literal["integer", "ranges", "one_hot", "relations"]


@dataclass(frozen=True, slots=True)
class Constraint:
    """One guess: the deployment field, what it holds, the reason, and whether it is a fact or only what was seen."""

    field: Field
    value: Any
    reason: str
    is_fact: bool = True


def guess_constraints(tables: Sequence[Table], *, inputs: Sequence[str], text: Collection[str]) -> list[Constraint]:
    """Guess constraints from the first table, and keep those that the others fulfil.

    Parameters
    ----------
    tables
        The training table first, if there is one.
    inputs
        Columns to look at.
    text
        Those of them that hold free text.
    """
    frame = tables[0].frame
    columns = {name: frame[name] for name in inputs if name in frame.columns and name not in text}
    if frame.height < FEWEST_ROWS:
        return []
    others = [table for table in tables[1:] if set(columns) <= set(table.frame.columns)]
    groups = [group for group in _groups(columns, frame.height) if all(_keeps(table, group=group) for table in others)]
    hot = {name for group in groups for name in group.value}
    single = {name: column for name, column in columns.items() if name not in hot}
    related = [
        guess
        for guess in (*_dependences(single), *_orders(single))
        if all(_keeps(table, relation=guess, teacher=tables[0]) for table in others)
    ]
    return [*_whole(single), *_ranges(single), *groups, *related[:MOST_RELATIONS]]


def _whole(columns: Mapping[str, pl.Series]) -> Iterator[Constraint]:
    for name, column in columns.items():
        known = column.drop_nulls()
        if column.dtype.is_float() and known.n_unique() > 2 and bool((known == known.round()).all()):
            yield Constraint("integer", name, f"all {known.len():,} numbers are whole, though stored as decimals")


def _ranges(columns: Mapping[str, pl.Series]) -> Iterator[Constraint]:
    for name, column in columns.items():
        if not column.dtype.is_numeric():
            continue
        known = column.drop_nulls()
        finite = known.filter(known.is_finite())
        if finite.n_unique() < 2:
            continue
        ends = tuple(int(end) if float(end).is_integer() else float(end) for end in (finite.min(), finite.max()))  # type: ignore[arg-type]
        is_share = column.dtype.is_float() and ends[0] >= 0 and ends[1] <= 1 and finite.n_unique() >= FEWEST_SHARES
        if is_share:
            yield Constraint("ranges", (name, (0, 1)), f"all {finite.len():,} numbers lie between 0 and 1")
        else:
            yield Constraint("ranges", (name, ends), f"smallest and largest of {finite.len():,}", is_fact=False)


def _groups(columns: Mapping[str, pl.Series], n_rows: int) -> Iterator[Constraint]:
    from holdfast.kernels.robustness.found_relations import one_hot_groups

    kinds = {name: column for name, column in columns.items() if column.dtype.is_numeric() or _is_boolean(column)}
    for group in one_hot_groups({name: column.to_numpy() for name, column in kinds.items()}):
        yield Constraint("one_hot", group, f"exactly one is 1 in all {n_rows:,} rows")


def _dependences(columns: Mapping[str, pl.Series]) -> Iterator[Constraint]:
    from holdfast.kernels.robustness.found_relations import dependences

    # Texts before numbers: a number follows the category it belongs to.
    usable = [name for name, column in columns.items() if _has_levels(column)]
    ordered = sorted(usable[:MOST_PAIRED], key=lambda name: columns[name].dtype.is_numeric())
    for found in dependences({name: _codes(columns[name]) for name in ordered}):
        words = _written(found.column), _written(found.of)
        if None not in words:
            reason = (
                f"each of its {found.n_levels:,} levels goes with one value, in all {len(columns[found.of]):,} rows"
            )
            yield Constraint("relations", f"{words[0]} follows {words[1]}", reason)


def _orders(columns: Mapping[str, pl.Series]) -> Iterator[Constraint]:
    from holdfast.kernels.robustness.found_relations import orders

    numeric = [name for name, column in columns.items() if column.dtype.is_numeric()][:MOST_PAIRED]
    cells = cells_of(_frame(columns, numeric))
    for found in orders({name: cells[name].astype("float64") for name in numeric}):
        words = _written(found.low), _written(found.high)
        if None not in words:
            n = len(columns[found.low])
            reason = f"holds in all {n:,} rows, and would not if the two had nothing to do with each other"
            yield Constraint("relations", f"{words[0]} <= {words[1]}", reason)


def _keeps(
    table: Table, *, group: Constraint | None = None, relation: Constraint | None = None, teacher: Table | None = None
) -> bool:
    """Whether no row of another table breaks a guess."""
    groups = [group.value] if group else []
    relations: list[Relation] = [parse_relation(relation.value)] if relation else []
    names = [*(group.value if group else ()), *(name for each in relations for name in each.columns)]
    if teacher is not None:
        relations = list(learn(relations, cells_of(teacher.frame.select(names))))
    try:
        return not unmet(cells_of(table.frame.select(names)), limits={}, relations=relations, one_hot=groups)
    except ValueError:  # the column has another type in this table
        return False


def _has_levels(column: pl.Series) -> bool:
    import polars as pl

    is_level = column.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum) or column.dtype.is_numeric()
    return is_level and 2 <= column.n_unique() <= MOST_LEVELS


def _codes(column: pl.Series) -> NDArray[np.int64]:
    import polars as pl

    place = column.rank("dense").cast(pl.Int64) - 1
    return place.fill_null(-1).to_numpy()


def _frame(columns: Mapping[str, pl.Series], names: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame([columns[name] for name in names])


def _is_boolean(column: pl.Series) -> bool:
    import polars as pl

    return column.dtype == pl.Boolean and not column.null_count()


def _written(name: str) -> str | None:
    """A column as a relation names it; ``None`` where that is not possible."""
    if PLAIN_WORD.fullmatch(name) and name not in KEYWORDS:
        return name
    return None if "`" in name or not name.strip() else f"`{name}`"
