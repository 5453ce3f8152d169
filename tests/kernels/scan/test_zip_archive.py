import io
import stat
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.zip_archive import walk_zip
from tests.kernels.scan.test_pytorch_archive import storage, tensor


def made(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return bytearray(buffer.getvalue())


PLAIN = {"a.txt": b"hello", "b.txt": b"world" * 10}


def directory_at(data: bytearray) -> int:
    return data.index(b"PK\1\2")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ordinary_archive_is_covered_and_its_members_are_handed_on(walk, compression) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN, compression)
    walked = walk(walk_zip, data)
    assert walked.observations == ()
    assert sum(end - start for start, end in walked.covered) == len(data)
    assert {child.place.path[-1]: bytes(child.data) for child in walked.children} == PLAIN


def test_streamed_members_are_ordinary(walk) -> None:  # type: ignore[no-untyped-def]
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:  # type: ignore[no-untyped-def]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"x" * 1000)
        with archive.open("b", "w", force_zip64=True) as member:
            member.write(b"y" * 1000)
    walked = walk(walk_zip, pipe.data)
    assert walked.observations == ()
    assert sum(end - start for start, end in walked.covered) == len(pipe.data)


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_of_numpy_are_ordinary(scan_file, compressed) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, a=np.arange(5), b=np.ones((3, 3)))
    assert scan_file(buffer.getvalue()).verdict == "pass"


def test_alignment_of_torch_in_the_extra_field_is_ordinary(walk) -> None:  # type: ignore[no-untyped-def]
    info = zipfile.ZipInfo("archive/data/0")
    info.extra = b"FB" + struct.pack("<H", 20) + b"Z" * 20
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, bytes(64))
    assert walk(walk_zip, buffer.getvalue()).observations == ()


def object_of(*keys: str) -> bytes:
    return b"\x80\x02(" + b"".join(tensor(storage(key, 16)) for key in keys) + b"t."


def test_storages_of_torch_are_numbers_and_programs_among_them_are_found(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    parts = {"m/data.pkl": object_of("0"), "m/version": b"3\n", "m/data/0": bytes([200, 1, 0, 255]) * 16}
    assert scan_file(bytes(made(parts))).verdict == "pass"
    parts |= {"m/data.pkl": object_of("0", "1"), "m/data/1": b"\x7fELF" + bytes(60)}
    assert rules(scan_file(bytes(made(parts)))) == {"suspicious payload.hidden"}


def test_numbers_without_a_pickle_beside_them_are_not_examined(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(bytes(made({"m/data/0": bytes([200, 1, 0, 255]) * 16}))).verdict == "not_examined"


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (("a", "a"), "zip.duplicate-name"),
        (("Data.pkl", "data.pkl"), "zip.duplicate-name"),
        (("a/b", "a\\b"), "zip.duplicate-name"),
        (("é", "é"), "zip.duplicate-name"),
        (("x/./a", "x/a"), "zip.duplicate-name"),
        (("../a",), "zip.traversal"),
        (("/etc/passwd",), "zip.traversal"),
        (("C:\\a",), "zip.traversal"),
        (("a\\..\\..\\b",), "zip.traversal"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_misleading_names_are_suspicious(walk, rules, names, rule) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, b"1")
    assert f"suspicious {rule}" in rules(walk(walk_zip, buffer.getvalue()))


def test_zero_byte_in_a_name_is_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    data = made({"aXb": b"1"}).replace(b"aXb", b"a\0b")
    assert "suspicious zip.name" in rules(walk(walk_zip, data))


def test_name_that_differs_between_the_headers_is_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    data[data.index(b"a.txt")] = ord("z")
    assert "suspicious zip.headers-differ" in rules(walk(walk_zip, data))


@pytest.mark.parametrize("offset", [6, 8, 14, 18, 22])
def test_any_other_difference_between_the_headers_is_suspicious(walk, rules, offset) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    data[offset] ^= 2
    assert "suspicious zip.headers-differ" in rules(walk(walk_zip, data))


def test_changed_content_is_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    data[data.index(b"hello")] ^= 1
    assert "suspicious zip.checksum" in rules(walk(walk_zip, data))


@pytest.mark.parametrize("position", ["before", "between", "behind"])
def test_bytes_outside_the_members_are_reported(scan_file, rules, position) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    extra = b"hidden payload"
    if position == "before":
        data = extra + data
    elif position == "behind":
        data = data + extra
    else:
        at = directory_at(data)
        end = data.index(b"PK\5\6")
        data = data[:at] + extra + data[at:end] + data[end:]
        end += len(extra)
        data[end + 16 : end + 20] = (at + len(extra)).to_bytes(4, "little")
    result = scan_file(bytes(data))
    assert result.verdict == "fail"
    assert "suspicious ledger.gap" in rules(result)


def test_member_that_the_directory_leaves_out_is_reported(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    at, end = directory_at(data), data.index(b"PK\5\6")
    second = data.index(b"PK\1\2", at + 4)
    short = data[:second] + data[end:]
    at_end = second
    short[at_end + 8 : at_end + 12] = b"\1\0\1\0"
    short[at_end + 12 : at_end + 16] = (second - at).to_bytes(4, "little")
    assert "suspicious ledger.gap" in rules(scan_file(bytes(short)))


def test_encrypted_and_unknown_methods_are_not_examined(walk, rules) -> None:  # type: ignore[no-untyped-def]
    data = made(PLAIN)
    at = directory_at(data)
    data[6] |= 1
    data[at + 8] |= 1
    assert "not_examined zip.encrypted" in rules(walk(walk_zip, data))
    data = made(PLAIN)
    data[8] = data[at + 10] = 93
    assert "not_examined zip.method" in rules(walk(walk_zip, data))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_suspicious(walk, rules, kind) -> None:  # type: ignore[no-untyped-def]
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "suspicious zip.special-member" in rules(walk(walk_zip, buffer.getvalue()))


def test_second_end_record_in_the_comment_is_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
        archive.comment = b"PK\5\6" + b"\0" * 10
    assert rules(walk(walk_zip, buffer.getvalue())) & {"suspicious zip.comment", "suspicious zip.end"}


def quoted_overlap(count: int = 200, kernel_size: int = 5_000_000) -> bytes:
    """Members whose data are each other's headers and one common kernel, after Fifield (2019)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    kernel = deflate.compress(bytes(kernel_size)) + deflate.flush()
    crc = zlib.crc32(bytes(kernel_size))
    body, entries = b"", b""
    for number in range(count):
        name = b"%05d" % number
        common = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 0, crc, len(kernel), kernel_size, len(name), 0)
        entries += b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHLL", 0, 0, 0, 0, len(body)) + name
        body += b"PK\3\4" + common + name
    start = len(body) + len(kernel)
    return body + kernel + entries + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, len(entries), start, 0)


def test_overlapping_members_are_found_before_anything_is_decompressed(walk, rules) -> None:  # type: ignore[no-untyped-def]
    walked = walk(walk_zip, quoted_overlap())
    assert "suspicious zip.overlap" in rules(walked)
    assert walked.children == ()


def nested_bomb(levels: int = 3) -> bytes:
    data = bytes(made({"0": bytes(200_000_000)}, zipfile.ZIP_DEFLATED))
    for _ in range(levels):
        data = bytes(made({f"{number}.zip": data for number in range(16)}, zipfile.ZIP_DEFLATED))
    return data


def test_nested_bomb_is_stopped(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    bomb = nested_bomb()
    start = time.perf_counter()
    result = scan_file(bomb)
    assert time.perf_counter() - start < 60
    assert "suspicious expansion.bomb" in rules(result)


def test_time_that_is_up_is_not_examined(rules) -> None:  # type: ignore[no-untyped-def]
    data = bytes(made(PLAIN))
    walked = walk_zip(memoryview(data), Place(("f",), 0, len(data)), Budget(1 << 20, 100, 100, lambda: True))
    assert "not_examined limit.members" in rules(walked)


@settings(max_examples=150)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = made({"a": b"hello" * 20, "b": b"y" * 50}, draw.draw(st.sampled_from([0, 8, 12, 14])))
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    scan_file(bytes(data[:cut]))
    scan_file(bytes(data))


def test_comments_of_archive_and_member_are_looked_at_too(scan_file) -> None:  # type: ignore[no-untyped-def]
    hidden = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."
    for in_member in (False, True):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            info = zipfile.ZipInfo("a.txt")
            info.comment = hidden if in_member else b"an ordinary remark"
            archive.writestr(info, b"hello")
            archive.comment = b"an ordinary remark" if in_member else hidden
        assert scan_file(buffer.getvalue()).verdict == "fail"


def test_comment_that_is_a_text_is_ordinary(scan_file) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", b"hello")
        archive.comment = b"made on 2026-11-24"
    assert scan_file(buffer.getvalue()).verdict == "pass"


@pytest.mark.parametrize(
    ("number", "content", "is_plain"),
    [
        (0x4246, b"Z" * 40, True),
        (0x4246, b"cos\nsystem\n" * 3, False),
        (0x5455, b"\3" + b"\1" * 8, True),
        (0x5455, b"\3" + b"\1" * 80, False),
        (0x9999, b"anything", False),
    ],
)
def test_extra_field_holds_what_its_kind_holds_or_is_not_examined(walk, rules, number, content, is_plain) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("a.txt")
    info.extra = struct.pack("<HH", number, len(content)) + content
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"hello")
    assert rules(walk(walk_zip, buffer.getvalue())) == (set() if is_plain else {"not_examined zip.extra"})


@pytest.mark.parametrize(
    ("use_pickle", "content", "verdict"),
    [
        ("false", bytes([200, 1, 0, 255]) * 16, "pass"),
        ("true", bytes([200, 1, 0, 255]) * 16, "not_examined"),
        ("true", b"\x80\x02cposix\nsystem\n(U\x02idtR.", "fail"),
        ("false", b"\x7fELF" + bytes(60), "fail"),
    ],
)
def test_tensors_of_an_exported_program_are_numbers_where_torch_copies_them(
    scan_file,  # type: ignore[no-untyped-def]
    use_pickle: str,
    content: bytes,
    verdict: str,
) -> None:
    config = f'{{"config": {{"w": {{"path_name": "weight_0", "use_pickle": {use_pickle}, "tensor_meta": {{}}}}}}}}'
    members = {"m/data/weights/weight_0": content, "m/data/weights/model_weights_config.json": config.encode()}
    assert scan_file(bytes(made(members))).verdict == verdict
