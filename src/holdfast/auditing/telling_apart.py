"""Look at two tables with all columns together: can a classifier tell their rows apart, and by which columns?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.kernels.drift.comparison import Apart
    from holdfast.kernels.drift.joint import JointTest

    Floats = NDArray[np.float64]

SPREAD_ROWS, MOST_ROWS, FEWEST_ROWS, FEWEST_VALUES = 100_000, 10_000, 50, 30
MOST_CODES, MOST_SHUFFLED = 200, 2_000
SEED = 0


def tell_apart(
    reference: RowBatches,
    current: RowBatches,
    *,
    ignore: Sequence[str] = (),
    alpha: float = 0.025,
    least_effect: float = 0.01,
    level: float = 0.95,
) -> Apart | None:
    """Compare rows of two tables with all columns together; ``None`` with too few rows or columns."""
    import numpy as np

    from holdfast.kernels.drift.comparison import Apart
    from holdfast.kernels.drift.joint import mean_feature_test
    from holdfast.kernels.stats.multiplicity import holm

    rng = np.random.default_rng(SEED)
    first, second = (_sample(rows, rng) for rows in (reference, current))
    names = [name for name in first.columns if name in second.columns and name not in ignore]
    names = [name for name in names if _family(first[name]) == _family(second[name]) != "time"]
    if not names or min(first.height, second.height) < FEWEST_ROWS:
        return None
    X, is_code = _encoded(first, second, names)
    is_current = np.repeat([False, True], [first.height, second.height])
    found = _classified(X, is_code, is_current, names, rng, level)
    if found is None:
        return None
    classifier, shares = found
    means = None
    numeric = [place for place in range(len(names)) if not is_code[place]]
    if numeric:
        filled = _standardised(X[:, numeric], is_current)
        means = mean_feature_test(filled[~is_current], filled[is_current], rng=rng)
    p = holm([test.p_value for test in (classifier, means) if test is not None])
    # An area of A means that the shares of some set of rows differ by 2 A - 1 or more.
    by_classifier = p[0] <= alpha and 2.0 * classifier.effect.low - 1.0 >= least_effect
    by_means = means is not None and p[-1] <= alpha and means.effect.low >= least_effect
    return Apart(
        classifier=classifier,
        means=means,
        shares=shares,
        rows=(first.height, second.height),
        is_shown=bool(by_classifier or by_means),
    )


def _sample(rows: RowBatches, rng: np.random.Generator) -> pl.DataFrame:
    """Draw rows without order from runs spread over a table."""
    import polars as pl

    frame = pl.concat(list(rows.spread(SPREAD_ROWS)), how="diagonal_relaxed")
    kept = rng.permutation(frame.height)[:MOST_ROWS]
    return frame.select(pl.all().gather(kept.tolist()))


def _family(column: pl.Series) -> str:
    if column.dtype.is_temporal():
        return "time"
    return "number" if column.dtype.is_numeric() else "text"


def _encoded(first: pl.DataFrame, second: pl.DataFrame, names: Sequence[str]) -> tuple[Floats, list[bool]]:
    """Write columns as numbers: texts as codes of their most frequent values, prose as lengths, missing as NaN."""
    import numpy as np
    import polars as pl

    from holdfast.auditing.profiling import as_numbers

    columns, is_code = [], []
    for name in names:
        if _family(first[name]) == "number":
            both = pl.concat([first[name].cast(pl.Float64), second[name].cast(pl.Float64)])
            columns.append(np.clip(as_numbers(both), -1e300, 1e300))
            is_code.append(False)
            continue
        both = pl.concat([first[name].cast(pl.String), second[name].cast(pl.String)])
        counts = both.drop_nulls().value_counts(name="times").sort(["times", name], descending=[True, False])
        is_prose = counts.height > max(both.len() - both.null_count(), 40) / 2
        if is_prose:
            columns.append(as_numbers(both.str.len_chars()))
        else:
            frequent = counts[name].head(MOST_CODES).to_list()
            codes = {value: float(place) for place, value in enumerate(frequent)}
            coded = both.replace_strict(codes, default=float(MOST_CODES), return_dtype=pl.Float64)
            columns.append(np.where(both.is_null().to_numpy(), np.nan, as_numbers(coded)))
        is_code.append(not is_prose)
    X = np.column_stack(columns)
    # Trees cannot be fitted on a column without values: whether there is one says all there is to know.
    is_rare = (~np.isnan(X)).sum(axis=0) < FEWEST_VALUES
    X[:, is_rare] = np.isnan(X[:, is_rare])
    return X, [code and not rare for code, rare in zip(is_code, is_rare.tolist(), strict=True)]


def _classified(
    X: Floats,
    is_code: list[bool],
    is_current: NDArray[np.bool_],
    names: Sequence[str],
    rng: np.random.Generator,
    level: float,
) -> tuple[JointTest, list[tuple[str, float]]] | None:
    """Fit boosted trees on one half of the rows and ask them about the other, both ways."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    from holdfast.kernels.drift.joint import classifier_test

    fold = rng.permutation(len(X)) % 2
    if any(np.unique(is_current[fold == part]).size < 2 for part in (0, 1)):
        return None
    score = np.zeros(len(X))
    shuffled, was_shuffled = np.zeros((len(names), len(X))), np.zeros(len(X), dtype=bool)
    for part in (0, 1):
        inside = fold == part
        model: Any = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, learning_rate=0.1, categorical_features=is_code, random_state=SEED,
            early_stopping=False,
        )  # fmt: skip
        model.fit(X[~inside], is_current[~inside])
        score[inside] = model.predict_proba(X[inside])[:, 1]
        looked_at = rng.permutation(np.flatnonzero(inside))[:MOST_SHUFFLED]
        for place in range(len(names)):
            other = X[looked_at]
            other[:, place] = rng.permutation(other[:, place])
            shuffled[place, looked_at] = model.predict_proba(other)[:, 1]
            was_shuffled[looked_at] = True
    found = classifier_test(is_current, score, fold, level=level)
    some = [is_current[was_shuffled], fold[was_shuffled]]
    whole = classifier_test(some[0], score[was_shuffled], some[1], level=level)
    if found is None:
        return None
    lost = {}
    for name, changed in zip(names, shuffled, strict=True):
        without = classifier_test(some[0], changed[was_shuffled], some[1], level=level)
        lost[name] = 0.0 if whole is None or without is None else whole.statistic - without.statistic
    return found, sorted(lost.items(), key=lambda item: (-item[1], item[0]))


def _standardised(X: Floats, is_current: NDArray[np.bool_]) -> Floats:
    """Scale by the reference's quartiles, missing cells at its median; far tails end at ten quartile ranges."""
    import numpy as np

    reference = np.where(np.isnan(X[~is_current]).all(axis=0), 0.0, X[~is_current])
    low, middle, high = np.nanquantile(reference, [0.25, 0.5, 0.75], axis=0)
    scale = np.where(high > low, high - low, 1.0)
    scaled = np.clip((X - middle) / scale, -10.0, 10.0)
    return np.where(np.isnan(scaled), 0.0, scaled)
