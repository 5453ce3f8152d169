"""One byte form: RFC 8785, known answers and properties."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.canonical import LARGEST_EXACT_INTEGER, canonical_json, digest_bytes, digest_of, to_plain

# RFC 8785, appendix B
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

finite = st.floats(allow_nan=False, allow_infinity=False)
exact_integers = st.integers(-LARGEST_EXACT_INTEGER, LARGEST_EXACT_INTEGER)
text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    # a larger integral double looks like an integer in JSON; the test of single numbers covers it
    st.none() | st.booleans() | exact_integers | st.floats(-1e15, 1e15) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(("bits", "expected"), NUMBERS)
def test_number_is_written_as_the_rfc_says(bits: str, expected: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value).decode() == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        canonical_json([value])


def test_example_of_section_3_2_2() -> None:
    source = (
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        r'"string": "\u20ac$\u000F\u000aA' + "'" + r'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
    )
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )
    assert canonical_json(json.loads(source)).decode() == expected


def test_properties_are_ordered_by_utf_16_code_units() -> None:
    names = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"]
    ordered = list(json.loads(canonical_json(dict.fromkeys(names, 0))))
    assert ordered == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json("\ud800")


@pytest.mark.parametrize("value", [LARGEST_EXACT_INTEGER + 1, -LARGEST_EXACT_INTEGER - 1, 10**30])
def test_integer_that_a_double_cannot_hold_is_a_string(value: int) -> None:
    assert canonical_json(value) == f'"{value}"'.encode()


@given(finite)
def test_number_reads_back_as_the_same_double(value: float) -> None:
    assert float(canonical_json(value)) == value


@given(json_values)
def test_value_reads_back_equal(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(text, exact_integers, min_size=2))
def test_order_of_insertion_does_not_matter(value: dict[str, int]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


@given(json_values)
def test_there_is_no_white_space_outside_strings(value: Any) -> None:
    compact = json.dumps(json.loads(canonical_json(value)), ensure_ascii=False, separators=(",", ":"))
    assert len(canonical_json(value).decode()) <= len(compact) + 30 * compact.count("e")


def test_dataclasses_tuples_and_sets_become_json() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        tags: tuple[str, ...]

    assert to_plain({"p": Point(1, ("a",)), "s": {"b", "a"}}) == {"p": {"x": 1, "tags": ["a"]}, "s": ["a", "b"]}


@pytest.mark.parametrize("value", [b"bytes", object(), 1j])
def test_value_without_a_json_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="JSON value"):
        canonical_json([value])


def test_digest_is_sha256_of_the_canonical_form() -> None:
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest_of({}) == digest_bytes(b"{}") == empty
