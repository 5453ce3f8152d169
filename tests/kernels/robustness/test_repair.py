from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.cells import coding_of
from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits, holds
from holdfast.kernels.robustness.relations import learn, parse_relation
from holdfast.kernels.robustness.repair import Bounds, Repair

DEGREES = np.array(["none", "BSc", "PhD"], dtype=object)
POINTS = {
    "loan": np.array([9.0, 4.0, 2.0, 9.0]),
    "income": np.array([2.0, 3.0, 1.0, np.nan]),
    "rate": np.array([4.5, 4.0 / 3.0, 2.0, 1.0]),
    "gain": np.array([0.0, 5.0, 0.0, 0.0]),
    "loss": np.array([0.0, 0.0, 7.0, 0.0]),
    "years": np.array([9.0, 13.0, 20.0, 9.0]),
    "degree": np.array(["none", "BSc", "PhD", "none"], dtype=object),
    "hot": np.array([1.0, 0.0, 0.0, 1.0]),
    "cold": np.array([0.0, 1.0, 1.0, 0.0]),
}
LIMITS = {
    "loan": NumericLimits(1.0, 0.0, 50.0, False),
    "income": NumericLimits(1.0, 0.0, 20.0, False),
    "rate": NumericLimits(1.0, 0.0, 1e9, False, is_derived=True),
    "gain": NumericLimits(1.0, 0.0, 9.0, True),
    "loss": NumericLimits(1.0, 0.0, 9.0, True),
    "years": NumericLimits(1.0, 0.0, 25.0, True, is_derived=True),
    "degree": CategoryLimits(frozenset(DEGREES)),
}


def mended(
    relations: list[str], points: int | None = None, **cells: object
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Set cells of the points, repair, and return the columns and whether all relations hold."""
    parsed = learn([parse_relation(text) for text in relations], POINTS)
    coding = coding_of(POINTS, LIMITS, relations=parsed, one_hot=[("hot", "cold")])
    rules = [LIMITS.get(name) for name in coding.names]
    whole = np.array([False, *(isinstance(rule, NumericLimits) and rule.is_whole for rule in rules)])
    levels = np.array([0, *(3 if isinstance(rule, CategoryLimits) else 0 for rule in rules)])
    levels[-1] = 2
    origin = coding.encode(POINTS)
    changed = coding.encode({**POINTS, **{name: np.array([v] * 4) for name, v in cells.items()}})
    numeric = [rule if isinstance(rule, NumericLimits) else None for rule in rules]
    low = np.array([0.0, *(rule.low if rule else 0.0 for rule in numeric)])
    high = np.array([0.0, *(rule.high if rule else 0.0 for rule in numeric)])
    free = np.array([False, *(rule is not None for rule in numeric)]) & np.isfinite(origin)
    bounds = Bounds(np.where(free, low, origin), np.where(free, high, origin))
    rows, ok = Repair(parsed, coding, whole, levels)(origin, changed, bounds)
    columns = coding.decode(rows)
    for k in range(4):
        kept = {name: column[k : k + 1] for name, column in columns.items()}
        assert ok[k] == all(holds(relation, kept, n_samples=1)[0] for relation in parsed)
    return columns, ok


def test_a_row_that_fulfils_everything_is_left_alone() -> None:
    columns, ok = mended(["loan <= 5 * income"])
    assert ok.all()
    assert all(np.array_equal(columns[name], POINTS[name], equal_nan=name != "degree") for name in columns)


def test_an_inequality_is_solved_for_the_smallest_move() -> None:
    columns, ok = mended(["loan <= 5 * income"], loan=14.0)
    assert ok.all()
    assert columns["loan"][:3].tolist() == [14.0, 14.0, 14.0]
    assert columns["income"][:3] == pytest.approx([2.8, 3.0, 2.8])
    assert np.isnan(columns["income"][3])


def test_a_column_that_stands_alone_is_derived_exactly() -> None:
    columns, ok = mended(["rate == loan / income"], loan=7.0)
    assert ok.all()
    assert (columns["rate"] == columns["loan"] / columns["income"])[:3].all()


def test_of_a_product_that_must_be_zero_one_factor_becomes_zero() -> None:
    columns, ok = mended(["gain * loss == 0"], gain=3.0, loss=2.0)
    assert ok.all()
    assert (columns["gain"] * columns["loss"] == 0).all()
    assert columns["gain"].tolist() == [3.0] * 4


def test_whole_numbers_stay_whole() -> None:
    columns, ok = mended(["gain <= 0.45 * loss + 1"], gain=9.0, loss=2.0)
    assert ok.all()
    assert all((columns[name] == np.rint(columns[name])).all() for name in ("gain", "loss"))


def test_an_implication_is_mended_by_its_consequence() -> None:
    columns, ok = mended(["degree = 'PhD' -> years == 20"], degree="PhD")
    assert ok.all()
    assert columns["years"].tolist() == [20.0] * 4


def test_what_cannot_be_solved_is_put_back() -> None:
    columns, ok = mended(["degree = 'PhD' -> years == 30"], degree="PhD")
    assert ok.tolist() == [True, True, False, True]
    assert columns["degree"].tolist() == list(POINTS["degree"])


def test_a_column_that_follows_another_is_set_from_the_table() -> None:
    columns, ok = mended(["years follows degree"], degree="BSc")
    assert ok.all()
    assert columns["years"].tolist() == [13.0] * 4


def test_one_of_two_alternatives_is_made_true() -> None:
    columns, ok = mended(["gain == 9 or loan <= 3"], loan=40.0)
    assert ok.all()
    assert ((columns["gain"] == 9) | (columns["loan"] <= 3)).all()


def test_a_category_is_set_to_the_level_it_should_have() -> None:
    columns, ok = mended(["gain > 4 -> degree = 'PhD'"], gain=5.0)
    assert ok.all()
    assert columns["degree"].tolist() == ["PhD"] * 4


def test_members_of_a_group_are_read_as_zero_and_one() -> None:
    _, ok = mended(["hot + cold == 1", "hot = 1 -> gain == 0"])
    assert ok.tolist() == [True, True, True, True]


def test_a_contradiction_is_reported_for_each_row() -> None:
    _, ok = mended(["gain >= 5", "gain <= 4"], gain=5.0)
    assert not ok.any()


RELATIONS = [
    "loan <= 5 * income",
    "gain * loss == 0",
    "rate == loan / income",
    "degree = 'PhD' -> years == 20",
    "years follows degree",
    "gain + loss <= 8",
    "income / loan >= 0.1 or degree != 'none'",
    "not (degree = 'PhD' and gain > 3)",
    "degree in {'BSc', 'PhD'} -> loan > 1",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(RELATIONS), min_size=1, max_size=4, unique=True),
    st.floats(0, 50),
    st.floats(0, 20),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(list(DEGREES)),
)
def test_what_is_called_mended_is_so_by_the_independent_checker(
    relations: list[str], loan: float, income: float, gain: int, loss: int, degree: str
) -> None:
    # The comparison with the checker stands in `mended`.
    mended(relations, loan=loan, income=income, gain=float(gain), loss=float(loss), degree=degree)
