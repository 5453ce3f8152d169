from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.drift.columns import compare_profiles, schema_changes
from holdfast.kernels.drift.comparison import Apart, Drift
from holdfast.kernels.drift.joint import JointTest
from holdfast.kernels.drift.profile import Numbers, Profile, plan_profile
from holdfast.kernels.stats.interval import IntervalEstimate

X = np.random.default_rng(0).normal(size=(3, 50_000))


def compared(current: np.ndarray, *, is_shown: bool = False, name: str = "x") -> Drift:
    plan = plan_profile({"x": Numbers(X[0])})
    profiles = Profile(plan), Profile(plan)
    for profile, column, values in zip(profiles, ("x", name), (X[0], current), strict=True):
        profile.update({column: Numbers(values)}, n_rows=values.size)
    test = JointTest(0.5, 1.0, IntervalEstimate(0.5, 0.4, 0.6))
    return Drift(
        columns=compare_profiles(*profiles, least_effect=0.03), schema=schema_changes(*profiles),
        apart=Apart(classifier=test, means=None, shares=[], rows=(9, 9), is_shown=is_shown),
        reference=profiles[0], current=profiles[1], sources=("a", "b"), alpha=0.05, least_effect=0.03, level=0.95,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("drift", "verdict"),
    [
        (compared(X[1]), "within"),
        (compared(X[1][:50]), "not shown"),
        (compared(X[1] + 0.5), "drifted"),
        (compared(X[1], is_shown=True), "drifted"),
        (compared(X[1], name="z"), "drifted"),
    ],
    ids=["alike", "too few rows", "a column", "together", "schema"],
)
def test_the_verdict_is_that_of_the_gravest_part(drift: Drift, verdict: str) -> None:
    assert drift.verdict == verdict
    assert bool(drift.drifted) == (verdict == "drifted" and not drift.schema and not drift.apart.is_shown)  # type: ignore[union-attr]
