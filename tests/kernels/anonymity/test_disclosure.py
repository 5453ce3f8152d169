"""k, l, t and their relatives, against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from holdfast.kernels.anonymity.disclosure import closeness, disclosure, entropy_values, value_counts
from holdfast.kernels.anonymity.equivalence_classes import equivalence_classes


def by_definition(group: np.ndarray, value: np.ndarray, *, is_ordered: bool) -> dict[str, float]:
    m = int(value.max()) + 1
    p = np.bincount(value, minlength=m) / len(value)
    tables = [np.bincount(value[group == each], minlength=m) for each in np.unique(group)]
    shares = [table / table.sum() for table in tables]
    if is_ordered:
        t = max(wasserstein_distance(range(m), range(m), q, p) for q in shares) / max(m - 1, 1)
    else:
        t = max(0.5 * np.abs(q - p).sum() for q in shares)
    l = min(int((table > 0).sum()) for table in tables)  # noqa: E741
    ranked = [np.sort(table)[::-1] for table in tables]
    return {
        "k": min(int(table.sum()) for table in tables),
        "l": l,
        "entropy_l": min(math.exp(-sum(x * math.log(x) for x in q if x)) for q in shares),
        "recursive_c": max(
            r[0] / r[max(2, l) - 1 :].sum() if r[max(2, l) - 1 :].sum() else math.inf for r in ranked
        ),
        "alpha": max(q.max() for q in shares),
        "beta": max(0.0, *(((q - p) / p).max() for q in shares)),
        "delta_present": max(abs(math.log(x / y)) for q in shares for x, y in zip(q, p, strict=True) if x),
        "t": t,
    }  # fmt: skip


@pytest.mark.parametrize("is_ordered", [False, True])
@given(cells=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=80))
@settings(max_examples=80, deadline=None)
def test_all_figures_are_those_of_their_definitions(cells: list[tuple[int, int]], is_ordered: bool) -> None:
    group, value = (np.array(column) for column in zip(*cells, strict=True))
    value = np.unique(value, return_inverse=True)[1]
    found = disclosure(equivalence_classes([group]), value, is_ordered=is_ordered)._asdict()
    for name, expected in by_definition(group, value, is_ordered=is_ordered).items():
        assert found[name] == pytest.approx(expected, abs=1e-9), name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s", (15, 3, 2, 0.5652173913043478, 2.4782608695652173, 1.2465324187447318, 0.2833333333333333)),
        ("o", (15, 4, 3, 0.4, 2.75, 1.5260563034950494, 0.10654761904761905)),
    ],
)
def test_figures_are_those_of_pycanon(name: str, expected: tuple[float, ...]) -> None:
    # pyCANON 1.3.6 on the same table. It rounds entropy l down, leaves out of delta the values that a class lacks, and
    # divides the rarest value by the most frequent ones for recursive (c, l)-diversity, which is not the definition.
    rng = np.random.default_rng(5)
    classes = equivalence_classes([rng.integers(0, 4, 240), rng.integers(0, 3, 240)])
    values = {"s": rng.choice(5, 240, p=[0.4, 0.3, 0.15, 0.1, 0.05]), "o": np.minimum(rng.poisson(3, 240), 7)}
    found = disclosure(classes, values[name], is_ordered=name == "o")
    figures = (found.k, found.l, int(found.entropy_l), found.alpha, found.beta, found.delta_present, found.t)
    assert figures == pytest.approx(expected)


def test_the_salaries_of_li_et_al_have_their_distances() -> None:
    # Li, Li, Venkatasubramanian 2007, section 4.1: salaries 3k to 11k; {3k, 4k, 5k} lies .375 away, {6k, 8k, 11k} .167.
    salary = np.array([0, 1, 2, 3, 5, 8, 4, 6, 7])
    counts = value_counts(equivalence_classes([np.repeat([0, 1, 2], 3)]), salary)
    assert closeness(counts, is_ordered=True)[:2] == pytest.approx([0.375, 1 / 6], abs=1e-9)


def test_entropy_counts_equally_frequent_values() -> None:
    counts = value_counts(equivalence_classes([np.zeros(8, np.int64)]), np.array([0, 1, 2, 3] * 2))
    assert entropy_values(counts) == pytest.approx([4.0])


def test_recursive_diversity_takes_the_most_frequent_value_over_the_rarer_ones() -> None:
    value = np.array([0] * 6 + [1] * 3 + [2] * 1)
    found = disclosure(equivalence_classes([np.zeros(10, np.int64)]), value, is_ordered=False, l=2)
    assert found.recursive_c == pytest.approx(6 / 4)


def test_enhanced_likeness_fails_where_a_frequent_value_gains_too_much() -> None:
    # A value of 60 % fills a class: it gains 2/3, and -ln 0.6 is 0.51.
    classes = equivalence_classes([np.array([0] * 5 + [1] * 5)])
    found = disclosure(classes, np.array([0] * 5 + [0, 1, 1, 1, 1]), is_ordered=False)
    assert found.beta == pytest.approx(1.0)
    assert found.enhanced_beta == math.inf


def test_a_class_that_lacks_a_value_discloses_without_limit() -> None:
    found = disclosure(equivalence_classes([np.array([0, 0, 1, 1])]), np.array([0, 0, 0, 1]), is_ordered=False)
    assert found.delta == math.inf
    assert found.delta_present == pytest.approx(math.log(2))


def test_one_class_of_one_value_gives_nothing_away_about_differences() -> None:
    found = disclosure(equivalence_classes([np.zeros(3, np.int64)]), np.zeros(3, np.int64), is_ordered=True)
    assert (found.k, found.l, found.t, found.beta, found.delta) == (3, 1, 0.0, 0.0, 0.0)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        disclosure(equivalence_classes([np.zeros(0, np.int64)]), np.zeros(0, np.int64), is_ordered=False)
