from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.drift.joint import area, classifier_test, mean_feature_test


def test_scores_that_tell_tables_apart_are_significant() -> None:
    is_current = np.repeat([False, True], 500)
    rng = np.random.default_rng(0)
    found = classifier_test(is_current, is_current + rng.normal(size=1000), rng.integers(0, 2, 1000))
    assert found is not None
    assert found.p_value < 1e-6
    assert 0.7 < found.effect.low < 0.76 < found.effect.high < 0.82


def test_scores_are_compared_within_a_fold_only() -> None:
    is_current, fold = np.array([False, True] * 50), np.repeat([0, 1], 50)
    found = classifier_test(is_current, fold * 100.0, fold)
    assert found is not None
    assert found.statistic == 0.5


def test_one_table_alone_has_no_test() -> None:
    assert classifier_test([True, True], [1.0, 2.0], [0, 0]) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="fold"):
        classifier_test([True, False], [0.0, 1.0], [0])


def test_a_changed_dependence_is_seen_by_means_of_features() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3000, 2))
    b[:, 1] = 0.8 * b[:, 0] + 0.6 * b[:, 1]
    found = mean_feature_test(a, b, rng=rng)
    assert found is not None
    assert found.p_value < 1e-6
    assert found.effect.low > 0.0


def test_too_few_rows_have_no_test_of_features() -> None:
    rng = np.random.default_rng(0)
    assert mean_feature_test(np.zeros((10, 2)), np.zeros((500, 2)), rng=rng) is None


def test_constant_columns_have_no_test_of_features() -> None:
    assert mean_feature_test(np.zeros((500, 2)), np.zeros((500, 2)), rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize("bad", [np.zeros((500, 3)), np.full((500, 2), np.nan), np.zeros(500)])
def test_tables_that_do_not_fit_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        mean_feature_test(np.zeros((500, 2)), bad, rng=np.random.default_rng(0))


def false_alarms(n: int, m: int, repeats: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    features = [mean_feature_test(rng.gamma(1, 1, (n, 4)), rng.gamma(1, 1, (m, 4)), rng=rng) for _ in range(repeats)]
    is_current, fold = np.repeat([False, True], [n, m]), rng.integers(0, 2, n + m)
    scores = [classifier_test(is_current, rng.normal(size=n + m), fold) for _ in range(repeats)]
    return tuple(np.mean([each.p_value < 0.05 for each in tests if each is not None]) for tests in (features, scores))  # type: ignore[return-value]


def test_alike_tables_raise_few_alarms() -> None:
    assert max(false_alarms(500, 400, 120)) < 0.12


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(700, 400), (400, 2000), (2000, 400)])
def test_alike_tables_raise_alarms_at_the_level(sizes: tuple[int, int]) -> None:
    by_features, by_scores = false_alarms(*sizes, 2000)
    assert 0.035 < by_features < 0.065
    assert 0.035 < by_scores < 0.065


def test_the_area_counts_pairs_in_the_right_order_and_ties_half() -> None:
    rng = np.random.default_rng(0)
    is_current, score = rng.random(60) < 0.3, rng.integers(0, 8, 60).astype(float)
    gaps = score[is_current][:, None] - score[~is_current]
    assert area(is_current, score) == pytest.approx(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
