import gzip
import io
import pickle
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.observation import Budget, Child, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.worklist import Limits, scan_bytes


class Payload:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (print, ("executed",))


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_all_bytes_of_a_clean_file_are_examined(scan_file) -> None:  # type: ignore[no-untyped-def]
    data = zipped({"a.txt": b"hello", "b.json": b"{}"})
    result = scan_file(data)
    sizes = {place.path: place.end - place.start for place in result.examined}
    assert sizes == {("file",): len(data), ("file", "a.txt"): 5, ("file", "b.json"): 2}


def test_payload_is_found_through_archives_in_archives(scan_file) -> None:  # type: ignore[no-untyped-def]
    data = zipped({"a": gzip.compress(zipped({"b": pickle.dumps(Payload())}))})
    result = scan_file(data)
    assert result.verdict == "fail"
    assert result.observations[0].place.path[-1] == "b"


@pytest.mark.parametrize("protocol", range(6))
def test_payload_of_every_protocol_fails(scan_file, protocol) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(pickle.dumps(Payload(), protocol)).verdict == "fail"


def test_two_formats_at_once_are_walked_both_and_reported(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(pickle.dumps([1, 2]) + zipped({"a": pickle.dumps(Payload())}))
    assert "suspicious polyglot" in rules(result)
    assert result.format == "pickle+zip"
    assert any(one.place.path[-1] == "a" for one in result.observations)


def test_format_that_a_container_expects_is_walked_whatever_it_looks_like() -> None:
    seen: list[str] = []

    def container(data: memoryview, place: Place, budget: Budget) -> Walked:
        return Walked("text", ((0, len(data)),), children=(Child(data, place, "pickle"),))

    def pickles(data: memoryview, place: Place, budget: Budget) -> Walked:
        seen.append("pickle")
        return Walked("pickle", ((0, len(data)),))

    scan_bytes(
        memoryview(b"hello\n"), name="f", limits=Limits(depth=1), allow=AllowList({}), expired=lambda: False,
        walkers={"text": container, "pickle": pickles},
    )  # fmt: skip
    assert seen == ["pickle"]


def test_name_has_no_influence_and_is_printable() -> None:
    result = scan_bytes(memoryview(b"\1"), name="a\n.txt", limits=Limits(), allow=AllowList({}), expired=lambda: False)
    assert (result.verdict, result.observations[0].place.path) == ("not_examined", ("a\\n.txt",))


@pytest.mark.parametrize("name", ["__main__.py", "setup.SH", "a.pth"])
def test_text_that_is_a_program_by_its_name_is_not_examined(scan_file, rules, name) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(zipped({name: b"open('x', 'w').close()\n"}))) == {"not_examined text.script"}
    assert scan_file(zipped({f"{name}.txt": b"open('x', 'w').close()\n"})).verdict == "pass"


@pytest.mark.parametrize("name", ["a.pkl", "b/model.joblib.gz", "A.PKL"])
def test_text_by_the_name_of_a_pickle_is_followed_as_one(scan_file, rules, name) -> None:  # type: ignore[no-untyped-def]
    found = rules(scan_file(zipped({name: b"cpayload_module\nx\nzzz some words\n"})))
    assert found == {"unknown pickle.global", "malformed pickle.broken"}
    assert rules(scan_file(zipped({name: b"version https://git-lfs.github.com/spec/v1\n"}))) == set()
    assert rules(scan_file(zipped({"names.txt": b"cat\ndog\n"}))) == set()


def test_time_that_is_up_is_not_examined() -> None:
    result = scan_bytes(memoryview(b"hello"), name="f", limits=Limits(), allow=AllowList({}), expired=lambda: True)
    assert (result.verdict, [one.rule for one in result.observations]) == ("not_examined", ["limit.time"])


def test_members_beyond_the_limit_are_not_examined(scan_file) -> None:  # type: ignore[no-untyped-def]
    data = zipped({str(number): b"x" for number in range(50)})
    assert scan_file(data, limits=Limits(members=20)).verdict == "not_examined"
    assert scan_file(data, limits=Limits(members=60)).verdict == "pass"


@pytest.mark.parametrize("size", [1, 64, 4096])
def test_zeros_that_align_are_no_gap_and_anything_else_is(size: int) -> None:
    def walker(data: memoryview, place: Place, budget: Budget) -> Walked:
        record = Record(place)
        record.cover(0, 5)
        return record.walked("text")

    def verdict(tail: bytes) -> str:
        data = memoryview(b"hello" + tail)
        formats = {"text": walker, "unidentified": walker}
        return scan_bytes(
            data, name="f", limits=Limits(), allow=AllowList({}), expired=lambda: False, walkers=formats
        ).verdict

    assert verdict(bytes(size)) == "pass"
    assert verdict(bytes(size) + b"x") == "fail"


def test_findings_of_a_hostile_archive_stay_few(scan_file) -> None:  # type: ignore[no-untyped-def]
    data = zipped({f"{number}.bin": b"\x7fELF" + bytes(20) for number in range(3000)})
    result = scan_file(data)
    assert result.verdict == "fail"
    assert len(result.observations) < 200


@given(st.binary(max_size=400))
def test_any_bytes_are_scanned(data: bytes) -> None:
    scan_bytes(memoryview(data), name="f", limits=Limits(), allow=AllowList({}), expired=lambda: False)
