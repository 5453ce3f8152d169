"""Compare a model with its trees, read as arrays and composed with its pipeline, on rows that would tell them apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdfast.core.subject import Model, RawTrees
from holdfast.kernels.robustness.composition import Composition, agreement, compose
from holdfast.kernels.robustness.ensemble import check_ensemble, scores
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, UserColumn, encoded

MOST_THRESHOLDS = 60


def cells_of(frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Columns as arrays: numbers as float64 with NaN for missing, all else as objects with None."""
    return {
        column.name: column.cast(pl.Float64).to_numpy()
        if column.dtype.is_numeric()
        else np.array(column.to_list(), dtype=object)
        for column in frame.iter_columns()
    }


def frame_of(cells: Mapping[str, NDArray[np.generic]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The inverse, in the types of the table."""
    return pl.DataFrame(
        {
            name: pl.Series(name, values, nan_to_null=True).cast(schema[name])
            if values.dtype.kind == "f"
            else pl.Series(name, values.tolist(), dtype=schema[name])
            for name, values in cells.items()
        }
    )


def columns_of(frame: pl.DataFrame) -> dict[str, UserColumn]:
    """Describe the columns of a table: its range a little widened, its levels, and whether cells are missing."""
    columns: dict[str, UserColumn] = {}
    for column in frame.iter_columns():
        can_miss = column.null_count() > 0
        if not column.dtype.is_numeric():
            levels = np.array(sorted(column.drop_nulls().unique().to_list()), dtype=object)
            columns[column.name] = CategoryColumn(levels, can_miss)
            continue
        values = column.drop_nulls().cast(pl.Float64).to_numpy()
        columns[column.name] = NumberColumn(
            values, values.min() - 1, values.max() + 1, is_whole=column.dtype.is_integer(), can_miss=can_miss
        )
    return columns


def composed(model: Model, frame: pl.DataFrame) -> Composition:
    """Compose a model's trees with its pipeline over the columns of a table."""

    def features(cells: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
        return model.features(frame_of(cells, frame.schema))

    return compose(model.trees(), features, columns_of(frame), rng=np.random.default_rng(0))


def assert_composes(model: Model, frame: pl.DataFrame, *, atol: float = 1e-9) -> Composition:
    """Assert that the composed ensemble answers as the model does, on random rows and on the edges of its splits."""
    made = composed(model, frame)
    check_ensemble(made.ensemble)
    columns = columns_of(frame)
    for rows in (frame, shuffled(frame), at_thresholds(made, columns, frame)):
        answer = model.predict(rows)
        found = agreement(
            scores(made.ensemble, encoded(columns, cells_of(rows))),
            link=model.trees().link,
            labels=labels_of(model, answer.labels, answer.scores),
            probabilities=answer.scores,
            tie=atol,
        )
        assert found.differing.size == 0
        assert np.isnan(found.largest) or found.largest <= atol
    return made


def labels_of(model: Model, labels: NDArray[np.generic] | None, probabilities: NDArray[np.float64] | None):
    """Return labels as positions in score order, or the values of a regression."""
    if labels is None:
        assert probabilities is not None
        return probabilities.argmax(axis=1)
    if "values" in model.info.capabilities or not model.info.classes:
        return labels
    return np.array([model.info.classes.index(label) for label in labels.tolist()])


def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows whose cells come from different rows."""
    rng = np.random.default_rng(1)
    return frame.select(column[rng.permutation(frame.height)] for column in frame.iter_columns())


def at_thresholds(made: Composition, columns: Mapping[str, UserColumn], frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with one cell exactly on a threshold, and on the numbers before and behind it."""
    rng = np.random.default_rng(2)
    parts = [frame.clear()]
    for position, (name, column) in enumerate(columns.items()):
        if isinstance(column, CategoryColumn):
            continue
        used = made.ensemble.threshold[(made.ensemble.column == position) & (made.ensemble.levels < 0)]
        used = np.unique(used[np.isfinite(used)])
        used = rng.choice(used, min(used.size, MOST_THRESHOLDS), replace=False)
        before, behind = (used - 1, used + 1) if column.is_whole else (np.nextafter(used, s) for s in (-np.inf, np.inf))
        values = np.concatenate([before, used, behind])
        values = values[(values >= column.low) & (values <= column.high)]
        rows = frame[rng.integers(0, frame.height, values.size).tolist()]
        parts.append(rows.with_columns(pl.Series(name, values).cast(frame.schema[name])))
    return pl.concat(parts)


def raw_scores(trees: RawTrees, given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of rows of features, node by node as the fields are documented."""
    total = np.tile(trees.base, (len(given), 1))
    for row, x in enumerate(given):
        for root in trees.roots:
            node = root
            while trees.column[node] >= 0:
                node = trees.left[node] if _goes_left(trees, node, x[trees.column[node]]) else trees.right[node]
            total[row] += trees.value[node]
    return total


def _goes_left(trees: RawTrees, node: int, value: float) -> bool:
    if np.isnan(value):
        return bool(trees.missing_left[node])
    if trees.levels[node] < 0:
        return bool(value <= trees.threshold[node])
    codes = trees.level_sets[trees.levels[node]]
    return bool(codes[int(value)] if 0 <= int(value) < codes.size - 1 else codes[-1])
