"""Invariants of the data model: no number without an interval or a reason, no absent finding without a reason."""

from __future__ import annotations

import dataclasses
import math

import pytest

from holdfast.core.errors import HoldfastError, InputError, MissingExtra
from holdfast.core.finding import Finding
from holdfast.core.measurement import Interval, Measurement

ECE = Measurement(id="performance.calibration.ece", name="ECE", value=0.1, no_interval_reason="one row")


@pytest.mark.parametrize(
    ("low", "high", "level"), [(0.2, 0.1, 0.95), (math.nan, 1.0, 0.95), (0.0, math.inf, 0.95), (0, 1, 0.0), (0, 1, 1.0)]
)
def test_impossible_interval_is_refused(low: float, high: float, level: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Interval(low=low, high=high, level=level, method="x")


def test_interval_may_be_open() -> None:
    assert Interval(low=None, high=0.3, level=0.95, method="x").low is None


def test_number_without_interval_and_without_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="either an interval or the reason"):
        Measurement(id="a.b.c", name="c", value=0.1)


def test_number_with_interval_and_with_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="either an interval or the reason"):
        Measurement(id="a.b.c", name="c", value=0.1, level=0.95, method="x", no_interval_reason="y")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_value_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Measurement(id="a.b.c", name="c", value=value, no_interval_reason="x")


def test_interval_of_a_measurement_is_none_exactly_when_there_is_none() -> None:
    assert ECE.interval is None
    measured = Measurement(id="a.b.c", name="c", value=0.1, low=0.0, high=0.2, level=0.95, method="x")
    assert measured.interval == Interval(low=0.0, high=0.2, level=0.95, method="x")


def test_short_id_leaves_out_the_check() -> None:
    assert ECE.key == "ece"
    assert dataclasses.replace(ECE, id="fairness.group_gaps.gap.sex.female").key == "gap.sex.female"


@pytest.mark.parametrize("state", ["not_applicable", "not_run", "error"])
def test_finding_without_a_number_needs_a_reason_and_what_is_needed(state: str) -> None:
    with pytest.raises(ValueError, match="a reason and what is needed"):
        Finding(check="a.b", title="B", state=state, reason="why")  # type: ignore[arg-type]


def test_measurement_is_found_by_short_and_by_whole_id() -> None:
    finding = Finding(check="performance.calibration", title="x", state="measured", measurements=(ECE,))
    assert finding["ece"] is finding["performance.calibration.ece"] is ECE


def test_unknown_measurement_names_the_closest() -> None:
    finding = Finding(check="performance.calibration", title="x", state="measured", measurements=(ECE,))
    with pytest.raises(KeyError, match="did you mean 'ece'"):
        finding["ec"]


def test_data_model_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ECE.value = 0.0  # type: ignore[misc]


def test_hint_stands_apart_from_the_message() -> None:
    assert (
        str(InputError("no such column", hint="did you mean 'age'?")) == "no such column\n\nhint: did you mean 'age'?"
    )
    assert str(HoldfastError("plain")) == "plain"


def test_missing_extra_names_the_install_line() -> None:
    assert MissingExtra("boosted trees", "boosting").hint == "pip install 'holdfast[boosting]'"
