"""What kind of personal data a column holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from holdfast.kernels.personal_data.column_types import ColumnType, classify_column, role_of_label
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.lexicon import SPECIAL
from holdfast.kernels.personal_data.rule import Span

DETECTOR = default_detector()


def classify(name: str, values: Sequence[Any], seed: int = 0) -> ColumnType:
    return classify_column(name, values, detector=DETECTOR, rng=np.random.default_rng(seed))


def mails(n: int) -> list[str]:
    return [f"person{at}@example.org" for at in range(n)]


def test_values_say_what_a_name_does_not() -> None:
    found = classify("field_7", mails(50))
    assert (found.label, found.role, found.found.value) == ("EMAIL_ADDRESS", "direct identifier", 1.0)
    assert found.found.low > 0.9
    assert "50 of 50" in found.reasons[0]


def test_a_name_without_such_values_is_not_believed() -> None:
    found = classify("email", ["yes", "no"] * 50)
    assert (found.label, found.role) == ("", "other")
    assert "no value is a EMAIL_ADDRESS" in found.reasons[0]


def test_few_values_leave_it_to_the_name() -> None:
    # Three of three: the Wilson interval begins below a half.
    assert classify("contact_field", mails(3)).label == ""
    assert classify("email", mails(3)).label == "EMAIL_ADDRESS"


def test_a_share_of_less_than_half_is_not_enough() -> None:
    found = classify("remark", mails(40) + [f"no {word}" for word in range(60)])
    assert found.label == ""
    assert found.found.value == pytest.approx(0.4)
    assert found.found.low < 0.4 < found.found.high


@pytest.mark.parametrize(
    ("name", "values"),
    [("age", [900, 1200, 14000]), ("sex", [f"v{at}" for at in range(30)]), ("name", [3.5, 4.5]), ("phone", [0, 1] * 9)],
)
def test_values_can_contradict_the_name(name: str, values: list[Any]) -> None:
    found = classify(name, values)
    assert found.role == "other"
    assert "but" in found.reasons[0]


def test_sexes_and_ages_help_to_find_a_person() -> None:
    for name, values in (("sex", ["f", "m"] * 20), ("age", list(range(18, 80)))):
        found = classify(name, values)
        assert (found.role, found.is_known_to_others) == ("quasi-identifier", True)


def test_an_ethnic_group_is_a_special_category_that_others_see() -> None:
    found = classify("race", ["a", "b"] * 20)
    assert (found.role, found.is_known_to_others) == ("special category", True)
    assert not classify("religion", ["a", "b"] * 20).is_known_to_others


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("record_no", [str(70_000 + 13 * at) for at in range(200)]),
        ("row", list(range(500))),
        ("handle_x", [f"AB-{at * 7919 % 100000:05d}" for at in range(200)]),
    ],
)
def test_codes_that_hardly_repeat_are_identifiers(name: str, values: list[Any]) -> None:
    found = classify(name, values)
    assert (found.label, found.role) == ("ID", "direct identifier")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("weightless", np.random.default_rng(0).normal(size=300).tolist()),
        ("amount", np.random.default_rng(0).integers(0, 10**6, 300).tolist()),
        ("comment", [f"a sentence of {word} words" for word in range(100)]),
        ("nothing", [None, float("nan")] * 20),
    ],
)
def test_measurements_and_prose_are_no_identifiers(name: str, values: list[Any]) -> None:
    assert classify(name, values).role == "other"


def test_an_empty_column_has_no_share() -> None:
    found = classify("x", [])
    assert np.isnan(found.found.value)
    assert (found.found.low, found.found.high, found.n_values) == (0.0, 1.0, 0)


def test_the_detector_sees_the_name_as_context() -> None:
    seen: list[str] = []

    class Listening:
        def find(self, texts: Sequence[str]) -> list[list[Span]]:
            seen.extend(texts)
            return [[] for _ in texts]

    classify_column("taxNumber", ["12"], detector=Listening(), rng=np.random.default_rng(0))
    assert seen == ["tax number: 12"]


@pytest.mark.parametrize("label", [name.upper() for name in SPECIAL])
def test_what_the_detector_calls_a_special_category_is_one(label: str) -> None:
    assert role_of_label(label) == "special category"
