"""The archive has one spelling: any tool reads it, the reader takes nothing else."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.container import LARGEST, ArchiveReader, ArchiveWriter, Member, is_safe_path


def written(**members: bytes) -> bytes:
    file = io.BytesIO()
    archive = ArchiveWriter(file)
    for name, data in members.items():
        archive.add(name, data)
    archive.finish()
    return file.getvalue()


def opened(data: bytes) -> ArchiveReader:
    return ArchiveReader(io.BytesIO(data), source="x.holdfast")


def zipped(*names: str, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in names:
            archive.writestr(name, b"data")
    return file.getvalue()


def test_reader_returns_what_was_written() -> None:
    archive = opened(written(a=b"first", b=b"x" * 200_000, c=b""))
    contents = {name: b"".join(archive.pieces(member)) for name, member in archive.members.items()}
    assert contents == {"a": b"first", "b": b"x" * 200_000, "c": b""}


def test_pieces_have_64_kib() -> None:
    archive = opened(written(a=b"x" * 150_000))
    assert [len(piece) for piece in archive.pieces(archive.members["a"])] == [65536, 65536, 150_000 - 2 * 65536]


def test_other_zip_tools_read_it() -> None:
    with zipfile.ZipFile(io.BytesIO(written(**{"outputs/ä.txt": b"text", "b": b""}))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["outputs/ä.txt", "b"]
        assert archive.read("outputs/ä.txt") == b"text"
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_bytes_depend_on_the_content_only() -> None:
    assert written(a=b"1", b=b"2") == written(a=b"1", b=b"2")


def test_every_byte_outside_the_contents_is_fixed() -> None:
    data = written(a=b"first", b=b"second")
    contents = {i for m in opened(data).members.values() for i in range(m.start, m.end)}
    for position in sorted(set(range(len(data))) - contents):
        for flip in (1, 0x20, 0x80):
            broken = bytearray(data)
            broken[position] ^= flip
            with pytest.raises(InputError):
                opened(bytes(broken))


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 60])
def test_truncated_archive_is_refused(cut: int) -> None:
    with pytest.raises(InputError, match="well-formed"):
        opened(written(a=b"first", b=b"second")[:cut])


def test_bytes_around_the_archive_are_refused() -> None:
    data = written(a=b"first")
    for broken in (b"#!/bin/sh\n" + data, data + b"\n", data[:-2] + b"\x01\x00x"):
        with pytest.raises(InputError, match="well-formed"):
            opened(broken)


def test_compressed_archive_is_refused() -> None:
    """Nothing expands, so no archive can expand without end."""
    with pytest.raises(InputError, match="not in the form"):
        opened(zipped("a", compression=zipfile.ZIP_DEFLATED))


def test_archive_of_another_writer_is_refused() -> None:
    with pytest.raises(InputError, match="well-formed"):
        opened(zipped("a"))


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "a//b", "./a", "a\\b", "C:/a", "a\nb", "a\x1bb", ""])
def test_unsafe_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="relative path"):
        opened(written(**{name: b"x"}))


def test_doubled_name_is_refused() -> None:
    file = io.BytesIO()
    archive = ArchiveWriter(file)
    archive.add("a", b"1")
    archive.add("a", b"2")
    archive.finish()
    with pytest.raises(InputError, match="twice"):
        opened(file.getvalue())


def test_name_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        opened(written(abc=b"x").replace(b"abc", b"\xff\xfe\xfd"))


def test_sizes_beyond_the_file_are_refused() -> None:
    line = Member("a", 0, LARGEST, 0).central_header()
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 3, 3, 3 * len(line), 0, 0)
    with pytest.raises(InputError, match="more bytes than it can hold"):
        opened(line * 3 + end)


def test_directory_shorter_than_its_count_is_refused() -> None:
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 60_000, 60_000, 0, 0, 0)
    with pytest.raises(InputError, match="cut off"):
        opened(end)


def test_too_many_members_are_refused_on_writing() -> None:
    archive = ArchiveWriter(io.BytesIO())
    for number in range(65_534):
        archive.add(str(number), b"")
    with pytest.raises(InputError, match="one too many"):
        archive.add("last", b"")


def test_safe_paths_are_plain_and_relative() -> None:
    assert is_safe_path("evidence/data.schema/columns.parquet")
    assert is_safe_path("a b/ä.txt")
    assert not is_safe_path("a" * 5000)
    assert not is_safe_path("\udcff")
