"""A generated credit table with a known truth, and a model for it: the ground on which faults are planted.

Applicants have an age, sex, region, kind of housing, income (EUR a month), debt (EUR), years employed, number of late
payments and a purpose. Whether one defaults within a year is drawn from a logistic model of debt against income, late
payments, years employed and housing; sex, region and purpose play no part. So the best possible model is known, treats
the sexes alike, and a fault that is planted is the only one there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.deployment import Deployment

    Answer = Callable[[pl.DataFrame], NDArray[np.float64]]

TARGET = "default"
REGIONS = ("north", "east", "south", "west")
HOUSING = ("rent", "own", "family")
PURPOSES = ("car", "furniture", "education", "repairs", "other")


def logistic(seed: int) -> Any:
    """Return the learner that suits how the outcomes are drawn."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=2000, random_state=seed)


@dataclass(frozen=True, slots=True)
class Twin:
    """Training and test table, a model of them, and files that belong to it.

    ``model`` is an estimator or a function that answers a frame; ``fit`` makes one like it from a table and a seed;
    ``decisions`` is a log of decisions that were taken (see :mod:`holdfast.auditing.patrols`) and ``current`` the table
    of today, where there is one; ``given`` holds files that settings name, such as ``signature``, by setting;
    ``deployment`` says what it is for, where that is not credit.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    model: Any
    files: Mapping[str, bytes] = field(default_factory=dict)
    decisions: pl.DataFrame | None = None
    given: Mapping[str, bytes] = field(default_factory=dict)
    fit: Callable[[pl.DataFrame, int], Any] = field(default=lambda table, seed: train_model(table, logistic(seed)))
    target: str = TARGET
    task: Literal["binary", "regression"] = "binary"
    current: pl.DataFrame | None = None
    deployment: Deployment | None = None

    def trained_on(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int) -> Any:
        """Train a model like this one anew."""
        import polars as pl

        return self.fit(X.with_columns(pl.Series(self.target, y)), seed)


def credit_table(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """Draw applicants.

    Parameters
    ----------
    rows
        How many.

    Returns
    -------
    pl.DataFrame
        Columns as the module describes, with ``default`` in {0, 1}, about a quarter of them 1.
    """
    import numpy as np
    import polars as pl

    age = np.clip(rng.normal(42, 12, rows), 18, 80).round().astype(int)
    income = np.exp(rng.normal(7.9, 0.35, rows)).round(0)
    debt = np.exp(rng.normal(8.6, 0.9, rows)).round(0)
    employed = np.minimum(rng.gamma(2.0, 4.0, rows), age - 16).round(1)
    late = rng.poisson(0.7, rows)
    housing = rng.choice(HOUSING, rows, p=(0.5, 0.35, 0.15))
    logit = -2.3 + 0.9 * np.log(debt / income) + 0.8 * late - 0.07 * employed + 0.5 * (housing == "rent")
    return pl.DataFrame(
        {
            "age": age,
            "sex": rng.choice(("female", "male"), rows),
            "region": rng.choice(REGIONS, rows),
            "housing": housing,
            "income": income,
            "debt": debt,
            "employed_years": employed,
            "late_payments": late,
            "purpose": rng.choice(PURPOSES, rows),
            TARGET: (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int),
        }
    )


def train_model(train: pl.DataFrame, learner: Any = None) -> Answer:
    """Fit a learner, a logistic regression by default, on standardised numbers and one-hot categories of the inputs."""
    import polars as pl

    features = [name for name in train.columns if name != TARGET]
    levels = {name: sorted(train[name].unique().to_list()) for name in features if train[name].dtype == pl.String}
    scales = {
        name: (float(train[name].mean()), float(train[name].std()) or 1.0)  # type: ignore[arg-type]
        for name in features
        if name not in levels
    }

    def encode(frame: pl.DataFrame) -> NDArray[np.float64]:
        numbers = [
            ((pl.col(name) - mean) / spread).fill_null(0.0).alias(name) for name, (mean, spread) in scales.items()
        ]
        # Amounts of money are skewed: their logarithm is what the risk is linear in.
        logs = [
            pl.col(n).clip(lower_bound=1).log().fill_null(0.0).alias(f"log {n}")
            for n in ("income", "debt")
            if n in scales
        ]
        dummies = [
            (pl.col(name) == level).fill_null(False).cast(pl.Float64).alias(f"{name}={level}")
            for name, values in levels.items()
            for level in values[1:]
        ]
        return frame.select(*numbers, *logs, *dummies).to_numpy().astype(float)

    fitted = (logistic(0) if learner is None else learner).fit(encode(train), train[TARGET].to_numpy())

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = fitted.predict_proba(encode(frame))
        return scores

    return predict


def clean_twin(seed: int, *, rows: int = 6000) -> Twin:
    """Draw the clean table, split it, train."""
    import numpy as np

    table = credit_table(rows, np.random.default_rng(seed))
    train, test = table.head(rows // 2), table.tail(rows - rows // 2)
    return Twin(train, test, train_model(train), {"incomes.joblib": _ordinary_file(train)})


def _ordinary_file(train: pl.DataFrame) -> bytes:
    """Save what an ordinary project saves beside its model: a fitted step, with joblib."""
    import io

    import joblib
    from sklearn.preprocessing import QuantileTransformer

    buffer = io.BytesIO()
    joblib.dump(QuantileTransformer(n_quantiles=100).fit(train[["income"]].to_numpy()), buffer)
    return buffer.getvalue()
