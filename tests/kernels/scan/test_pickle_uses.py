from holdfast.kernels.scan.pickle_keys import heavy
from holdfast.kernels.scan.pickle_uses import encoded, is_slots, is_special, made_of, shown, weighed
from holdfast.kernels.scan.pickle_values import BYTES, UNKNOWN, Dict, Global, Heavy, Instance, Stored, Tuple, Wrapper

ITEM = Global("a.b", "C", None, (0, 0))


def test_methods_that_are_looked_up_while_loading_are_special() -> None:
    assert is_special("__setstate__")
    assert not is_special("__name__")
    assert not is_special("coef_")


def test_every_wrapper_of_joblib_is_made_anew() -> None:
    wrapper = Global("joblib.numpy_pickle", "NumpyArrayWrapper", None, (0, 0))
    assert isinstance(made_of(wrapper), Wrapper)
    assert made_of(wrapper) is not made_of(wrapper)
    assert made_of(ITEM) is made_of(ITEM)


def test_instance_costs_what_it_was_made_from() -> None:
    item = Global("a.b", "D", None, (0, 0))
    made = weighed(Instance(item), [Tuple([], cost=500), 1])
    assert isinstance(made, Instance)
    assert item.cost == 502


def test_text_is_encoded_as_far_as_it_is_known() -> None:
    assert encoded("ab") == b"ab"
    assert encoded(UNKNOWN) is BYTES


def test_encoded_text_is_as_large_as_the_text() -> None:
    made = encoded(heavy("str", 900))
    assert isinstance(made, Heavy)
    assert (made.kind, made.cost) == ("bytes", 900)


def test_encoded_text_in_the_stream_stands_where_the_text_stands() -> None:
    stored = encoded(Stored(3, 9, "str", "utf-8"))
    assert isinstance(stored, Stored)
    assert (stored.start, stored.kind, stored.encoding) == (3, "bytes", "utf-8")


def test_name_of_a_global_is_shown_whole() -> None:
    assert shown(ITEM) == "a.b.C"


def test_state_with_slots_is_a_pair_of_dicts() -> None:
    assert is_slots(Tuple([None, Dict()]))
    assert not is_slots(Tuple([Dict(), None]))
    assert not is_slots(Dict())
