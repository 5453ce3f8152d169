import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.tar_blocks import TarError, is_header, members

LONG = "d/" * 120 + "näme"


def made(format: int, names: tuple[str, ...] = ("a", LONG)) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 700
            archive.addfile(info, io.BytesIO(bytes(range(7)) * 100))
    return buffer.getvalue()


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_are_those_that_tarfile_reads(format: int) -> None:
    data = made(format)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(info.name, info.size, info.offset_data) for info in archive]
    assert [(one.name, one.size, one.data) for one in members(memoryview(data))] == expected


def test_ustar_prefix_is_part_of_the_name() -> None:
    name = "p" * 90 + "/" + "n" * 90
    assert next(members(memoryview(made(tarfile.USTAR_FORMAT, (name,))))).name == name


def test_size_in_a_pax_header_that_differs_is_told() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.size = 512
        info.pax_headers = {"size": "0"}
        archive.addfile(info, io.BytesIO(bytes(512)))
    assert next(members(memoryview(buffer.getvalue()))).extended_differs


def test_damaged_checksum_is_refused() -> None:
    data = bytearray(made(tarfile.GNU_FORMAT))
    data[0] ^= 1
    with pytest.raises(TarError):
        list(members(memoryview(bytes(data))))


@pytest.mark.parametrize("cut", [600, 1100])
def test_member_that_does_not_fit_is_refused(cut: int) -> None:
    with pytest.raises(TarError):
        list(members(memoryview(made(tarfile.GNU_FORMAT, ("a",))[:cut])))


def test_zeros_are_no_header() -> None:
    assert not is_header(memoryview(bytes(512)))


@given(st.data())
def test_any_damage_is_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(made(draw.draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255))
        start = at // 512 * 512
        block = bytes(data[start : start + 148]) + b" " * 8 + bytes(data[start + 156 : start + 512])
        data[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    try:
        for count, one in enumerate(members(memoryview(bytes(data)))):
            assert one.end > one.start
            assert count < 100
    except TarError:
        pass
