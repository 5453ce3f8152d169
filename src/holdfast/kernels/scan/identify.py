"""Say every format that bytes could be, by their content alone: a name proves nothing about what a loader will see."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator

from holdfast.kernels.formats import protobuf
from holdfast.kernels.formats.tar_blocks import is_header
from holdfast.kernels.formats.zip_layout import END, find_end
from holdfast.kernels.scan.pickle_outline import outline

TEXT_FORMATS = frozenset({"json", "yaml", "python", "lightgbm", "text", "wide-text"})
LONGEST_TEXT = 256 << 20
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
"""What a text begins with whose characters take two or four bytes."""
HDF5 = b"\x89HDF\r\n\x1a\n"
_MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("gzip", 0, b"\x1f\x8b"), ("xz", 0, b"\xfd7zXZ\0"), ("zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("lz4", 0, b"\x04\x22\x4d\x18"), ("bz2", 0, b"BZh"), ("joblib-zlib", 0, b"ZF0x"), ("npy", 0, b"\x93NUMPY"),
    ("gguf", 0, b"GGUF"), ("tflite", 4, b"TFL3"), ("png", 0, b"\x89PNG\r\n\x1a\n"), ("jpeg", 0, b"\xff\xd8\xff"),
    ("gif", 0, b"GIF8"), ("pdf", 0, b"%PDF-"), ("parquet", 0, b"PAR1"), ("arrow", 0, b"ARROW1\0\0"),
    ("sqlite", 0, b"SQLite format 3\0"), ("catboost", 0, b"CBM1"), ("7z", 0, b"7z\xbc\xaf\x27\x1c"),
    ("rar", 0, b"Rar!\x1a\x07"), ("ole", 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), ("cab", 0, b"MSCF\0\0\0\0"),
    ("zip", 0, b"PK\3\4"), ("zip", 0, END),
)  # fmt: skip
_PROGRAMS = (
    b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"\xbe\xba\xfe\xca", b"\0asm", b"dex\n0", b"#!/", b"#! /",
    b"BC\xc0\xde",
)  # fmt: skip
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\n\r\x0b\x0c\x1b\x08\x1a"
_UBJ_KEY = {"i": 1, "U": 1, "I": 2, "l": 4, "L": 8}
_PYTHON = re.compile(
    rb"^(?:import [A-Za-z_][\w.]*(?: as \w+)?(?:, ?[A-Za-z_][\w.]*(?: as \w+)?)*|from [.\w]+ import [\w(*][^\n]*"
    rb"|(?:async )?def \w+\([^\n]*|class \w+(?:\([^\n]*\))?:|if __name__ == [^\n]*"
    rb"|(?:\w+ ?= ?)?(?:exec|eval|__import__|compile|getattr)\([^\n]*)[ \t]*(?:#[^\n]*)?[\r;]?$",
    re.MULTILINE,
)
_SOURCE_HEAD = 1 << 17
_FENCED = re.compile(rb"^ {0,3}(```|~~~).*?^ {0,3}\1", re.MULTILINE | re.DOTALL)
_YAML = re.compile(rb"(?:[ \t\r]*(?:#[^\n]*)?\n)*+(?:%YAML|%TAG|---\s|[A-Za-z_][\w .-]{0,60}:(?:\s|$)|- \S)")


def identify(data: memoryview) -> tuple[str, ...]:
    """Return the names of all formats that fit, the likeliest first; none for bytes that fit nothing.

    Text formats are named only where no other fits, except beside a pickle of protocol 0, which is a text too.

    Examples
    --------
    >>> identify(memoryview(b'{"a": 1}'))
    ('json',)
    """
    found = list(dict.fromkeys((*magic_formats(data), *_structural_formats(data))))
    # two bytes are a weak mark: the length at the start of a safetensors file can be the same
    if outline(data) != "none" or (not found and bytes(data[:1]) == b"\x80" and len(data) > 1 and data[1] <= 5):
        found.insert(0, "pickle")
    if set(found) <= {"pickle"} and (name := _text_format(data)):
        found.append(name)
    if not found and (name := _protobuf_format(data)):
        found.append(name)
    return tuple(found)


def magic_formats(data: memoryview) -> Iterator[str]:
    """Yield the formats whose mark stands where it belongs."""
    head = bytes(data[:600])
    for name, offset, magic in _MAGIC:
        if head.startswith(magic, offset) and (name != "bz2" or head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")):
            yield name
    if head.startswith(_PROGRAMS) or _is_windows_program(data, head) or _is_python_bytecode(head):
        yield "program"
    if head[257:262] == b"ustar":
        yield "tar"
    offset = 0
    while offset + 8 <= len(data) and offset <= 1 << 31:
        if data[offset : offset + 8] == HDF5:
            yield "hdf5"
            break
        offset = offset * 2 or 512


def is_certain_pickle(data: memoryview) -> bool:
    """Whether bytes begin with a protocol mark and run to the end as a pickle, or as far as a call."""
    return data[0] == 0x80 and len(data) > 2 and data[1] in range(2, 6) and outline(data) != "none"


def _is_windows_program(data: memoryview, head: bytes) -> bool:
    at = int.from_bytes(head[60:64], "little")
    return head[:2] == b"MZ" and len(head) >= 64 and bytes(data[at : at + 4]) in (b"PE\0\0", b"NE", b"LE\0\0")


def _is_python_bytecode(head: bytes) -> bool:
    """Magic number of CPython 3.x, ``\\r\\n``, flags below 4, and a marshalled code object."""
    return head[2:4] == b"\r\n" and len(head) > 17 and head[16] & 0x7F == 0x63 and head[1] in range(0x0C, 0x10)


def _structural_formats(data: memoryview) -> Iterator[str]:
    is_tar = is_header(data[:512])
    if is_tar:
        yield "tar"
    # a zip file that is the last member of a tar file is found from the end too, but does not reach it
    if (
        (at := find_end(data)) >= 0
        and _directory_fits(data, at)
        and not (is_tar and _comment_end(data, at) != len(data))
    ):
        yield "zip"
    if len(data) >= 10 and data[8] == 0x7B and int.from_bytes(data[:8], "little") <= len(data) - 8:
        yield "safetensors"
    if len(data) and data[0] == 0x7B and _is_ubj(data):
        yield "ubj"
    if _inflates(data):
        yield "zlib"
    if len(data) > 13 and data[0] == 0x5D and bytes(data[1:3]) == b"\0\0" and data[13] == 0:
        yield "lzma"


def _comment_end(data: memoryview, at: int) -> int:
    return at + 22 + int.from_bytes(data[at + 20 : at + 22], "little")


def _directory_fits(data: memoryview, at: int) -> bool:
    """Whether the last end record points at a central directory, or states that it is empty."""
    size, offset = (int.from_bytes(data[at + n : at + n + 4], "little") for n in (12, 16))
    start = at - size
    return 0xFFFFFFFF in (size, offset) or (start >= offset and data[start : start + 4] in (b"PK\1\2", END))


def _is_ubj(data: memoryview) -> bool:
    marker = chr(data[1]) if len(data) > 12 else ""
    width = _UBJ_KEY.get(marker, 0)
    size = int.from_bytes(data[2 : 2 + width], "big")
    key = bytes(data[2 + width : 2 + width + size]) if 0 < size < 200 else b""
    return bool(key) and key.isascii() and key.decode().isprintable()


def _inflates(data: memoryview) -> bool:
    if len(data) < 6 or data[0] & 0x0F != 8 or data[0] >> 4 > 7 or (data[0] << 8 | data[1]) % 31:
        return False
    try:
        return bool(zlib.decompressobj().decompress(bytes(data[:4096]), 16)) or len(data) < 64
    except zlib.error:
        return False


def _protobuf_format(data: memoryview) -> str:
    """Tell ONNX models, TensorFlow SavedModels and graphs by the numbers and types of their outermost fields."""
    seen: dict[int, protobuf.Field] = {}
    try:
        for count, field in enumerate(protobuf.fields(data)):
            seen.setdefault(field.number, field)
            if count > 2000:
                break
    except protobuf.WireError:
        if len(seen) < 3:
            return ""
    kinds = {number: field.wire_type for number, field in seen.items()}
    texts = {kinds.get(number, protobuf.LENGTH) for number in (2, 3, 4, 6)}
    if kinds.get(1) == protobuf.VARINT and kinds.get(2) == protobuf.LENGTH and set(kinds) == {1, 2}:
        return "tensorflow-saved-model" if _begins_message(seen[2].value, 1) else ""
    if (
        texts == {protobuf.LENGTH}
        and kinds.get(7) == protobuf.LENGTH
        and kinds.get(1, protobuf.VARINT) == protobuf.VARINT
    ):
        return "onnx" if 8 in kinds or 1 in kinds or _begins_message(seen[7].value, 1) else ""
    if kinds.get(1) == protobuf.LENGTH and set(kinds) <= {1, 2, 3, 4, 5} and _begins_message(seen[1].value, 2):
        return "tensorflow-graph"
    return ""


def _begins_message(value: int | memoryview, number: int) -> bool:
    """Whether a value reads as a message that has this field as a text or message."""
    try:
        return not isinstance(value, int) and any(
            field.number == number and field.wire_type == protobuf.LENGTH for field in protobuf.fields(value)
        )
    except protobuf.WireError:
        return False


def _text_format(data: memoryview) -> str:
    if not is_text(data):
        return ""
    head = bytes(data[: 1 << 20])
    if head.startswith(WIDE_MARKS):
        return "wide-text"
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"\{\s*[\"}]|\[\s*[\[\]{\"\d.tfn-]", head):
        return "json"
    if head.startswith(b"tree\nversion=v"):
        return "lightgbm"
    if _PYTHON.search(_FENCED.sub(b"", head[:_SOURCE_HEAD])):
        return "python"
    return "yaml" if _YAML.match(head) else "text"


def is_text(data: memoryview) -> bool:
    """Whether all bytes are those of a text: no control characters but the usual ones; UTF-16 needs its mark."""
    if len(data) > LONGEST_TEXT:
        return False
    if bytes(data[:4]).startswith(WIDE_MARKS):
        return len(data) % 2 == 0
    high = False
    for start in range(0, len(data), 1 << 20):
        rest = bytes(data[start : start + (1 << 20)]).translate(None, _PRINTABLE)
        if rest and min(rest) < 0x80:
            return False
        high = high or bool(rest)
    return not high or _is_high_text(bytes(data[: 1 << 20]))


def _is_high_text(head: bytes) -> bool:
    """UTF-8, apart from a character cut at the end; or Latin letters that are few among plain ones."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4 or len(head) < 1 << 20:
            return sum(byte > 0xA0 for byte in head) * 3 < len(head) and not any(0x80 <= byte < 0xA0 for byte in head)
    return True
