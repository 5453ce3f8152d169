import numpy as np
import pytest
from scipy.stats import fisher_exact, ttest_ind

from holdfast.kernels.performance.confirmed_slices import confirm_slices
from holdfast.kernels.performance.slices import distinct_slices, search_slices, slice_members


def test_confirmation_of_wrong_answers_is_fishers_test():
    rng = np.random.default_rng(0)
    losses, members = (rng.random(200) < 0.2).astype(float), rng.random((4, 200)) < 0.3
    found = confirm_slices(losses, members)
    for index, inside in enumerate(members):
        table = [
            [losses[inside].sum(), (1 - losses[inside]).sum()],
            [losses[~inside].sum(), (1 - losses[~inside]).sum()],
        ]
        expected = fisher_exact(np.array(table, dtype=int), alternative="greater").pvalue
        assert found.p_value[index] == pytest.approx(expected)


def test_confirmation_of_sizes_of_errors_is_welchs_test():
    rng = np.random.default_rng(0)
    losses, members = rng.exponential(size=200), rng.random((4, 200)) < 0.3
    found = confirm_slices(losses, members)
    for index, inside in enumerate(members):
        expected = ttest_ind(losses[inside], losses[~inside], equal_var=False, alternative="greater").pvalue
        assert found.p_value[index] == pytest.approx(expected)


def test_more_slices_widen_the_intervals():
    losses, inside = np.arange(100) % 3 == 0, np.arange(100) < 40
    alone, together = confirm_slices(losses, [inside]), confirm_slices(losses, [inside] * 10)
    assert together.low[0] < alone.low[0] < alone.high[0] < together.high[0]
    assert together.adjusted_p_value[0] == pytest.approx(min(1.0, 10 * alone.p_value[0]))


@pytest.mark.parametrize("inside", [np.zeros(10, dtype=bool), np.ones(10, dtype=bool)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_slice_without_rows_or_rest_shows_nothing(inside, scale):
    found = confirm_slices(scale * (np.arange(10) % 2), [inside])
    assert np.isnan(found.gap[0])
    assert found.p_value[0] == 1.0


def test_no_slices_are_confirmed_of_none():
    assert confirm_slices([0.0, 1.0], np.zeros((0, 2), dtype=bool)).p_value.size == 0


def confirmed_by_chance(kind, n, repeats):
    """Share of tables without any harmed slice in which one is confirmed, and in which an interval misses 0."""
    rng = np.random.default_rng(0)
    wrong = np.zeros(2)
    for _ in range(repeats):
        codes = rng.integers(5, size=(n, 6))
        losses = (rng.random(n) < 0.1).astype(float) if kind == "wrong answers" else rng.lognormal(0, 1.5, size=n)
        half = n // 2
        best = search_slices(codes[:half], losses[:half], min_size=20, n_slices=200)
        kept = distinct_slices(best, codes[:half], max_overlap=0.8, n_slices=20)
        found = confirm_slices(losses[half:], [slice_members(codes[half:], part.items) for part in kept])
        wrong += ((found.adjusted_p_value <= 0.05).any(), (found.low > 0).any())
    return wrong / repeats


@pytest.mark.parametrize("kind", ["wrong answers", "sizes of errors"])
def test_chance_confirms_a_slice_in_at_most_5_percent(kind):
    # At a true rate of 0.05, 17 or more of 150 happen with a chance below 2e-3.
    assert (confirmed_by_chance(kind, 600, 150) < 17 / 150).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wrong answers", "sizes of errors"])
def test_chance_confirms_a_slice_in_at_most_5_percent_of_many_tables(kind):
    assert (confirmed_by_chance(kind, 1000, 1500) < 0.06).all()
