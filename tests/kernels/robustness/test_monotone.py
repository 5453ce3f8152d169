from __future__ import annotations

import numpy as np

from holdfast.kernels.robustness.monotone import monotone_directions

RNG = np.random.default_rng(0)
N = 300
CELLS = {
    "up": RNG.normal(size=N),
    "down": RNG.normal(size=N),
    "idle": RNG.normal(size=N),
    "kind": RNG.choice(["a", "b"], N).astype(object),
}
Y = (CELLS["up"] - CELLS["down"] + RNG.normal(size=N) > 0).astype(np.int64)


def directions(features) -> tuple[int, ...]:
    return monotone_directions(CELLS, features, Y, rng=np.random.default_rng(1))


def test_features_that_follow_one_number_get_the_way_the_outcome_goes() -> None:
    found = directions(lambda cells: np.column_stack([cells["up"], -3 * cells["up"], cells["down"] ** 3]))
    assert found == (1, -1, -1)


def test_categories_mixtures_and_constants_get_no_direction() -> None:
    found = directions(
        lambda cells: np.column_stack([cells["kind"] == "a", cells["up"] + cells["down"], np.ones(cells["up"].size)])
    )
    assert found == (0, 0, 0)


def test_missing_numbers_are_left_out() -> None:
    holed = {**CELLS, "up": np.where(np.arange(N) % 5 == 0, np.nan, CELLS["up"])}
    found = monotone_directions(holed, lambda cells: cells["up"][:, None], Y, rng=np.random.default_rng(1))
    assert found == (1,)


def test_a_weak_tie_says_nothing() -> None:
    y = (np.arange(N) % 2).astype(np.int64)
    cells = {"x": np.repeat(np.arange(N / 2), 2)}
    assert monotone_directions(cells, lambda c: c["x"][:, None], y, rng=np.random.default_rng(0)) == (0,)
