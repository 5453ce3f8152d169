from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from holdfast.kernels.drift.columns import ColumnDrift, compare_profiles, other_unit, schema_changes
from holdfast.kernels.drift.grid import number_grid
from holdfast.kernels.drift.number_counts import NumberCounts
from holdfast.kernels.drift.profile import Batch, Numbers, Profile, Texts, count_words_in, plan_profile
from holdfast.kernels.drift.two_sample import ks_exact


def table(seed: int, n: int = 4000, *, shift: float = 0.0, top: float = 0.5, missing: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    x[:missing] = np.nan
    words = Counter(rng.choice(["a", "b", "c"], n, p=[top, 0.8 - top, 0.2]).tolist())
    prose = {"".join(rng.choice(list("xyz"), 9 + (place % 5))) + f"{place:05d}": 1 for place in range(n)}
    return {"x": Numbers(x), "y": Numbers(rng.gamma(2, 1, n)), "c": Texts(words, 0), "t": Texts(prose, 0)}


def compared(current: Batch, n: int = 4000) -> tuple[Profile, Profile]:
    plan = plan_profile(table(0))
    first, second = Profile(plan), Profile(plan)
    first.update(table(0), n_rows=4000)
    second.update(current, n_rows=n)
    return first, second


def by_name(found: list[ColumnDrift]) -> dict[tuple[str, str], str]:
    return {(each.column, each.test.split()[0] + each.test[-5:]): each.verdict for each in found}


def test_what_has_moved_is_drifted_and_the_rest_is_not() -> None:
    found = compare_profiles(*compared(table(1, shift=0.3, top=0.4)))
    assert {each.column for each in found if each.verdict == "drifted"} == {"x", "c"}
    assert all(each.words for each in found)


def test_significance_alone_is_no_drift() -> None:
    found = compare_profiles(*compared(table(1, shift=0.3)), least_effect=0.5)
    x = next(each for each in found if each.column == "x")
    assert x.adjusted < 1e-6
    assert x.verdict == "within"


def test_a_few_rows_can_settle_nothing() -> None:
    found = compare_profiles(*compared(table(1, n=5, shift=0.3), n=5))
    assert {each.verdict for each in found} == {"not shown"}


def test_missing_cells_are_a_drift_of_their_own() -> None:
    found = compare_profiles(*compared(table(1, missing=400)))
    tests = {each.test: each for each in found if each.column == "x"}
    assert tests["chi-square of missing cells"].verdict == "drifted"
    assert tests["chi-square of missing cells"].words == "missing 0.0% to 10.0%"
    assert tests["Kolmogorov-Smirnov"].verdict != "drifted"


def test_an_exact_test_takes_the_place_of_the_one_on_cells() -> None:
    first, second = compared(table(1, shift=0.1))
    test = ks_exact(table(0)["x"].values, table(1, shift=0.1)["x"].values)  # type: ignore[union-attr]
    assert test is not None
    found = compare_profiles(first, second, exact={"x": test})
    assert (found[0].statistic, found[0].exact) == (test.statistic, True)
    assert not compare_profiles(first, second)[0].exact


def test_unseen_categories_are_named() -> None:
    current = dict(table(1))
    current["c"] = Texts({"a": 2000, "b": 1200, "c": 400, "new": 400}, 0)
    found = next(each for each in compare_profiles(*compared(current)) if each.column == "c")
    assert found.verdict == "drifted"
    assert "'new'" in found.words


def test_false_alarms_over_all_columns_keep_to_alpha() -> None:
    alarms = sum(
        any(each.adjusted <= 0.05 for each in compare_profiles(*compared(table(seed, 300), n=300)))
        for seed in range(1, 61)
    )
    assert alarms <= 8  # 60 times 0.05 or fewer; more than 8 has a chance of 0.004


@pytest.mark.parametrize("factor", [1000.0, 0.01, 1.609344])
def test_another_unit_is_recognised(factor: float) -> None:
    first, second = compared({**table(1), "y": Numbers(table(1)["y"].values * factor)})  # type: ignore[union-attr]
    assert other_unit(first.columns["y"], second.columns["y"]) == factor  # type: ignore[arg-type]
    assert any("another unit" in change.change for change in schema_changes(first, second))


def test_a_wider_spread_is_no_other_unit() -> None:
    first, second = compared({**table(1), "y": Numbers(table(1)["y"].values * 1.3)})  # type: ignore[union-attr]
    a, b = first.columns["y"], second.columns["y"]
    assert isinstance(a, NumberCounts)
    assert isinstance(b, NumberCounts)
    assert other_unit(a, b) is None
    assert other_unit(a, a) is None


def test_a_column_that_is_nearly_always_0_is_not_taken_for_another_unit() -> None:
    def ink(seed: int, n: int) -> Numbers:
        rng = np.random.default_rng(seed)
        return Numbers(np.where(rng.random(n) < 0.01, rng.integers(1, 256, n), 0.0))

    found = []
    for seed in range(40):
        before, after = ink(seed, 4000).values, ink(100 + seed, 300).values
        first, second = (NumberCounts(number_grid(before)) for _ in range(2))
        first.update(before)
        second.update(after)
        found.append(other_unit(first, second))
    assert found == [None] * 40


def test_changes_of_the_schema_are_told() -> None:
    current = dict(table(1))
    del current["t"]
    current["x"], current["z"] = Numbers(np.full(4000, np.nan)), Numbers(np.zeros(4000))
    current["c"] = Numbers(np.zeros(4000))
    changes = {change.column: change.change for change in schema_changes(*compared(current))}
    assert changes["t"] == "vanished"
    assert changes["c"] == "was texts, came as numbers"
    assert changes["z"] == "is new"
    assert changes["x"] == "has no value any more"


@pytest.mark.parametrize("constant", [0.0, 1e300])
def test_constant_windows_are_compared(constant: float) -> None:
    found = compare_profiles(*compared({**table(1), "x": Numbers(np.full(4000, constant))}))
    assert found[0].verdict == "drifted"


def test_prose_is_compared_by_its_words() -> None:
    rng = np.random.default_rng(5)
    sides = []
    for share in (0.0, 0.3):
        rows = [f"{place} parcel {'lost' if rng.random() < share else 'came'}" for place in range(2000)]
        sides.append({"t": Texts(Counter(rows), 0)})
    plan = plan_profile(sides[0])
    profiles = Profile(plan), Profile(plan)
    for profile, side in zip(profiles, sides, strict=True):
        profile.update(side, n_rows=2000)
    found = {each.test: each for each in compare_profiles(*profiles, count_words=count_words_in(*sides))}
    words = found["Fisher's exact test of words"]
    assert words.verdict == "drifted"
    assert {each.word for each in words.named} == {"lost", "came"}
    assert "'lost' 0.0% to" in words.words
