from holdfast.kernels.scan.pickle_contents import MOST_HELD, SHORT_LIST, Contents, are_constants, leaves
from holdfast.kernels.scan.pickle_values import FLOAT, FORGOTTEN, LIST, Bulk, Dict, Global, Holder, List, Tuple

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


def test_constants_of_a_long_list_are_not_kept() -> None:
    contents, numbers = Contents(), List()
    for _ in range(3):
        contents.extend(numbers, list(range(SHORT_LIST)))
    assert (numbers.count, len(numbers.held)) == (3 * SHORT_LIST, SHORT_LIST)


def test_contents_that_are_not_known_are_said() -> None:
    assert list(leaves(LIST)) == [FORGOTTEN]
    assert not are_constants([1, LIST])
    contents, outer = Contents(), List()
    contents.room = 0
    contents.add(outer.held, [RIDGE.instance])
    assert list(leaves(outer)) == [FORGOTTEN]
    assert MOST_HELD > SHORT_LIST


def test_long_tuple_of_constants_is_no_container() -> None:
    contents = Contents()
    assert are_constants([contents.bulk("tuple", 3, [1, FLOAT])])
    assert isinstance(contents.bulk("tuple", 3, [1, RIDGE.instance]), Bulk)
