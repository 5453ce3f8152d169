"""What a replay of a history says of when to train again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.errors import did_you_mean
from holdfast.core.measurement import Interval

if TYPE_CHECKING:
    import polars as pl

OURS = "when it pays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What errors and training cost, in one unit.

    Attributes
    ----------
    error
        A wrong answer; for numbers, a unit of absolute error.
    retraining
        Training again and putting the model to use.
    trial
        Training a model only to see whether it would be better: the trigger by cost does so in each period.
    """

    error: float = 1.0
    retraining: float = 0.0
    trial: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A strategy and what it would have cost.

    Attributes
    ----------
    trained
        How often it would have trained again.
    loss
        Wrong answers, or the sum of absolute errors.
    cost
        In all.
    dearer
        Interval of how much dearer it is than the trigger by cost, ``None`` for itself.
    dearer_by
        How much it was.
    """

    name: str
    trained: int
    loss: float
    cost: float
    dearer: Interval | None
    dearer_by: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay showed.

    Attributes
    ----------
    contenders
        The cheapest first.
    ages
        ``age`` in periods, ``loss``, ``low``, ``high``: loss per decision of models of that age, less that of fresh
        ones.
    over_time
        ``strategy``, ``period``, ``cost``: cost so far.
    gain, gain_interval
        What training again before the last period was expected to save, as a cost, over the model that the trigger by
        cost had in use; ``None`` without a row to tell.
    gain_horizon
        Periods that the new model was to serve for.
    """

    contenders: tuple[Contender, ...]
    ages: pl.DataFrame
    over_time: pl.DataFrame
    gain: float | None
    gain_interval: Interval | None
    gain_horizon: int
    costs: Costs
    n_periods: int
    n_decided: int
    n_rows: int
    is_regression: bool
    assumptions: tuple[str, ...]

    def __getitem__(self, name: str) -> Contender:
        """Look a strategy up by its name."""
        found = {each.name: each for each in self.contenders}
        if name not in found:
            raise KeyError(f"no strategy {name!r}; {did_you_mean(name, found)}")
        return found[name]
