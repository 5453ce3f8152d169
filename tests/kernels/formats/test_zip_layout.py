import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.zip_layout import ZipError, entries, extra_fields, local_header, read_directory, widened


def made(*names: str, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for name in names:
            archive.writestr(name, name * 3)
    return buffer.getvalue()


@pytest.mark.parametrize("comment", [b"", b"hello", b"x" * 65535])
def test_directory_is_found_where_zipfile_finds_it(comment: bytes) -> None:
    data = memoryview(made("a", "b", comment=comment))
    directory = read_directory(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert (directory.start, directory.count, directory.comment) == (archive.start_dir, 2, comment)


def test_headers_are_those_that_zipfile_reads() -> None:
    data = memoryview(made("a", "dir/b"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry, info in zip(entries(data, read_directory(data)), archive.infolist(), strict=True):
            assert (entry.name.decode(), entry.offset, entry.size, entry.crc) == (
                info.filename, info.header_offset, info.file_size, info.CRC,
            )  # fmt: skip
            assert local_header(data, entry.offset).name == entry.name


def test_bytes_before_the_archive_are_counted() -> None:
    assert read_directory(memoryview(b"12345" + made("a"))).prefix == 5


def test_zip64_records_are_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(65_600):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    data = memoryview(buffer.getvalue())
    assert read_directory(data).count == 65_600
    assert sum(1 for _ in entries(data, read_directory(data))) == 65_600


def test_wide_sizes_replace_only_what_refers_to_them() -> None:
    extra = b"\x01\x00\x08\x00" + (5).to_bytes(8, "little")
    assert widened(extra, 7, 0xFFFFFFFF, 9) == (7, 5, 9)


@pytest.mark.parametrize("extra", [b"\x01", b"\x01\x00\x09\x00a"])
def test_extra_fields_that_do_not_fill_their_space_are_refused(extra: bytes) -> None:
    with pytest.raises(ZipError):
        list(extra_fields(extra))


@given(st.data())
def test_any_damage_is_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(made("a", "b"))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    view = memoryview(bytes(data[: draw.draw(st.integers(0, len(data)))]))
    try:
        for entry in entries(view, read_directory(view)):
            local_header(view, entry.offset)
    except ZipError:
        pass
