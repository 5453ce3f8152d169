"""The same generated applicants with models of other kinds: a fitted scikit-learn pipeline, and one of amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.auditing.credit import HOUSING, TARGET, Twin, credit_table, logistic

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

NUMBERS = ("age", "income", "debt", "employed_years", "late_payments")
REPAID = "repaid"


def scaled_twin(seed: int, *, rows: int = 6000) -> Twin:
    """Draw the credit table, split it, and fit a pipeline whose parts can be looked into to the training rows."""
    import numpy as np

    table = credit_table(rows, np.random.default_rng(seed))
    train, test = table.head(rows // 2), table.tail(rows - rows // 2)
    return Twin(train, test, fit_scaled(train, 0), fit=fit_scaled)


def fit_scaled(train: pl.DataFrame, seed: int, *, scaled_to: pl.DataFrame | None = None) -> Any:
    """Fit a logistic regression on numbers scaled to [0, 1] over the rows of a table, the training rows by default."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler

    scaler = MinMaxScaler().fit((train if scaled_to is None else scaled_to).select(NUMBERS))
    model = logistic(seed).fit(scaler.transform(train.select(NUMBERS)), train[TARGET].to_numpy())
    return Pipeline([("scaler", scaler), ("model", model)])


def repayment_twin(seed: int, *, rows: int = 6000) -> Twin:
    """Draw what applicants repay in the first year, with errors that scatter alike for all, and a model of it.

    Returns
    -------
    Twin
        Its target ``repaid`` is in EUR; the errors are normal with a standard deviation of 200.
    """
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(seed)
    table = credit_table(rows, rng).drop(TARGET)
    table = table.with_columns((expected_repayment(table) + pl.Series(rng.normal(0.0, 200.0, rows))).alias(REPAID))
    train, test = table.head(rows // 2), table.tail(rows - rows // 2)
    return Twin(train, test, _fit_linear(train, 0), fit=_fit_linear, target=REPAID, task="regression")


def expected_repayment(table: pl.DataFrame) -> pl.Series:
    """Return what is repaid on average, EUR: linear in income, debt, late payments and housing."""
    import polars as pl

    rents = (pl.col("housing") == "rent").cast(pl.Float64)
    linear = 300.0 + 0.4 * pl.col("income") + 0.05 * pl.col("debt") - 90.0 * pl.col("late_payments") - 150.0 * rents
    return table.select(linear.alias(REPAID)).to_series()


def _fit_linear(train: pl.DataFrame, seed: int) -> Any:
    """Fit least squares, which leaves nothing to chance."""
    import numpy as np

    def encode(frame: pl.DataFrame) -> NDArray[np.float64]:
        numbers = frame.select(NUMBERS).to_numpy().astype(np.float64)
        return np.column_stack([np.ones(frame.height), numbers, *(frame["housing"] == name for name in HOUSING[1:])])

    weights = np.linalg.lstsq(encode(train), train[REPAID].to_numpy(), rcond=None)[0]

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        return np.asarray(encode(frame) @ weights)

    return predict
