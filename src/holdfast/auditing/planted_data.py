"""Faults of the tables, each planted into a copy of a clean twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.credit import TARGET, Twin, train_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 20_261


def leaked_target(twin: Twin) -> Twin:
    """Add a column that repeats the target in 97 of 100 rows, as a field filled in after the outcome does."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)
    tables = []
    for table in (twin.train, twin.test):
        wrong = rng.random(table.height) < 0.03
        tables.append(
            table.with_columns(pl.Series("collection_calls", np.where(wrong, 1 - table[TARGET], table[TARGET])))
        )
    return Twin(tables[0], tables[1], train_model(tables[0]))


def leaked_by_two(twin: Twin) -> Twin:
    """Add what was due and what was paid in the end: all of it in the good cases, and less in most others."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)
    tables = []
    for table in (twin.train, twin.test):
        due = np.round(rng.lognormal(6.0, 1.0, table.height), 2)
        short = (table[TARGET] == 1).to_numpy() & (rng.random(table.height) < 0.97)
        paid = np.where(short, np.round(due * rng.uniform(0.2, 0.95, table.height), 2), due)
        tables.append(table.with_columns(pl.Series("amount_due", due), pl.Series("amount_paid", paid)))
    return Twin(tables[0], tables[1], train_model(tables[0]))


def identifier_column(twin: Twin) -> Twin:
    """Add a running number as an input of the model."""
    import polars as pl

    train = twin.train.with_columns(pl.Series("application", range(100_000, 100_000 + twin.train.height)))
    start = 100_000 + twin.train.height
    test = twin.test.with_columns(pl.Series("application", range(start, start + twin.test.height)))
    return Twin(train, test, train_model(train))


def copied_rows(twin: Twin) -> Twin:
    """Replace a fifth of the test rows by rows of the training table."""
    import polars as pl

    copied = twin.train.sample(twin.test.height // 5, seed=SEED)
    return replace(twin, test=pl.concat([twin.test.head(twin.test.height - copied.height), copied]))


def altered_rows(twin: Twin) -> Twin:
    """Replace a fifth of the test rows by rows of the training table whose income has changed since."""
    import polars as pl

    later = twin.train.sample(twin.test.height // 5, seed=SEED).with_columns(income=pl.col("income") * 1.02)
    return replace(twin, test=pl.concat([twin.test.head(twin.test.height - later.height), later]))


def rewritten_rows(twin: Twin) -> Twin:
    """Replace a fifth of the test rows by rows of people who are a year older and want the money for something else."""
    import polars as pl

    later = twin.train.sample(twin.test.height // 5, seed=SEED)
    later = later.with_columns(pl.col("age") + 1, purpose=pl.lit("holiday"))
    return replace(twin, test=pl.concat([twin.test.head(twin.test.height - later.height), later]))


def alike_rows(twin: Twin) -> Twin:
    """Give a fifth of the test rows the income and the region of a training row, and no more."""
    import polars as pl

    shared = twin.train.sample(twin.test.height // 5, seed=SEED).select("income", "region")
    kept, given = twin.test.head(twin.test.height - shared.height), twin.test.tail(shared.height)
    return replace(twin, test=pl.concat([kept, given.with_columns(*shared.iter_columns())]))


def careless_labels(twin: Twin) -> Twin:
    """Turn the outcome of every eighth training row around, and train the model on that."""
    import numpy as np
    import polars as pl

    turned = np.random.default_rng(SEED).random(twin.train.height) < 0.125
    outcome = pl.when(pl.Series(turned)).then(1 - pl.col(TARGET)).otherwise(pl.col(TARGET)).alias(TARGET)
    train = twin.train.with_columns(outcome)
    return replace(twin, train=train, model=train_model(train))


def few_women(twin: Twin) -> Twin:
    """Leave two of three women out of the training table."""
    import numpy as np
    import polars as pl

    drawn = np.random.default_rng(SEED).random(twin.train.height) < 1 / 3
    train = twin.train.filter((pl.col("sex") == "male") | pl.Series(drawn))
    return replace(twin, train=train, model=train_model(train))


def kept_back(twin: Twin) -> Twin:
    """Leave the debt out of the training rows of one in five who default, as if they had not stated it."""
    return _without_debt(twin, twin.train[TARGET].to_numpy() == 1)


def lost_by_chance(twin: Twin) -> Twin:
    """Leave the debt out of as many training rows in all, whatever became of the people."""
    import numpy as np

    n_lost = int((twin.train[TARGET] == 1).sum())
    chosen = np.zeros(twin.train.height, dtype=np.bool_)
    chosen[np.random.default_rng(SEED + 1).permutation(twin.train.height)[:n_lost]] = True
    return _without_debt(twin, chosen)


def _without_debt(twin: Twin, among: NDArray[np.bool_]) -> Twin:
    import numpy as np
    import polars as pl

    lost = among & (np.random.default_rng(SEED).random(among.size) < 0.2)
    train = twin.train.with_columns(pl.when(pl.Series(~lost)).then(pl.col("debt")).alias("debt"))
    return replace(twin, train=train, model=train_model(train))


def unit_error(twin: Twin) -> Twin:
    """Write the income of a tenth of the test rows in cents instead of euros."""
    import numpy as np
    import polars as pl

    hit = np.random.default_rng(SEED).random(twin.test.height) < 0.1
    income = pl.when(pl.Series(hit)).then(pl.col("income") * 100).otherwise(pl.col("income")).alias("income")
    return replace(twin, test=twin.test.with_columns(income))


def unequal_incomes(twin: Twin) -> Twin:
    """Let women be those who earn less: outcomes and answers differ by sex, and what a probability means does not."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)

    def assigned(table: pl.DataFrame) -> pl.DataFrame:
        logs = np.log(table["income"].to_numpy())
        share = 1.0 / (1.0 + np.exp(6.0 * (logs - logs.mean())))
        return table.with_columns(pl.Series("sex", np.where(rng.random(table.height) < share, "female", "male")))

    train, test = assigned(twin.train), assigned(twin.test)
    return replace(twin, train=train, test=test, model=train_model(train))


def other_unit(twin: Twin) -> Twin:
    """Count the income of test rows by the year, while the model learned it by the month."""
    import polars as pl

    return replace(twin, test=twin.test.with_columns(income=pl.col("income") * 12))
