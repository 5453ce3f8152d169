"""Compare two tables, or profiles of them: what has drifted, how far, and what tells them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.auditing.pieces import Workers
    from holdfast.kernels.drift.columns import ColumnDrift
    from holdfast.kernels.drift.comparison import Drift
    from holdfast.kernels.drift.profile import Profile
    from holdfast.kernels.drift.two_sample import TwoSampleTest
    from holdfast.kernels.drift.word_drift import CountWords, Rows

MOST_EXACT_ROWS, MOST_HELD_CELLS = 5_000_000, 40_000_000
INDEPENDENT = (
    "Rows are taken to be independent of each other; rows that follow each other closely make drift look surer."
)
ON_CELLS = (
    "Numbers were compared by their counts on {} cells, which can hide drift inside a cell and never invents it: "
    "p-values are at least those of the values."
)


def find_drift(
    reference: Any,
    current: Any,
    *,
    ignore: Sequence[str] = (),
    alpha: float = 0.05,
    least_effect: float = 0.01,
    level: float = 0.95,
    joint: bool = True,
    workers: Workers | None = None,
) -> Drift:
    """Compare two tables.

    Parameters
    ----------
    reference, current
        CSV or Parquet file, folder of Parquet files, data frame, or a profile that ``holdfast profile`` wrote. A
        current profile must have been counted like the reference.
    ignore
        Columns to leave out, as ids and instants.
    alpha
        Chance of a false alarm over all tests together.
    least_effect
        Share of rows that must have moved for a change to matter.
    level
        Confidence level of the intervals.
    joint
        Whether to look at all columns together too: at rows drawn from both, in this process.
    workers
        Who counts and tests columns of Parquet files; this process otherwise.

    Raises
    ------
    InputError
        When a source cannot be read, holds no rows, or nothing in both can be compared.
    """
    from holdfast.auditing.explaining import explain_drift
    from holdfast.auditing.telling_apart import tell_tables_apart
    from holdfast.auditing.vector_drift import changed_vectors, drift_of_vectors
    from holdfast.kernels.drift.columns import compare_profiles, schema_changes
    from holdfast.kernels.drift.comparison import Drift

    _refuse_limits(alpha, least_effect, level)
    first, rows = _profiled(reference, None, "reference", workers)
    second, later = _profiled(current, first, "current", workers)
    both = {*rows.vectors} & {*later.vectors} if rows is not None and later is not None else set()
    _refuse_nothing(first, second, ignore, both)
    first, second = _without(first, second, ignore)
    exact = _exact(rows, later, first, workers) if rows is not None and later is not None else {}
    apart, pairs, changes = None, {}, schema_changes(first, second)
    if rows is not None and later is not None:
        changes += changed_vectors(rows, later, ignore=ignore)
        share = alpha / 2.0 if joint else alpha
        n_tests = 3 * len(first.plan) + len(rows.vectors)
        pairs = drift_of_vectors(rows, later, ignore=ignore, n_tests=n_tests, alpha=share, level=level)
    if joint and rows is not None and later is not None and first.plan:
        apart = tell_tables_apart(rows, later, ignore=ignore, alpha=alpha / 2.0, least_effect=least_effect, level=level)
    columns = compare_profiles(
        first,
        second,
        exact=exact,
        count_words=_count_words(rows, later),
        vectors=pairs,
        alpha=alpha if apart is None else alpha / 2.0,
        least_effect=least_effect,
        level=level,
    )
    explained = None
    if rows is not None and later is not None:
        plain = [name for name, plan in first.plan.items() if plan.kind in ("number", "category")]
        plain = [name for name in plain if name in rows.columns and not second.absent.get(name)]
        drifted = [each.column for each in columns if each.verdict == "drifted"]
        explained = explain_drift(
            rows, later, columns=plain, drifted=drifted, alpha=alpha, least_effect=least_effect, level=level
        )
    return Drift(
        columns=columns,
        schema=changes,
        apart=apart,
        reference=first,
        current=second,
        sources=(_name(reference, rows), _name(current, later)),
        alpha=alpha,
        least_effect=least_effect,
        level=level,
        explained=explained,
        assumptions=_assumptions(columns, first, apart is not None),
        notes=_vectors_left_out(rows, later)
        + tuple(note for part in (rows, later) if part is not None for note in part.notes),
    )


def _profiled(
    source: Any, like: Profile | None, name: str, workers: Workers | None
) -> tuple[Profile, RowBatches | None]:
    from holdfast.adapters.tables.batches import in_memory, open_batches
    from holdfast.auditing.pieces import can_travel
    from holdfast.auditing.profiling import count_rows, is_profile, plan_for, read_profile
    from holdfast.kernels.drift.profile import Profile

    path = Path(source).expanduser() if isinstance(source, str | Path) else None
    if path is not None and is_profile(path):
        profile = read_profile(path)
        if like is not None and not _same_cells(like, profile):
            raise InputError(
                f"expected a current profile on the cells of the reference, got others in {path}",
                hint="write it with holdfast profile TABLE --like REFERENCE.profile",
            )
        return profile, None
    rows = open_batches(source, name=name, vectors=True)
    travels = workers is not None and can_travel(rows)
    if not travels and rows.n_rows * len(rows.columns) <= MOST_HELD_CELLS:
        rows = in_memory(rows)
    if not rows.n_rows:
        raise InputError(f"expected rows in the {name} table {rows.label}, got none", hint="wait for rows to arrive")
    if not rows.columns:
        profile = Profile(like.plan if like is not None else {})
        profile.update({}, n_rows=rows.n_rows)
        return profile, rows
    return count_rows(rows, plan_for(rows) if like is None else like.plan, workers=workers), rows


def _same_cells(first: Profile, second: Profile) -> bool:
    return first.plan.keys() == second.plan.keys() and all(
        first.plan[name].is_same(second.plan[name]) for name in first.plan
    )


def _refuse_limits(alpha: float, least_effect: float, level: float) -> None:
    for name, value in (("alpha", alpha), ("level", level)):
        if not 0.0 < value < 1.0:
            raise InputError(f"expected {name} inside (0, 1), got {value}")
    if not 0.0 <= least_effect < 1.0:
        raise InputError(f"expected a share of rows from 0 to below 1, got {least_effect}")


def _refuse_nothing(first: Profile, second: Profile, ignore: Sequence[str], vectors: set[str]) -> None:
    known = [*first.plan, *second.added, *vectors]
    for name in ignore:
        if name not in known:
            raise InputError(f"neither table has a column {name!r}", hint=did_you_mean(name, known))
    shared = [name for name in first.plan if name not in ignore and second.absent.get(name, 0) < second.n_rows]
    if not shared and not vectors - {*ignore}:
        raise InputError(
            f"expected a column that both tables have, got {', '.join(list(first.plan)[:5])} against "
            f"{', '.join(list(second.added)[:5]) or 'nothing'}",
            hint="compare tables of the same columns, or check how each was read",
        )


def _without(first: Profile, second: Profile, ignore: Sequence[str]) -> tuple[Profile, Profile]:
    for profile in (first, second):
        for name in ignore:
            profile.plan.pop(name, None)
            profile.columns.pop(name, None)
            profile.absent.pop(name, None)
            profile.added.pop(name, None)
    return first, second


def _exact(rows: RowBatches, later: RowBatches, profile: Profile, workers: Workers | None) -> dict[str, TwoSampleTest]:
    """Test columns of numbers by their values, where both tables are small enough."""
    from holdfast.auditing.pieces import can_travel, compare_column, files_of

    if max(rows.n_rows, later.n_rows) > MOST_EXACT_ROWS:
        return {}
    names = [
        name
        for name, plan in profile.plan.items()
        if plan.kind == "number" and name in rows.columns and name in later.columns
    ]
    if workers is not None and can_travel(rows, later):
        tests = workers(compare_column, (files_of(rows), files_of(later)), names)
    else:
        tests = (compare_values(rows, later, name) for name in names)
    return {name: test for name, test in zip(names, tests, strict=True) if test is not None}


def compare_values(rows: RowBatches, later: RowBatches, name: str) -> TwoSampleTest | None:
    """Compare a column of numbers of two tables by its values; ``None`` where there are too few for a test."""
    import numpy as np

    from holdfast.auditing.profiling import as_numbers
    from holdfast.kernels.drift.two_sample import ks_exact

    sides = []
    for table in (rows, later):
        parts = [frame[name] for frame in table.batches([name]) if name in frame.columns]
        sides.append(np.concatenate([as_numbers(part) for part in parts if part.dtype.is_numeric()] or [np.empty(0)]))
    return ks_exact(*sides)


def _count_words(rows: RowBatches | None, later: RowBatches | None) -> CountWords:
    """Return what counts words by name in the tables that are at hand."""
    from holdfast.auditing.profiling import as_batch
    from holdfast.kernels.drift.profile import Texts
    from holdfast.kernels.drift.word_counts import rows_with_words

    def counted(table: RowBatches | None, column: str, cells: frozenset[int]) -> Rows | None:
        if table is None:
            return None
        found: Counter[str] = Counter()
        for frame in table.batches([column]):
            texts = as_batch(frame).get(column)
            if isinstance(texts, Texts):
                found.update(rows_with_words(texts.counts, cells=cells))
        return found

    return lambda column, cells: (counted(rows, column, cells), counted(later, column, cells))


def _vectors_left_out(rows: RowBatches | None, later: RowBatches | None) -> tuple[str, ...]:
    known = rows if rows is not None else later
    if known is None or (rows is not None and later is not None) or not known.vectors:
        return ()
    names = ", ".join(known.vectors[:5])
    return (f"Vectors ({names}) were not compared: profiles hold none, and both tables must be at hand for that.",)


def _name(source: Any, rows: RowBatches | None) -> str:
    return rows.label if rows is not None else str(source)


def _assumptions(columns: Sequence[ColumnDrift], profile: Profile, has_joint: bool) -> tuple[str, ...]:
    lines = [INDEPENDENT]
    if any(not each.exact for each in columns):
        most = max((column.grid.n_cells for column in profile.plan.values()), default=0)
        lines.append(ON_CELLS.format(f"up to {most:,}"))
    lines.append("One look at two tables: to look again every week, use alarms with a budget for the year.")
    if has_joint:
        lines.append(
            "Half of the chance of a false alarm goes to the columns one by one, half to all of them together."
        )
    return tuple(lines)
