import pytest

from holdfast.kernels.scan.allow_list import parse_pattern, parse_rule
from holdfast.kernels.scan.pickle_keys import heavy
from holdfast.kernels.scan.pickle_patterns import fits_all, fitting, has_odd_state, has_special_key, named_globals
from holdfast.kernels.scan.pickle_values import FORGOTTEN, UNKNOWN, Dict, Global, Tuple, Value

CLASS = Global("m", "C", parse_rule(["new()"]), (0, 0))
FUNCTION = Global("m", "f", parse_rule(["ref"]), (0, 0))
UNLISTED = Global("m", "C", None, (0, 0))


@pytest.mark.parametrize(
    ("pattern", "items"),
    [("int, str", [1, "a"]), ("int", [True]), ("none|int", [None]), ("@class", [CLASS]), ("@m:C", [CLASS]),
     ("m:C", [CLASS.instance]),
     ("m:", [CLASS.instance]), ("=a|=b", ["b"]), ("*", [UNKNOWN]), ("", []), ("str, ...", ["a", "b", "c"])],
)  # fmt: skip
def test_arguments_fit(pattern: str, items: list[Value]) -> None:
    assert fits_all(parse_pattern(pattern), items)


@pytest.mark.parametrize(
    ("pattern", "items"),
    [("int", ["a"]), ("int", []), ("int", [1, 1]), ("@class", [FUNCTION]), ("@class", [UNLISTED]),
     ("@m:C", [UNLISTED]),
     ("m:C", [CLASS]), ("=a", ["b"]), ("str, ...", []), ("str, ...", ["a", 1]), ("str", [FORGOTTEN]),
     ("@class", [CLASS.instance])],
)  # fmt: skip
def test_arguments_do_not_fit(pattern: str, items: list[Value]) -> None:
    assert not fits_all(parse_pattern(pattern), items)


def test_arguments_that_are_no_tuple_fit_nothing() -> None:
    assert fitting(((),), FORGOTTEN) is None
    assert fitting(((("*",), ("...",)),), heavy("tuple", 20)) is not None


def test_globals_that_a_pattern_asks_for_are_named() -> None:
    assert named_globals(parse_pattern("@class, *"), [CLASS, FUNCTION]) == [CLASS]


def test_special_key_is_found_at_any_depth() -> None:
    inside = Dict()
    inside.odd_key = "__class__"
    assert has_special_key(Tuple([Tuple([inside])])) == "__class__"
    assert has_odd_state(Tuple([None, Tuple([inside])])) == "__class__"


def test_key_that_is_no_text_is_odd_in_a_state_only() -> None:
    counted = Dict()
    counted.odd_key = "a key of kind int"
    assert has_odd_state(counted)
    assert not has_special_key(counted)
