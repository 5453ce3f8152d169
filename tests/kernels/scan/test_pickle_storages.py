from holdfast.kernels.scan.observation import Budget
from holdfast.kernels.scan.pickle_storages import storages_of
from tests.kernels.scan.gadgets import PROTO, call, name, text

STORAGE = b"(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu") + b"K\x06tQ"
TENSOR = call("torch._utils", "_rebuild_tensor_v2", STORAGE, b"K\x00", b"K\x06\x85", b"K\x01\x85", b"\x89", b"N")
BUDGET = (0, 1_000, 0)


def test_storages_are_named_with_their_size() -> None:
    assert storages_of(memoryview(PROTO + TENSOR + b"."), Budget(*BUDGET, lambda: False)) == {"0": ("FloatStorage", 6)}


def test_pickle_without_storages_asks_for_none() -> None:
    assert storages_of(memoryview(PROTO + b"N."), Budget(*BUDGET, lambda: False)) == {}


def test_pickle_that_breaks_off_is_unknown() -> None:
    assert storages_of(memoryview(PROTO + TENSOR), Budget(*BUDGET, lambda: False)) is None
    assert storages_of(memoryview(PROTO + b"N0" * 900), Budget(*BUDGET, lambda: False)) is None
