from holdfast.kernels.scan.allow_list import AllowList, Rule
from holdfast.kernels.scan.pickle_copies import ENDLESS
from holdfast.kernels.scan.pickle_thinning import Thinner
from holdfast.kernels.scan.pickle_values import FORGOTTEN, LIST, LONG, Dict, Global, Heavy, Lazy, List, Stored, Tuple

ITEM = Global("a.b", "C", None, (0, 0))


def thinner() -> Thinner:
    return Thinner(AllowList({"a.b": {"C": Rule(news=((),))}}), {"num_layers"})


def test_texts_that_a_rule_asks_for_stay() -> None:
    assert [thinner().thinned(text) for text in ("a.b", "C", "num_layers")] == ["a.b", "C", "num_layers"]


def test_name_that_a_loader_calls_is_forgotten_rather_than_taken_for_a_plain_text() -> None:
    assert thinner().thinned("__setstate__") is FORGOTTEN


def test_other_text_keeps_its_kind_and_size() -> None:
    thin = thinner().thinned("x " * 400)
    assert isinstance(thin, Heavy)
    assert (thin.kind, thin.cost) == ("str", 100)


def test_bytes_in_the_stream_keep_their_size() -> None:
    thin = thinner().thinned(Stored(100, 8_100))
    assert isinstance(thin, Heavy)
    assert thin.cost == 1_000


def test_tuple_keeps_its_cost() -> None:
    thin = thinner().thinned(Tuple([None], cost=7_000))
    assert isinstance(thin, Heavy)
    assert thin.cost == 7_000


def test_small_numbers_stay_and_others_share_one_value() -> None:
    assert thinner().thinned(256) == 256
    assert thinner().thinned(257) is LONG


def test_containers_share_one_value() -> None:
    assert thinner().thinned(Dict()) is FORGOTTEN
    assert thinner().thinned(List(3)) is LIST


def test_ranges_share_one_of_unknown_length() -> None:
    one = thinner()
    thin = one.thinned(Lazy(ITEM, 1_000))
    assert isinstance(thin, Lazy)
    assert thin.count == ENDLESS
    assert one.thinned(Lazy(ITEM, 2_000)) is thin


def test_codes_of_dtypes_stay() -> None:
    assert [thinner().thinned(code) for code in ("f8", "S40")] == ["f8", "S40"]
