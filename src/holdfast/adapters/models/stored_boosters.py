"""What LightGBM and XGBoost keep of their training data: rows in leaves, extreme values, categories."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.stored_arrays import short_names
from holdfast.core.subject import Stored, StoredValues

if TYPE_CHECKING:
    import polars as pl

NO_COUNTS = (
    "XGBoost writes the sum of second derivatives in a leaf, not the number of rows, so the file does not say how "
    "many people a leaf stands for."
)
LEAF_COUNT = re.compile(r"^leaf_count=(.*)$", re.MULTILINE)
FEATURE_RANGES = re.compile(r"^feature_infos=(.*)$", re.MULTILINE)


def read_lightgbm(booster: Any, categories: Mapping[str, Sequence[Any]], X: pl.DataFrame | None) -> Stored:
    """Read the leaf counts, the smallest and largest value of each feature, and the lists of categories.

    Parameters
    ----------
    categories
        Column to its list of categories.
    X
        The training inputs in the order of the booster, or ``None``.
    """
    return Stored(
        leaf_rows=lightgbm_leaf_rows(booster),
        values=(*_extremes(booster, X), *category_values(categories, X, "LightGBM")),
    )


def read_xgboost(categories: Mapping[str, Sequence[Any]], X: pl.DataFrame | None) -> Stored:
    """Read the lists of categories; XGBoost counts nobody."""
    values = tuple(category_values(categories, X, "XGBoost"))
    return Stored(leaf_rows=np.zeros(0, dtype=np.int64), values=values, notes=(NO_COUNTS,))


def is_fitted_lightgbm(estimator: Any) -> bool:
    """Whether an object is a fitted estimator of LightGBM."""
    kind = getattr(sys.modules.get("lightgbm"), "LGBMModel", None)
    return isinstance(kind, type) and isinstance(estimator, kind) and hasattr(estimator, "booster_")


def lightgbm_leaf_rows(booster: Any) -> NDArray[np.int64]:
    """Return the training rows in each leaf of each tree."""
    counts = " ".join(LEAF_COUNT.findall(booster.model_to_string()))
    return np.array(counts.split(), dtype=np.float64).astype(np.int64)


def category_values(
    categories: Mapping[str, Sequence[Any]], X: pl.DataFrame | None, holder: str
) -> Iterator[StoredValues]:
    """Count how many rows have each category that a booster lists."""
    import polars as pl

    for column, listed in categories.items():
        names = [str(category) for category in listed]
        n_rows = np.full(len(names), -1, dtype=np.int64)
        if X is not None:
            counts = dict(X[column].cast(pl.String).value_counts().iter_rows())
            n_rows = np.array([counts.get(name, 0) for name in names], dtype=np.int64)
        yield StoredValues(holder=holder, column=column, kind="category", names=short_names(names), n_rows=n_rows)


def _extremes(booster: Any, X: pl.DataFrame | None) -> Iterator[StoredValues]:
    """Read ``feature_infos``, which holds ``[smallest:largest]`` of each numeric feature."""
    stated = FEATURE_RANGES.search(booster.model_to_string(num_iteration=1))
    for position, span in enumerate(stated[1].split(" ") if stated else ()):
        if span.startswith("["):
            ends = [float(end) for end in span.strip("[]").split(":")]
            n_rows = [-1, -1] if X is None else [int((X.to_series(position) == end).sum()) for end in ends]
            yield StoredValues(
                holder="LightGBM",
                column=f"column {position}" if X is None else X.columns[position],
                kind="number",
                names=short_names(["minimum", "maximum"]),
                n_rows=np.array(n_rows, dtype=np.int64),
            )
