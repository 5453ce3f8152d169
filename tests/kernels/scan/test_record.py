from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import SHOWN_PER_RULE, Record


def test_places_are_those_of_the_file_not_of_the_part() -> None:
    record = Record(Place(("f",), 100, 200))
    record.add("malformed", "x.y", "message", start=5, end=7)
    record.part(memoryview(b"abc"), 10)
    assert (record.observations[0].place, record.children[0].place) == (
        Place(("f",), 105, 107),
        Place(("f",), 110, 113),
    )


def test_thousands_of_observations_are_counted_and_not_kept() -> None:
    record = Record(Place(("f",), 0, 1))
    for _ in range(5000):
        record.add("suspicious", "x.y", "message")
    walked = record.walked("x")
    assert len(walked.observations) == SHOWN_PER_RULE + 1
    assert "4992 more" in walked.observations[-1].message


def test_details_and_names_are_made_printable() -> None:
    record = Record(Place(("f",), 0, 1))
    record.add("suspicious", "x.y", "message", detail=b"a\nb")
    record.member(memoryview(b""), "c\nd")
    assert (record.observations[0].detail, record.children[0].place.path) == ("a\\nb", ("f", "c\\nd"))


def test_ranges_that_touch_become_one() -> None:
    record = Record(Place(("f",), 0, 9))
    record.cover(0, 3)
    record.cover(3, 5)
    record.cover(6, 6)
    assert record.walked("x").covered == ((0, 5),)
