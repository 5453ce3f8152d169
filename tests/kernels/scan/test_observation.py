import pytest

from holdfast.kernels.scan.observation import Budget, Child, Observation, Place, Sibling, Walked


def test_place_shows_the_way_through_archives_and_the_bytes() -> None:
    assert str(Place(("a.zip", "b.pkl"), 2, 40)) == "a.zip!b.pkl[2:40]"


def test_places_are_ordered_by_path_then_by_bytes() -> None:
    places = [Place(("b",), 0, 1), Place(("a", "z"), 0, 9), Place(("a",), 5, 6), Place(("a",), 0, 3)]
    assert sorted(places) == [places[3], places[2], places[1], places[0]]


def test_siblings_are_ordered_by_location() -> None:
    assert sorted([Sibling("b", 0, None), Sibling("a", 4, 8)])[0].location == "a"


def test_observation_cannot_be_changed_and_counts_once_in_a_set() -> None:
    place = Place(("a",), 0, 1)
    first, second = (Observation("unknown", "pickle.global", place, "why") for _ in range(2))
    assert {first, second} == {first}
    with pytest.raises(AttributeError):
        first.kind = "executes"  # type: ignore[misc]


def test_walked_says_nothing_by_default() -> None:
    walked = Walked("pickle", ((0, 1),))
    assert (walked.observations, walked.children, walked.notes, walked.siblings) == ((), (), (), ())


def test_child_is_identified_by_content_unless_its_container_says_more() -> None:
    assert Child(memoryview(b"x"), Place(("a",), 0, 1)).expected == ""


def test_budget_can_be_spent() -> None:
    budget = Budget(1, 2, 3, lambda: False)
    budget.opcodes -= 2
    assert (budget.expanded_bytes, budget.opcodes, budget.members, budget.expired()) == (1, 0, 3, False)
