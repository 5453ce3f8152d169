from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.population import assign_ranges, mistaken_category, read_ranges, weight_column


@pytest.mark.parametrize(
    ("label", "inside", "outside"),
    [
        ("<18", [0, 17.9], [18]),
        ("below 18", [-5], [18]),
        ("<=17", [17], [17.5]),
        (">64", [64.5], [64]),
        ("65+", [65, 1e9], [64.9]),
        ("65 or above", [65], [64.9]),
        ("65 and over", [65], [64.9]),
        (">= 65", [65], [64.9]),
        ("18-24", [18, 24, 24.9], [17.9, 25]),
        ("18 – 24", [24.9], [25]),
        ("18 to below 25", [18, 24.9], [25]),
        ("0.5-1.5", [0.5, 1.4], [1.5]),
        ("-10--5", [-10, -5, -4.5], [-4]),
        ("7", [7], [7.5]),
        ("1e3+", [1000], [999]),
    ],
)
def test_labels_mean_what_people_mean_by_them(label: str, inside: list[float], outside: list[float]) -> None:
    ranges = read_ranges([label])
    assert (assign_ranges(inside, ranges) == 0).all()
    assert (assign_ranges(outside, ranges) == -1).all()


def test_ranges_keep_the_order_of_their_labels() -> None:
    ranges = read_ranges(["65+", "<18", "18-64"])
    assert assign_ranges([70, 3, 40, np.nan], ranges).tolist() == [0, 1, 2, -1]


def test_what_is_above_begins_where_the_range_before_it_ends() -> None:
    assert assign_ranges([50, 50.5, 51], read_ranges(["30-50", ">50"])).tolist() == [0, 1, 1]


@pytest.mark.parametrize("labels", [["0-10", "10-20"], ["<18", "17-30"], ["5", "5"], ["65+", ">70"]])
def test_ranges_that_overlap_are_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="do not overlap"):
        read_ranges(labels)


@pytest.mark.parametrize("label", ["young", "", "30-20", "18 24", "<"])
def test_labels_that_are_no_range_are_refused_and_shown(label: str) -> None:
    with pytest.raises(ValueError, match="such as <18, 18-24 or 65"):
        read_ranges([label])


@pytest.mark.parametrize(
    ("stated", "seen", "pair"),
    [
        (["Female", "Male"], ["female", "Male"], ("Female", "female")),
        (["Asian Pac Islander"], ["Asian-Pac-Islander"], ("Asian Pac Islander", "Asian-Pac-Islander")),
        (["married", "single"], ["maried", "single"], ("married", "maried")),
        (["a", "b"], ["a", "unknown"], None),
        (["a", "b"], ["a"], None),
        (["a"], ["a", "b"], None),
    ],
)
def test_only_what_looks_like_a_slip_is_called_one(
    stated: list[str], seen: list[str], pair: tuple[str, str] | None
) -> None:
    assert mistaken_category(stated, seen) == pair


@pytest.mark.slow
def test_ten_thousand_categories_are_compared_at_once() -> None:
    stated = [f"town {number}" for number in range(10_000)]
    assert mistaken_category(stated, [f"Town-{number}" for number in range(10_000)]) == ("town 0", "Town-0")
    assert mistaken_category(stated, [f"village {chr(65 + n % 26)}{n}x" for n in range(10_000)]) is None


def test_a_weight_is_no_column_of_the_table() -> None:
    assert weight_column(["weight", "sex"], ["weight", "sex"]) is None
    assert weight_column(["sex", "SHARE"], ["sex"]) == "SHARE"
