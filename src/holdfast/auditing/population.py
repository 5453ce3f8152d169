"""The stated population: guessed for a first configuration, and held against the tables before an audit begins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Table
from holdfast.kernels.data.population import mistaken_category, read_ranges, weight_column

if TYPE_CHECKING:
    import polars as pl

GUIDE = "see the guide `Say whom the model is for`"
TOLERANCE = 0.011  # shares of a published table are rounded
FIELD = "deployment.population"
MOST_GUESSED = 12


def check_population(deployment: Deployment, tables: Mapping[str, Table]) -> None:
    """Refuse a population that cannot be that of these tables.

    Parameters
    ----------
    tables
        ``train`` and ``test``, and ``population`` where the population is stated by a table.

    Raises
    ------
    InputError
        When it is stated twice, names columns or categories that the tables do not have while they have similar ones
        that it does not name, or its shares do not sum to one.
    """
    audited = [tables[name] for name in ("test", "train") if name in tables]
    reference = tables.get("population")
    if reference is not None and deployment.population:
        raise InputError("the population is stated twice, by a table and by shares", hint=f"keep one; {GUIDE}")
    for column, shares in deployment.population.items():
        _check_shares(column, shares)
        if not any(column in table.frame.columns for table in audited):
            raise InputError(
                f"{FIELD} names a column {column!r} that the {audited[0].name} table does not have",
                hint=did_you_mean(column, audited[0].frame.columns),
            )
        _check_categories(column, list(shares), audited, FIELD)
    if reference is not None:
        _check_reference(reference, audited)


def _check_shares(column: str, shares: Mapping[str, float]) -> None:
    bad = [name for name, share in shares.items() if not 0.0 <= share < math.inf]
    if bad:
        raise InputError(f"expected shares between 0 and 1 in {FIELD}.{column}, got {shares[bad[0]]} for {bad[0]!r}")
    total = sum(shares.values())
    if abs(total - 1.0) > TOLERANCE:
        percent = abs(total - 100.0) <= 100.0 * TOLERANCE
        hint = "write 51 % as 0.51" if percent else "name all categories, the rest as one of its own"
        raise InputError(f"expected the shares of {FIELD}.{column} to sum to 1, they sum to {total:g}", hint=hint)


def _check_reference(reference: Table, audited: Sequence[Table]) -> None:
    known = {name for table in audited for name in table.frame.columns}
    common = [name for name in reference.frame.columns if name in known]
    if not common:
        raise InputError(
            f"the table of the population has no column of the {audited[0].name} table, only "
            f"{', '.join(map(repr, reference.frame.columns[:10]))}",
            hint=did_you_mean(reference.frame.columns[0], audited[0].frame.columns),
        )
    if reference.frame.height == 0:
        raise InputError("the table of the population has no rows")
    weight = weight_column(reference.frame.columns, known)
    if weight is not None:
        weights = reference.frame.get_column(weight)
        if (
            not weights.dtype.is_numeric()
            or weights.null_count()
            or not bool((weights >= 0).all())
            or not weights.sum()
        ):
            raise InputError(
                f"expected numbers of zero or more, and not all zero, in the column {weight!r} of the population",
                hint="it says how many people a row stands for; rename it if it does not",
            )
    for column in common:
        values = reference.frame.get_column(column)
        if not values.dtype.is_numeric():
            _check_categories(column, _texts([values]), audited, "the population")


def _check_categories(column: str, stated: Sequence[str], audited: Sequence[Table], where: str) -> None:
    values = [table.frame.get_column(column) for table in audited if column in table.frame.columns]
    if any(part.dtype.is_numeric() for part in values):
        try:
            read_ranges(stated)
        except ValueError as error:
            raise InputError(f"{where}, {column}, a column of numbers: {error}", hint=GUIDE) from None
        return
    seen = _texts(values)
    if not set(stated) & set(seen):
        raise InputError(
            f"{where} names none of the categories of {column!r}; it names {_some(stated)}",
            hint=f"the tables hold {_some(seen)}",
        )
    pair = mistaken_category(stated, seen)
    if pair is not None:
        raise InputError(
            f"{where} names {pair[0]!r} in {column!r}, which no table holds; they hold {pair[1]!r}, which it does not "
            "name",
            hint=f"did you mean {pair[1]!r}?",
        )


def _texts(values: Iterable[pl.Series]) -> list[str]:
    import polars as pl

    parts = [part.drop_nulls().unique(maintain_order=True).cast(pl.String).to_list() for part in values]
    return list(dict.fromkeys(text for part in parts for text in part))


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:10])) + (", …" if len(names) > 10 else "")


def guess_population(table: Table, columns: Sequence[str]) -> dict[str, dict[str, float]]:
    """Say what the shares of a table are, for a person to put those of the population in their place.

    Parameters
    ----------
    columns
        Those to state; one with more than twelve categories is left out.

    Returns
    -------
    dict
        Per column the share of each category, numbers in ranges, rounded so that they sum to one.
    """
    import polars as pl
    from numpy import searchsorted

    from holdfast.kernels.data.population_columns import weighted_cuts

    found: dict[str, dict[str, float]] = {}
    for name in columns:
        values, names = table.frame.get_column(name).drop_nulls(), list[str]()
        if values.dtype.is_numeric() and values.n_unique() > MOST_GUESSED:
            numbers = values.cast(pl.Float64).to_numpy()
            cuts = sorted({float(round(cut)) for cut in weighted_cuts(numbers, numbers * 0 + 1)})
            if not cuts:
                continue
            names = [f"<{cuts[0]:g}", *(f"{low:g} to below {high:g}" for low, high in pairwise(cuts)), f"{cuts[-1]:g}+"]
            values = pl.Series(name, [names[place] for place in searchsorted(cuts, numbers, side="right")])
        elif values.n_unique() > MOST_GUESSED or values.is_empty():
            continue
        counts = dict(values.cast(pl.String).value_counts(sort=False, name="rows").rows())
        order = [label for label in names if label in counts] or sorted(counts)
        shares = {category: round(counts[category] / values.len(), 3) for category in order}
        largest = max(shares, key=lambda category: shares[category])
        shares[largest] = round(shares[largest] + 1.0 - sum(shares.values()), 3)
        found[name] = shares
    return found
