import pytest

from holdfast.kernels.scan.member_names import Names, leaves_folder, settled
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


@pytest.mark.parametrize("name", ["/a", "../a", "a/../../b", "..", "C:/a", "c:a", "\\\\server\\x", "a\\..\\b"])
def test_name_that_leaves_the_folder(name: str) -> None:
    assert leaves_folder(name)


@pytest.mark.parametrize("name", ["a", "a/b.c", "..a/b", "a..", "archive/data/0", ".data/id"])
def test_name_that_stays(name: str) -> None:
    assert not leaves_folder(name)


@pytest.mark.parametrize(
    ("one", "other"), [("A/b", "a/B"), ("e\u0301", "\u00e9"), ("a//b", "a/b"), ("a\0x", "a"), ("./a", "a")]
)
def test_names_that_some_reader_takes_for_the_same(one: str, other: str) -> None:
    assert settled(one) == settled(other)


def test_first_of_two_names_is_not_reported() -> None:
    record = Record(Place(("f",), 0, 9))
    names = Names(record, "zip")
    names.check("a", 0, 1)
    assert record.observations == []
    names.check("A", 1, 2)
    assert [one.rule for one in record.observations] == ["zip.duplicate-name"]
