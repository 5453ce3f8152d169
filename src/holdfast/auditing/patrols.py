"""A generated log of patrols with a known truth: the ground on which a feedback loop is planted.

Every day each area is patrolled or not, drawn with a known probability. Incidents are as frequent in all areas, and are
seen only where there is a patrol. The score of an area is its share of the incidents seen so far; in the log without a
loop each incident seen counts by the inverse of the probability that it was, so that patrols do not move the scores
(Ensign et al. 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

INCIDENTS, PATROLS, SEEN_BEFORE = 0.4, 2.0, 2.0


def patrol_log(
    rng: np.random.Generator,
    *,
    is_loop: bool,
    areas: int = 16,
    days: int = 100,
    coin_share: float = 0.2,
    keeps_propensity: bool = True,
) -> pl.DataFrame:
    """Draw a log.

    Parameters
    ----------
    is_loop
        Whether the scores follow what patrols happened to see; else they wander by themselves.
    coin_share
        Share of decisions left to a fair coin; 0 sends patrols to the areas with the highest scores.
    keeps_propensity
        Whether the probabilities were logged.

    Returns
    -------
    pl.DataFrame
        ``area``, ``day``, ``patrolled``, ``chance`` (of the decision as taken), ``score``, and ``incident``, which is
        missing where nobody was.
    """
    import numpy as np
    import polars as pl

    before = rng.dirichlet(np.full(areas, 20.0)) * areas * SEEN_BEFORE
    seen, wandering, days_drawn = before.copy(), np.zeros(areas), []
    for day in range(days):
        wandering = 0.9 * wandering + 0.05 * rng.normal(size=areas)
        score = seen if is_loop else before * np.exp(wandering)
        score = score / score.sum()
        wanted = np.clip(PATROLS * score, 0.0, 1.0) if coin_share else 1.0 * (np.argsort(np.argsort(-score)) < PATROLS)
        chance = coin_share / 2.0 + (1.0 - coin_share) * wanted
        patrolled = rng.random(areas) < chance
        incident = rng.random(areas) < INCIDENTS
        seen = seen + (patrolled & incident)
        days_drawn.append(
            pl.DataFrame(
                {
                    "area": [f"area {number + 1}" for number in range(areas)],
                    "day": np.full(areas, day),
                    "patrolled": patrolled,
                    "chance": np.where(patrolled, chance, 1.0 - chance),
                    "score": score,
                    "incident": pl.Series(incident.astype(float)).zip_with(
                        pl.Series(patrolled), pl.Series([None] * areas, dtype=pl.Float64)
                    ),
                }
            )
        )
    log = pl.concat(days_drawn)
    return log if keeps_propensity else log.drop("chance")
