"""Faults that give people away, each planted into a copy of a clean twin, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.credit import TARGET, Twin, train_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl

SEED = 20_261
FAITHS = ("none", "protestant", "catholic", "muslim", "jewish")
NAMES = ("ann", "ben", "carla", "dora", "emil", "fay", "gus", "hana")


def named_in_remarks(twin: Twin) -> Twin:
    """Add remarks, one in twenty of which says how to reach the applicant."""

    def remark(at: int, rng: np.random.Generator) -> str:
        if rng.random() < 0.05:
            return f"asked to write to {NAMES[at % len(NAMES)]}.{at}@example.org about the offer"
        return _ordinary(at, rng)

    return _with_column(twin, "remark", remark)


def numbers_in_remarks(twin: Twin) -> Twin:
    """Add remarks with amounts, versions and references to papers, which name nobody."""
    return _with_column(twin, "remark", _ordinary)


def _ordinary(at: int, rng: np.random.Generator) -> str:
    kinds = ("form 4.2.1 complete, page 3 of 7", "paid 120.50 in 3 parts", "see file A-17", "no answer yet @ branch")
    return kinds[int(rng.integers(len(kinds)))]


def exact_birth_and_postcode(twin: Twin) -> Twin:
    """Add the day of birth and the postcode of each applicant."""
    copy = _with_column(twin, "date_of_birth", _birth)
    return _with_column(copy, "postcode", lambda at, rng: f"{int(rng.integers(10_000, 99_999))}")


def first_digit_of_postcode(twin: Twin) -> Twin:
    """Add the first digit of the postcode only."""
    return _with_column(twin, "postcode", lambda at, rng: f"{int(rng.integers(1, 4))}....")


def _birth(at: int, rng: np.random.Generator) -> str:
    return f"{int(rng.integers(1950, 2000))}-{int(rng.integers(1, 13)):02d}-{int(rng.integers(1, 29)):02d}"


def religion_for_nothing(twin: Twin) -> Twin:
    """Train a model that is also given the religion, which has nothing to do with the outcome."""
    copy = _with_column(twin, "religion", lambda at, rng: str(rng.choice(FAITHS)))
    return replace(copy, model=train_model(copy.train))


def illness_that_matters(twin: Twin) -> Twin:
    """Train a model that is given an illness after which more than half default."""
    import numpy as np
    import polars as pl

    copy = _with_column(twin, "illness", lambda at, rng: "yes" if rng.random() < 0.25 else "no")

    def struck(table: pl.DataFrame, seed: int) -> pl.DataFrame:
        hit = (table["illness"] == "yes").to_numpy() & (np.random.default_rng(seed).random(table.height) < 0.8)
        return table.with_columns(pl.Series(TARGET, np.where(hit, 1, table[TARGET].to_numpy())))

    train, test = struck(copy.train, SEED + 1), struck(copy.test, SEED + 2)
    return replace(copy, train=train, test=test, model=train_model(train))


def _with_column(twin: Twin, name: str, cell: Callable[[int, np.random.Generator], str]) -> Twin:
    """Add a column to both tables; the model stays as it is and does not read it."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng([SEED, *name.encode()])
    tables = [
        table.with_columns(pl.Series(name, [cell(at, rng) for at in range(table.height)]))
        for table in (twin.train, twin.test)
    ]
    return replace(twin, train=tables[0], test=tables[1])
