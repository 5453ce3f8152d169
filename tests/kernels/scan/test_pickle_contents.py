import pytest

from holdfast.kernels.scan.pickle_contents import MOST_HELD, Contents, are_constants, leaves
from holdfast.kernels.scan.pickle_values import FLOAT, FORGOTTEN, LIST, Bulk, Dict, Global, Holder, List, Tuple, Value

RIDGE = Global("sklearn", "Ridge", None, (0, 0))


def test_leaves_are_found_at_any_depth() -> None:
    contents, outer, inner, held = Contents(), List(), Dict(), Holder(RIDGE)
    contents.set(inner, "a", Tuple([1, RIDGE]))
    contents.add(held.held, [RIDGE.instance])
    contents.extend(outer, [inner, "text", held])
    assert set(leaves(outer)) == {RIDGE, RIDGE.instance, held}


def test_what_is_put_in_later_is_found_too() -> None:
    contents, outer, inner = Contents(), List(), List()
    contents.extend(outer, [inner])
    contents.extend(inner, [RIDGE.instance])
    assert list(leaves(outer)) == [RIDGE.instance]


def test_list_that_holds_itself_ends() -> None:
    contents, outer = Contents(), List()
    contents.extend(outer, [outer, 1])
    assert list(leaves(outer)) == []


def test_constants_and_containers_of_constants_are_not_kept() -> None:
    contents, outer = Contents(), List()
    for number in range(100):
        row, tags = Dict(), List()
        contents.extend(tags, ["a", number])
        contents.set(row, "tags", tags)
        contents.extend(outer, [row, number, Tuple([1], is_plain=True)])
    assert (outer.count, outer.is_plain, len(outer.held or {}), list(leaves(outer))) == (300, True, 1, [])
    assert contents.room > MOST_HELD - 3


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_what_comes_late_into_a_plain_container_is_found_from_every_outer_one(depth: int) -> None:
    contents, inner = Contents(), Dict()
    outer: Dict | List = inner
    for level in range(depth):
        around = Dict() if level % 2 else List()
        if isinstance(around, Dict):
            contents.set(around, "key", outer)
        else:
            contents.extend(around, [outer])
        outer = around
    assert list(leaves(outer)) == []
    contents.set(inner, "late", RIDGE.instance)
    assert list(leaves(outer)) == [RIDGE.instance]


def test_container_that_two_pickles_hold_is_kept_by_the_second() -> None:
    first, second, shared, held, other = Contents(), Contents(), List(), List(), List()
    first.extend(held, [shared])
    second.extend(other, [shared])
    first.extend(shared, [RIDGE.instance])
    assert list(leaves(other)) == list(leaves(held)) == [RIDGE.instance]


@pytest.mark.parametrize(("items", "expected"), [(["predict", None], {"predict"}), (["predict", 1], None), ([], set())])
def test_list_of_names_of_methods_is_known(items: list[Value], expected: set[str] | None) -> None:
    names = List()
    Contents().extend(names, items)
    assert names.names == expected


def test_contents_that_are_not_known_are_said() -> None:
    assert list(leaves(LIST)) == [FORGOTTEN]
    assert not are_constants([1, LIST])
    contents, outer = Contents(), Holder(RIDGE)
    contents.room = 0
    contents.add(outer.held, [RIDGE.instance])
    assert set(leaves(outer)) == {outer, FORGOTTEN}


def test_long_tuple_of_constants_is_no_container() -> None:
    contents = Contents()
    assert are_constants([contents.bulk("tuple", 3, [1, FLOAT])])
    assert isinstance(contents.bulk("tuple", 3, [1, RIDGE.instance]), Bulk)
