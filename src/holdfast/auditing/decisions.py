"""The log of decisions: read, held against what was said of it, and brought into one form."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from holdfast.auditing.moments import moments
from holdfast.core.decision_log import DecisionLog
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

GUIDE = "see the guide `Find out whether decisions feed on themselves`"
FEWEST_RETURNS = 4  # decisions for each unit on average, from which on units are taken as groups
COLUMNS = tuple(field.name for field in fields(DecisionLog) if field.name not in {"table", "selected"})


def read_decisions(log: DecisionLog, source: Any) -> Table:
    """Read a log of decisions.

    Parameters
    ----------
    source
        Path or frame.

    Returns
    -------
    Table
        ``time`` (float), ``selected`` (bool), ``group`` (text); ``propensity`` (that the case be selected), ``score``
        and ``outcome`` (floats) where the log has them. In the order of time.

    Raises
    ------
    InputError
        When a column that is named or needed is absent, or holds what it cannot.
    """
    import polars as pl

    from holdfast.adapters.tables.digest import table_digest
    from holdfast.adapters.tables.reading import read_table

    table = read_table(source, name="decisions")
    frame = table.frame
    if frame.height == 0:
        raise InputError("the log of decisions has no rows", hint=GUIDE)
    columns = {role: found for role in COLUMNS if (found := _column(log, role, frame.columns)) is not None}
    for role in ("time", "decision"):
        if role not in columns:
            raise InputError(
                f"the log of decisions has no column {role!r}",
                hint=f"say which it is with decisions.{role} in holdfast.yaml; columns: {', '.join(frame.columns)}",
            )
    time = moments(frame[columns["time"]], where="the log of decisions")
    if "unit" in columns:
        _refuse_twice(frame[columns["unit"]], time)
    selected = _selected(frame[columns["decision"]], log.selected)
    parts = [pl.Series("time", time), pl.Series("selected", selected), _group(frame, columns)]
    if "propensity" in columns:
        parts.append(pl.Series("propensity", _propensity(frame[columns["propensity"]], selected)))
    parts += [_numbers(frame[columns[role]]).alias(role) for role in ("score", "outcome") if role in columns]
    read = pl.DataFrame(parts).sort("time", maintain_order=True)
    return Table(name="decisions", frame=read, digest=table_digest(read), source=table.source, notes=table.notes)


def _column(log: DecisionLog, role: str, columns: list[str]) -> str | None:
    named = getattr(log, role)
    if named is None:
        return role if role in columns else None
    if named not in columns:
        raise InputError(
            f"decisions.{role} names a column {named!r} that the log of decisions does not have",
            hint=did_you_mean(named, columns),
        )
    return str(named)


def _group(frame: pl.DataFrame, columns: dict[str, str]) -> pl.Series:
    """Return what the system may learn about; all cases are one group where that is not known."""
    import polars as pl

    name = columns.get("group", columns.get("unit"))
    if name is None or ("group" not in columns and frame[name].n_unique() * FEWEST_RETURNS > frame.height):
        return pl.repeat("all cases", frame.height, dtype=pl.String, eager=True).alias("group")
    return frame[name].cast(pl.String).fill_null("(none)").alias("group")


def _refuse_twice(unit: pl.Series, time: NDArray[np.float64]) -> None:
    import polars as pl

    twice = pl.DataFrame([unit.alias("unit"), pl.Series("time", time)]).is_duplicated()
    if twice.any():
        raise InputError(
            f"{int(twice.sum())} rows of the log decide about one unit twice at one time, such as "
            f"{unit.filter(twice)[0]!r}",
            hint="keep one row for each decision, or do not name decisions.unit",
        )


def _selected(decision: pl.Series, selected: str | int | float | bool | None) -> NDArray[np.bool_]:
    import polars as pl

    if decision.null_count():
        raise InputError(f"{decision.null_count()} rows of the log have no decision in {decision.name!r}", hint=GUIDE)
    kinds = decision.unique(maintain_order=True)
    if kinds.len() > 2:
        raise InputError(
            f"expected two decisions in {decision.name!r}, got {kinds.len()}: {', '.join(map(str, kinds[:5]))}",
            hint="keep the rows of the two decisions that you compare, or write the others as one",
        )
    if selected is not None:
        chosen = decision.cast(pl.String).str.to_lowercase() == str(selected).lower()
        if decision.dtype.is_numeric() and isinstance(selected, (int, float)):
            chosen = decision == selected
        if not chosen.any():
            raise InputError(
                f"decisions.selected is {selected!r}, and no decision is",
                hint=did_you_mean(str(selected), kinds.to_list()),
            )
        return chosen.to_numpy()
    is_flag = decision.dtype == pl.Boolean or (decision.dtype.is_numeric() and set(kinds.to_list()) <= {0, 1})
    if not is_flag:
        raise InputError(
            f"it is not clear after which decision in {decision.name!r} the outcome is seen: "
            f"{', '.join(map(str, kinds))}",
            hint="say so with decisions.selected in holdfast.yaml",
        )
    return decision.cast(pl.Boolean).to_numpy()


def _propensity(column: pl.Series, selected: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the probability of being selected, from that of the decision as it was taken."""
    import numpy as np

    taken = _numbers(column).fill_null(float("nan")).to_numpy()
    bad = np.flatnonzero(~((taken > 0.0) & (taken <= 1.0)))
    if bad.size:
        got = "nothing" if np.isnan(taken[bad[0]]) else f"{taken[bad[0]]:g}"
        raise InputError(
            f"expected in {column.name!r} the probability with which the decision was taken, above 0 and up to 1; row "
            f"{int(bad[0]) + 1} has {got}; {bad.size} of {taken.size} rows are so",
            hint="it is 1 where nothing was left to chance; remove the column if it is not known",
        )
    return np.where(selected, taken, 1.0 - taken)


def _numbers(column: pl.Series) -> pl.Series:
    import polars as pl

    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise InputError(f"expected numbers in {column.name!r} of the log of decisions, got {column.dtype}", hint=GUIDE)
    numbers = column.cast(pl.Float64).fill_nan(None)
    if numbers.is_infinite().any():
        raise InputError(f"expected finite numbers in {column.name!r} of the log of decisions")
    return numbers
