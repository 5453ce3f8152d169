from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from holdfast.kernels.drift.profile import Batch, Numbers, Profile, Texts, plan_profile


def batch(rng: np.random.Generator, n: int) -> Batch:
    texts = Counter(rng.choice(["a", "b", "c"], n).tolist())
    return {
        "x": Numbers(rng.normal(size=n)),
        "day": Numbers(rng.uniform(0, 1e9, n)),
        "c": Texts(texts, 2),
        "id": Texts({f"id {rng.integers(10**12)}": 1 for _ in range(n)}, 0),
    }


def profiled(*parts: Batch) -> Profile:
    plan = plan_profile(batch(np.random.default_rng(9), 500), times=["day"], n_cells=32)
    profile = Profile(plan)
    for part in parts:
        profile.update(part, n_rows=50)
    return profile


def parts() -> list[Batch]:
    rng = np.random.default_rng(0)
    return [batch(rng, 50) for _ in range(4)]


def test_columns_get_the_kind_that_fits() -> None:
    assert {name: plan.kind for name, plan in profiled().plan.items()} == {
        "x": "number", "day": "time", "c": "category", "id": "text",
    }  # fmt: skip


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_parts_merge_to_the_whole_to_the_last_bit(order: list[int]) -> None:
    each = parts()
    merged = profiled(each[order[0]])
    for place in order[1:]:
        merged.merge(profiled(each[place]))
    assert json.dumps(merged.state()) == json.dumps(profiled(*each).state())


def test_a_state_goes_through_json() -> None:
    profile = profiled(*parts())
    again = Profile.from_state(json.loads(json.dumps(profile.state())))
    assert again.state() == profile.state()
    again.merge(profiled(*parts()))
    assert again.n_rows == 400


def test_columns_that_vanish_appear_or_change_type_are_told() -> None:
    given = dict(parts()[0])
    del given["x"]
    given["c"], given["new"] = Numbers(np.zeros(50)), Texts({"a": 50}, 0)
    profile = profiled(given)
    assert profile.absent == {"x": 50, "c": 50}
    assert profile.added == {"c": {"numbers": 50}, "new": {"texts": 50}}


def test_another_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="same cells"):
        profiled().merge(Profile(plan_profile({"x": Numbers(np.arange(5.0))})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdfast_profile": 0}, "version 2, got 0"),
        ({"columns": {"x": {"kind": "number", "edges": ["2", "1"], "centre": "0", "categories": []}}}, "rising edges"),
        ({"columns": {"x": {"kind": "number", "edges": [], "centre": "nan", "categories": []}}}, "a centre"),
        ({"columns": {"x": {"kind": "blob", "edges": [], "centre": "0", "categories": []}}}, "a kind of column"),
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Profile.from_state(profiled().state() | change)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("c", {"missing": 10**30}),
        ("c", {"other": -1}),
        ("x", {"values": []}),
        ("x", {"tallies": [-1, 0, 0, 0]}),
        ("c", {"counts": [-1]}),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(column: str, change: dict[str, Any]) -> None:
    state = profiled(*parts()).state()
    state["columns"][column] |= change
    with pytest.raises(ValueError, match="expected"):
        Profile.from_state(state)
