from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.fairness.inequality import between_groups, inequality

BENEFITS = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 2)), min_size=4, max_size=60)


def test_equal_benefits_are_no_inequality() -> None:
    found = inequality([1.0] * 20)
    assert found is not None
    assert found.entropy.value == found.theil.value == 0.0


def test_indices_are_those_of_the_formulas() -> None:
    b = np.array([1.0, 1, 2, 0, 1, 2, 2, 0, 1])
    found = inequality(b)
    assert found is not None
    r = b / b.mean()
    assert found.entropy.value == pytest.approx((r**2 - 1).mean() / 2)
    assert found.theil.value == pytest.approx((r[r > 0] * np.log(r[r > 0])).sum() / r.size)


def test_parts_within_and_between_add_up() -> None:
    rng = np.random.default_rng(0)
    b, group = rng.choice([0.0, 1, 2], 500), rng.integers(0, 3, 500)
    within = sum(
        (group == at).mean() * (b[group == at].mean() / b.mean()) ** 2 * inequality(b[group == at]).entropy.value  # type: ignore[union-attr]
        for at in range(3)
    )
    between = between_groups(b, group, n_groups=3)
    assert between is not None
    assert within + between.value == pytest.approx(inequality(b).entropy.value)  # type: ignore[union-attr]


@given(BENEFITS)
def test_intervals_hold_the_value_and_the_unit_does_not_matter(cases: list[tuple[int, int]]) -> None:
    b, group = (np.array(part, dtype=float) for part in zip(*cases, strict=True))
    found, other = inequality(b), inequality(7 * b)
    assert (found is None) == (not b.any())
    if found is None or other is None:
        return
    for first, second in zip(found, other, strict=True):
        assert 0.0 <= first.low <= first.value <= first.high
        assert second == pytest.approx(first, abs=1e-9)
    between = between_groups(b, group, n_groups=3)
    if between is not None:
        assert 0.0 <= between.low <= between.value <= between.high
        assert between_groups(7 * b, group, n_groups=3) == pytest.approx(between, abs=1e-9)


def test_nothing_to_spread_has_no_inequality() -> None:
    assert inequality([0.0, 0.0]) is None
    assert inequality([1.0]) is None
    assert between_groups([1.0, 1.0], [0, 0], n_groups=2) is None
    assert between_groups([0.0, 0.0, 0.0, 0.0, 1.0], [1, 1, 2, 2, 0], n_groups=3) is None


@pytest.mark.parametrize("benefit", [[-1.0, 1.0], [np.nan, 1.0]])
def test_what_is_no_benefit_is_refused(benefit: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        inequality(benefit)


CASES = {
    "equal": ([[0.1, 0.8, 0.1]] * 2, [300, 300]),
    "unlike": ([[0.1, 0.8, 0.1], [0.3, 0.6, 0.1]], [300, 100]),
    "six equal": ([[0.1, 0.8, 0.1]] * 6, [300, 100, 50, 40, 30, 30]),
}


def covered(case: str, repeats: int) -> tuple[float, float]:
    rng, hits = np.random.default_rng(0), np.zeros(2)
    shares, n = (np.array(part) for part in CASES[case])
    values, group = np.array([0.0, 1, 2]), np.repeat(np.arange(n.size), n)
    means, weight = shares @ values, n / n.sum()
    mean = weight @ means
    truths = ((weight @ shares @ values**2 / mean**2 - 1) / 2, weight @ (means - mean) ** 2 / (2 * mean**2))
    for _ in range(repeats):
        b = np.concatenate([rng.choice(values, k, p=p) for k, p in zip(n, shares, strict=True)])
        found, between = inequality(b), between_groups(b, group, n_groups=n.size)
        assert found is not None
        assert between is not None
        parts = zip((found.entropy, between), truths, strict=True)
        hits += [each.low - 1e-12 <= truth <= each.high for each, truth in parts]
    return tuple(hits / repeats)


@pytest.mark.parametrize("case", CASES)
def test_intervals_contain_the_truth(case: str) -> None:
    assert min(covered(case, 200)) > 0.89


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_intervals_contain_the_truth_95_percent(case: str) -> None:
    assert min(covered(case, 2000)) > 0.93
