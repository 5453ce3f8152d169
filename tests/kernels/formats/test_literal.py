import ast
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.literal import LiteralError, read_literal

LEAVES = st.none() | st.booleans() | st.integers(0, 10**18) | st.text("abc <|._", max_size=8)
LITERALS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text("ab", max_size=3), inner),
)


@given(LITERALS)
def test_literals_read_as_python_reads_them(value: object) -> None:
    assert read_literal(repr(value)) == value


@pytest.mark.parametrize("source", ["(1)", "(1,)", "()", "[1, ]", "{'a': 1, }", "('a', (2, 3))"])
def test_commas_and_brackets_mean_what_they_mean_in_python(source: str) -> None:
    assert read_literal(source) == ast.literal_eval(source)


def test_long_integers_of_python_2_are_read() -> None:
    assert read_literal("(10L, 2L)") == (10, 2)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "print",
        "f(1)",
        "1 2",
        "[1",
        "{'a'}",
        "{1: 2}",
        "{'a': 1, 'a': 2}",
        "'\\x41'",
        "1+1",
        "-1",
        "1.5",
        "[1 2]",
        "(" * 5000,
    ],
)
def test_anything_else_is_refused(source: str) -> None:
    with pytest.raises(LiteralError):
        read_literal(source)


@given(st.text("(){}[],:'\"0aL \\", max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    with contextlib.suppress(LiteralError):
        read_literal(source)
