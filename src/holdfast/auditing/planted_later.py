"""Faults of today's table, each planted into a copy of a clean twin that has one."""

from __future__ import annotations

from dataclasses import replace

from holdfast.auditing.credit import TARGET, Twin, clean_twin, credit_table

SEED = 20_262
LATER_ROWS = 3000


def later_twin(seed: int) -> Twin:
    """Draw the clean twin, and applicants of today in the same way."""
    import numpy as np

    return replace(clean_twin(seed), current=credit_table(LATER_ROWS, np.random.default_rng((SEED, seed))))


def incomes_fell(twin: Twin) -> Twin:
    """Let those who apply today earn a seventh less."""
    import polars as pl

    return _today(twin, pl.col("income") * 6 / 7)


def sorted_by_income(twin: Twin) -> Twin:
    """Sort today's rows by income, and give the columns in another order: nothing has moved."""
    assert twin.current is not None
    return replace(twin, current=twin.current.sort("income").select(reversed(twin.current.columns)))


def debts_forgiven(twin: Twin) -> Twin:
    """Let half of those who owe much and would default be let off: the inputs are the same and mean something else."""
    import numpy as np
    import polars as pl

    assert twin.current is not None
    spared = pl.Series(np.random.default_rng(SEED).random(twin.current.height) < 0.5)
    owes_much = pl.col("debt") > pl.col("debt").median()
    return _today(twin, pl.when(spared & owes_much).then(0).otherwise(pl.col(TARGET)).alias(TARGET))


def others_apply(twin: Twin) -> Twin:
    """Let half of those who owe much stay away: fewer default, and what the inputs mean is the same."""
    import numpy as np
    import polars as pl

    assert twin.current is not None
    stays = pl.Series(np.random.default_rng(SEED).random(twin.current.height) < 0.5)
    return replace(twin, current=twin.current.filter(stays | (pl.col("debt") <= pl.col("debt").median())))


def wrong_and_as_sure(twin: Twin) -> Twin:
    """Leave a third of today's outcomes to chance, of which one in five has come: the model is as sure as ever."""
    import numpy as np
    import polars as pl

    assert twin.current is not None
    rng = np.random.default_rng(SEED)
    tossed = pl.Series(rng.integers(0, 2, twin.current.height))
    by_chance = pl.Series(rng.random(twin.current.height) < 1 / 3)
    return _one_in_five(_today(twin, pl.when(by_chance).then(tossed).otherwise(pl.col(TARGET)).alias(TARGET)))


def surer_and_right(twin: Twin) -> Twin:
    """Let most of those who owe much stay away: the model is surer than before, and right to be."""
    return _one_in_five(others_apply(twin))


def _one_in_five(twin: Twin) -> Twin:
    import numpy as np
    import polars as pl

    assert twin.current is not None
    has_come = pl.Series(np.random.default_rng(SEED + 1).random(twin.current.height) < 0.2)
    return _today(twin, pl.when(has_come).then(pl.col(TARGET)).alias(TARGET))


def _today(twin: Twin, column: object) -> Twin:
    assert twin.current is not None
    return replace(twin, current=twin.current.with_columns(column))  # type: ignore[arg-type]
