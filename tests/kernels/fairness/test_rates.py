from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.fairness.group_gaps import largest_estimate_gap
from holdfast.kernels.fairness.rates import GroupRate, average_odds, confusion_counts, group_rates, selection_rate


def answers(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(n) < 0.4, rng.random(n) < 0.5, rng.integers(-1, 3, n)


def test_rates_agree_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    selected, deserving, group = answers()
    rates = group_rates(confusion_counts(selected, deserving, group, n_groups=3))
    for at in range(3):
        rows = group == at
        share = {name: rate.successes[at] / rate.trials[at] for name, rate in rates.items()}
        y, p = deserving[rows], selected[rows]
        assert share["true_positive_rate"] == pytest.approx(recall_score(y, p))
        assert share["true_negative_rate"] == pytest.approx(recall_score(~y, ~p))
        assert share["precision"] == pytest.approx(precision_score(y, p))
        assert share["negative_predictive_value"] == pytest.approx(precision_score(~y, ~p))
        assert share["accuracy"] == pytest.approx(accuracy_score(y, p))
        assert share["selection_rate"] == pytest.approx(p.mean())
        assert share["false_positive_rate"] == pytest.approx(1 - share["true_negative_rate"])
        assert share["false_negative_rate"] == pytest.approx(1 - share["true_positive_rate"])


def test_selection_rate_needs_no_outcomes() -> None:
    selected, deserving, group = answers()
    whole = group_rates(confusion_counts(selected, deserving, group, n_groups=3))["selection_rate"]
    alone = selection_rate(selected, group, n_groups=3)
    assert (alone.successes == whole.successes).all()
    assert (alone.trials == whole.trials).all()


def test_rows_of_no_group_count_nowhere() -> None:
    selected, deserving, group = answers()
    assert confusion_counts(selected, deserving, group, n_groups=3).sum() == (group >= 0).sum()


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        confusion_counts([1, 0], [1], [0, 0], n_groups=1)


def test_average_odds_of_a_group_without_trials_is_unknown() -> None:
    both = GroupRate(np.array([5, 0]), np.array([10, 0])), GroupRate(np.array([1, 2]), np.array([10, 10]))
    found = average_odds(*both, level=0.95)
    assert found.value[0] == pytest.approx(0.3)
    assert np.isnan(found.value[1])
    assert (found.low[1], found.high[1]) == (0.0, 1.0)


@pytest.mark.parametrize("sizes", [[40, 60], [500, 300, 30]])
def test_interval_of_the_gap_in_average_odds_contains_the_truth(sizes: list[int]) -> None:
    rng, hits = np.random.default_rng(0), 0
    n = np.array(sizes)
    p, q = np.linspace(0.8, 0.6, n.size), np.linspace(0.1, 0.2, n.size)
    mean = (p + q) / 2
    truth = mean.max() - mean.min()
    for _ in range(300):
        both = GroupRate(rng.binomial(n, p), n), GroupRate(rng.binomial(2 * n, q), 2 * n)
        gap = largest_estimate_gap(lambda level, both=both: average_odds(*both, level=level))
        assert gap is not None
        hits += gap.estimate.low <= truth <= gap.estimate.high
    assert hits / 300 > 0.92
