"""What a scikit-learn model keeps of its training data: whole rows, single values, counts of people in leaves.

Rows are found by what they are and not by a list of estimators: any matrix in a fitted part, at least half of whose
rows equal rows that the part is given. The names below are those under which scikit-learn is known to keep rows; they
count without a table too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import stored_boosters
from holdfast.adapters.models.stored_arrays import short_names
from holdfast.adapters.models.stored_parts import Part, parts_of, transformed
from holdfast.core.subject import Stored, StoredRows, StoredValues
from holdfast.kernels.privacy.stored_rows import equal_rows

KEEPS_ROWS = ("_fit_X", "X_train_", "X_fit_", "X_", "support_vectors_")


def read_stored(estimator: Any, given: Any, *, n_rows: int) -> Stored:
    """Read what a fitted estimator keeps.

    Parameters
    ----------
    given
        The training inputs as the estimator takes them, or ``None``.
    n_rows
        Their number.
    """
    rows: list[StoredRows] = []
    values: list[StoredValues] = []
    leaves: list[NDArray[np.int64]] = []
    forest, notes = "", []
    for part in parts_of(estimator, given):
        rows += _rows(part, n_rows)
        values += _values(part)
        leaves += _leaves(part.estimator)
        forest = forest or _forest(part.estimator)
        notes += _notes(part.estimator)
    return Stored(
        rows=tuple(rows),
        values=tuple(values),
        leaf_rows=np.concatenate(leaves) if leaves else np.zeros(0, dtype=np.int64),
        forest=forest,  # type: ignore[arg-type]  # one of its values
        notes=tuple(dict.fromkeys(notes)),
    )


def _rows(part: Part, n_rows: int) -> Iterator[StoredRows]:
    matrix = _matrix(part.given)
    for name, kept in getattr(part.estimator, "__dict__", {}).items():
        if not _is_matrix(kept):
            continue
        holder, is_known = type(part.estimator).__name__, name in KEEPS_ROWS
        if matrix is not None and kept.shape[1] == matrix.shape[1]:
            found = equal_rows(kept, matrix)
            if is_known or 2 * found.n_equal >= kept.shape[0]:
                yield StoredRows(holder=holder, n_rows=kept.shape[0], n_equal=found.n_equal, is_stored=found.is_stored)
        elif is_known:
            none = np.zeros(n_rows, dtype=bool)
            yield StoredRows(holder=holder, n_rows=kept.shape[0], n_equal=None, is_stored=none)


def _is_matrix(kept: Any) -> bool:
    is_array = isinstance(kept, np.ndarray) or hasattr(kept, "tocsr")
    return is_array and kept.ndim == 2 and kept.dtype.kind in "fiu" and min(kept.shape) > 0


def _matrix(given: Any) -> Any:
    """Return inputs as one matrix of numbers, dense or sparse; ``None`` where they are none."""
    if given is None or hasattr(given, "tocsr"):
        return given if given is None else given.tocsr()
    try:
        matrix = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return matrix if matrix.ndim == 2 else None


def _values(part: Part) -> Iterator[StoredValues]:
    estimator = part.estimator
    if isinstance(getattr(estimator, "vocabulary_", None), dict):
        yield _terms(part)
    for position, categories in enumerate(getattr(estimator, "categories_", ())):
        yield _categories(part, position, categories)
    for position, numbers in enumerate(_numbers_by_column(estimator)):
        yield _numbers(part, position, numbers)


def _terms(part: Part) -> StoredValues:
    vocabulary = part.estimator.vocabulary_
    terms = sorted(vocabulary, key=vocabulary.get)
    found = transformed(part.estimator, part.given)
    n_rows = np.full(len(terms), -1)
    if found is not None and found.shape[1] == len(terms):
        n_rows = np.asarray((found != 0).sum(axis=0)).ravel()
    column = str(getattr(part.given, "name", None) or "text")
    return _stored_values(part, column, "term", terms, n_rows)


def _categories(part: Part, position: int, categories: Any) -> StoredValues:
    names, column = [str(category) for category in categories], _column(part.given, position)
    n_rows = [-1] * len(names)
    if column is not None:
        counts = Counter(map(str, column))
        n_rows = [counts[name] for name in names]
    return _stored_values(part, _column_name(part, position), "category", names, np.array(n_rows, dtype=np.int64))


def _numbers_by_column(estimator: Any) -> list[dict[str, float]]:
    """Name the numbers of each column that may be somebody's own: extremes, quantiles, medians, edges of bins."""
    if hasattr(estimator, "data_min_"):
        ends = zip(estimator.data_min_, estimator.data_max_, strict=True)
        return [{"minimum": low, "maximum": high} for low, high in ends]
    if hasattr(estimator, "quantiles_"):
        return [_numbered("quantile", column) for column in np.transpose(estimator.quantiles_)]
    if hasattr(estimator, "bin_edges_"):
        return [_numbered("edge", edges) for edges in estimator.bin_edges_]
    if getattr(estimator, "strategy", None) in ("median", "most_frequent") and hasattr(estimator, "statistics_"):
        return [{estimator.strategy: value} for value in estimator.statistics_]
    return []


def _numbered(word: str, numbers: Sequence[float]) -> dict[str, float]:
    """Name distinct numbers by the place of their first occurrence."""
    distinct, first = np.unique(np.asarray(numbers, dtype=np.float64), return_index=True)
    return {f"{word} {place}": float(number) for place, number in zip(first, distinct, strict=True)}


def _numbers(part: Part, position: int, numbers: dict[str, float]) -> StoredValues:
    column = _column(part.given, position)
    n_rows = np.full(len(numbers), -1)
    if column is not None:
        n_rows = np.array([_n_equal(column, number) for number in numbers.values()])
    return _stored_values(part, _column_name(part, position), "number", list(numbers), n_rows)


def _n_equal(column: NDArray[Any], number: Any) -> int:
    """Count equal cells; a quantile that falls on a cell may differ from it in the last digit."""
    if column.dtype.kind not in "fiu":
        return int((column == number).sum())
    return int(np.isclose(column.astype(np.float64), float(number), rtol=1e-12, atol=0.0).sum())


def _stored_values(part: Part, column: str, kind: Any, names: Sequence[str], n_rows: Any) -> StoredValues:
    return StoredValues(
        holder=type(part.estimator).__name__,
        column=column,
        kind=kind,
        names=short_names(names),
        n_rows=np.asarray(n_rows, dtype=np.int64),
    )


def _column(given: Any, position: int) -> NDArray[Any] | None:
    if given is None or getattr(given, "ndim", 0) != 2:
        return None
    if hasattr(given, "tocsc"):
        return np.asarray(given.tocsc()[:, [position]].toarray()).ravel()
    return np.asarray(given.iloc[:, position] if hasattr(given, "iloc") else given[:, position])


def _column_name(part: Part, position: int) -> str:
    names = getattr(part.given, "columns", None)
    names = getattr(part.estimator, "feature_names_in_", None) if names is None else names
    return f"column {position}" if names is None else str(names[position])


def _leaves(estimator: Any) -> list[NDArray[np.int64]]:
    if hasattr(estimator, "tree_"):
        tree = estimator.tree_
        return [tree.n_node_samples[tree.children_left < 0].astype(np.int64)]
    if hasattr(estimator, "_predictors"):
        nodes = [predictor.nodes for round_ in estimator._predictors for predictor in round_]
        return [tree["count"][tree["is_leaf"] == 1].astype(np.int64) for tree in nodes]
    if stored_boosters.is_fitted_lightgbm(estimator):
        return [stored_boosters.lightgbm_leaf_rows(estimator.booster_)]
    return []


def _forest(estimator: Any) -> str:
    is_forest = type(estimator).__name__.startswith(("RandomForest", "ExtraTrees")) and hasattr(estimator, "bootstrap")
    return ("bootstrap" if estimator.bootstrap else "all") if is_forest else ""


def _notes(estimator: Any) -> list[str]:
    return [stored_boosters.NO_COUNTS] if hasattr(estimator, "get_booster") else []
