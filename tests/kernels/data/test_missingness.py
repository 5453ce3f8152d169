from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.missingness import absence_dependence, levels_of
from holdfast.kernels.stats.multiplicity import holm


def test_p_value_is_that_of_pearsons_test() -> None:
    from scipy.stats import chi2_contingency

    rng = np.random.default_rng(0)
    code, absent = rng.integers(0, 4, 500), rng.random((500, 1)) < 0.2
    table = np.array([[((code == k) & (absent[:, 0] == a)).sum() for k in range(4)] for a in (True, False)])
    assert absence_dependence(absent, code).p_value[0] == pytest.approx(chi2_contingency(table).pvalue)


def test_the_level_that_stands_out_is_named_with_its_counts() -> None:
    code = np.repeat([0, 1, 2], 100)
    absent = np.zeros((300, 1), dtype=bool)
    absent[100:140] = absent[0:10] = absent[200:210] = True
    found = absence_dependence(absent, code)
    assert (found.level[0], found.counts[0].tolist()) == (1, [40, 100, 20, 200])


def test_rows_in_which_the_other_cell_is_missing_too_say_nothing() -> None:
    absent = np.zeros((400, 1), dtype=bool)
    absent[:100] = True
    code = np.where(np.arange(400) < 100, -1, np.arange(400) % 2)
    assert np.isnan(absence_dependence(absent, code).p_value[0])


@pytest.mark.parametrize("code", [np.zeros(50), np.arange(50), np.full(50, -1)])
def test_constant_columns_names_and_nothing_are_not_tested(code: np.ndarray) -> None:
    absent = (np.arange(50) % 3 == 0)[:, None]
    found = absence_dependence(absent, code)
    assert (found.level[0], np.isnan(found.p_value[0])) == (-1, True)


def test_numbers_are_cut_at_fifths_and_rare_names_joined() -> None:
    codes, names = levels_of(np.array([*range(100), np.nan], dtype=float))
    assert np.bincount(codes[:-1]).tolist() == [20] * 5
    assert (codes[-1], names[0], len(names)) == (-1, "below 20", 5)
    codes, names = levels_of(np.array([f"n{k % 60}" for k in range(600)], dtype=object), max_levels=10)
    assert (len(names), codes.max()) == (11, 10)
    assert levels_of(np.full(5, 2.0))[1] == ["2"]


@pytest.mark.slow
def test_chance_alone_is_called_a_reason_in_at_most_5_percent() -> None:
    """1,000 tables of 4 columns with gaps and 6 others; above 0.07 has a chance under 1 in 400 at 0.05."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(1000):
        absent = rng.random((400, 4)) < np.array([0.02, 0.05, 0.2, 0.6])
        p = [absence_dependence(absent, rng.integers(0, 2 + 3 * k, 400)).p_value for k in range(6)]
        known = np.concatenate(p)
        alarms += bool((holm(known[np.isfinite(known)]) <= 0.05).any())
    assert alarms / 1000 <= 0.07
