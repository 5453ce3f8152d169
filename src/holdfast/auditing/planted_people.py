"""Faults in how a model treats people, each planted into a copy of a clean twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.credit import Twin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.credit import Answer

SEED = 20_261


def sex_decides(twin: Twin) -> Twin:
    """Let the model ask more of women than of men who are alike in everything else."""
    return replace(twin, model=_riskier(twin, lambda frame: frame["sex"] == "female", by=1.0))


def stand_in(twin: Twin) -> Twin:
    """Give the model a form of address in place of the sex, and let it ask more of those addressed as women."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)

    def addressed(table: pl.DataFrame) -> pl.DataFrame:
        is_ms = (table["sex"] == "female").to_numpy() ^ (rng.random(table.height) < 0.02)
        return table.with_columns(pl.Series("address", np.where(is_ms, "Ms", "Mr")))

    copy = replace(twin, train=addressed(twin.train), test=addressed(twin.test))
    return replace(copy, model=_riskier(twin, lambda frame: frame["address"] == "Ms", by=2.0))


def promised_less(twin: Twin) -> Twin:
    """State a risk to women that is higher than it is, below the cut-off and above it."""
    return replace(twin, model=_riskier(twin, lambda frame: frame["sex"] == "female", by=1.5))


def harmed_combination(twin: Twin) -> Twin:
    """Let the model take women of one region for risks: neither women nor the region stand out as much."""
    harmed = {"sex": "female", "region": "north"}
    return replace(twin, model=_riskier(twin, lambda frame: _all_equal(frame, harmed), by=3.0))


def _all_equal(frame: pl.DataFrame, values: Mapping[str, str]) -> pl.Series:
    import polars as pl

    return frame.select(pl.all_horizontal([pl.col(name) == value for name, value in values.items()])).to_series()


def _riskier(twin: Twin, whom: Callable[[pl.DataFrame], pl.Series], *, by: float) -> Answer:
    """Add to the log odds of default of some people."""
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p = np.clip(twin.model(frame), 1e-9, 1 - 1e-9)
        shifted = 1 / (1 + np.exp(-(np.log(p[:, 1] / p[:, 0]) + by * whom(frame).fill_null(False).to_numpy())))
        return np.column_stack([1 - shifted, shifted])

    return predict


def hidden_by_the_cutoff(twin: Twin) -> Twin:
    """Say of women what is nearer to one half, on the same side of it: no answer changes at the cut-off in use."""
    return replace(twin, model=_moderated(twin, lambda frame: frame["sex"] == "female"))


def moderated_renters(twin: Twin) -> Twin:
    """Do so to renters, who are women as often as anybody else."""
    return replace(twin, model=_moderated(twin, lambda frame: frame["housing"] == "rent"))


def _moderated(twin: Twin, whom: Callable[[pl.DataFrame], pl.Series]) -> Answer:
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p = np.clip(twin.model(frame), 1e-9, 1 - 1e-9)
        times = np.where(whom(frame).fill_null(False).to_numpy(), 0.2, 1.0)
        shrunk = 1 / (1 + np.exp(-times * np.log(p[:, 1] / p[:, 0])))
        return np.column_stack([1 - shrunk, shrunk])

    return predict


def refused_undeserved(twin: Twin) -> Twin:
    """Let the model refuse most women, deserving or not."""
    return replace(twin, model=_riskier(twin, lambda frame: frame["sex"] == "female", by=3.0))


def refused_by_chance(twin: Twin) -> Twin:
    """Let the model refuse as many, by where they spend the money instead."""
    purposes = ("car", "furniture")
    return replace(twin, model=_riskier(twin, lambda frame: frame["purpose"].is_in(purposes), by=3.0))


def patrols_follow_patrols(twin: Twin) -> Twin:
    """Log decisions of a system that sends patrols to where patrols found something."""
    return _with_patrols(twin, is_loop=True)


def patrols_follow_rates(twin: Twin) -> Twin:
    """Log decisions of one whose scores change as much, and not with its patrols."""
    return _with_patrols(twin, is_loop=False)


def _with_patrols(twin: Twin, *, is_loop: bool) -> Twin:
    import numpy as np

    from holdfast.auditing.patrols import patrol_log

    return replace(twin, decisions=patrol_log(np.random.default_rng(SEED), is_loop=is_loop))
