import pytest

from holdfast.kernels.scan.pickle_values import (
    FLOAT,
    Dict,
    Dtype,
    Fields,
    Global,
    Stored,
    Tuple,
    Value,
    Wrapper,
    kind_of,
)

RIDGE = Global("sklearn", "Ridge", None, (0, 0))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "none"), (True, "bool"), (3, "int"), ("a", "str"), (b"a", "bytes"), (FLOAT, "float"), (Tuple([]), "tuple"),
     (Dict(), "dict"), (RIDGE, "global"), (RIDGE.instance, "instance"), (Stored(0, 9), "bytes"),
     (Wrapper(RIDGE), "instance"), (Dtype(RIDGE, "f", 8, False), "instance")],
)  # fmt: skip
def test_kind_names_what_a_value_stands_for(value: Value, kind: str) -> None:
    assert kind_of(value) == kind


def test_path_keeps_module_and_name_apart() -> None:
    assert Global("a", "b.c", None, (0, 0)).path != Global("a.b", "c", None, (0, 0)).path


def test_dict_that_a_dtype_took_over_is_told_from_others() -> None:
    taken = Dict()
    taken.__class__ = Fields
    assert type(taken) is not Dict
    assert kind_of(taken) == "dict"
