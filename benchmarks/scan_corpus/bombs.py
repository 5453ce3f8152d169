"""Small files that cost a reader much: time, memory, or depth. None of them names anything that could be forbidden."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from benchmarks.scan_corpus.assemble import at, call, encode, header, pickled, text
from benchmarks.scan_corpus.case import Case

GIGABYTE = 1 << 30


def cases() -> Iterator[Case]:
    """Yield the bombs; their loaders are never run."""
    for name, content in {**_streams(), **_pickles(), **_documents()}.items():
        yield Case(f"bomb_{name}", content, True)


def _zeros(compressor: Any) -> bytes:
    chunk = bytes(1 << 22)
    parts: list[bytes] = [compressor.compress(chunk) for _ in range(GIGABYTE >> 22)]
    return b"".join([*parts, compressor.flush()])


def _streams() -> dict[str, bytes]:
    gzipped = _zeros(zlib.compressobj(9, wbits=31))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", 8) as written:
        for number in range(20):
            written.writestr(f"data/{number}", bytes(1 << 25))
    return {
        "zeros.gz": gzipped,
        "zeros.bz2": _zeros(bz2.BZ2Compressor()),
        "zeros.xz": _zeros(lzma.LZMACompressor(preset=0)),
        "zeros.z": _zeros(zlib.compressobj(9)),
        "twice.gz": gzip.compress(gzipped),
        "members.zip": archive.getvalue(),
        "overlapping.zip": _overlapping(),
        "xz-memory.xz": lzma.compress(b"x" * 100, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]),
    }


def _overlapping() -> bytes:
    """Many entries of the directory that share one member."""
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w", 8) as archive:
        archive.writestr("a", bytes(1 << 24))
    data = one.getvalue()
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entries = data[start:end] * 200
    count = struct.pack("<HH", 200, 200)
    return data[:start] + entries + data[end : end + 8] + count + struct.pack("<II", len(entries), start) + b"\0\0"


def _pickles() -> dict[str, bytes]:
    doubled = b")" + b"2\x86" * 64
    collide = b"".join(encode((1 << 61) * n - n, 1) + b"N" for n in range(1, 30_000))
    return {
        "hash-key.pkl": header(2) + b"}" + doubled + b"K\x01s.",
        "hash-set.pkl": header(4) + b"\x8f(" + doubled + b"\x90.",
        "hash-frozenset.pkl": header(4) + b"(" + doubled + b"\x91.",
        "hash-nested.pkl": header(4) + b"(" + doubled + b"\x91" + b"N\x86" + b"}(" + doubled + b"Nu.",
        "collisions.pkl": header(2) + b"}(" + collide + b"u.",
        "memo-index.pkl": header(2) + b"Nr\xff\xff\xff\x3f.",
        "memo-index-wide.pkl": header(2) + b"Nr\xff\xff\xff\xff.",
        "length.pkl": header(4) + b"\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        "length-text.pkl": header(4) + b"X\xff\xff\xff\xffx.",
        "length-long.pkl": header(2) + b"\x8b\xff\xff\xff\x7fx.",
        "bytearray.pkl": header(5) + b"\x96" + struct.pack("<Q", 1 << 36) + b"x.",
        "frame.pkl": header(4) + b"\x95" + struct.pack("<Q", 1 << 60) + b"N.",
        "marks.pkl": header(2) + b"(" * 2_000_000 + b"t" * 2_000_000 + b".",
        "fraction.pkl": pickled(call("fractions:Fraction", "1e99999999"), 4),
        "range.pkl": pickled(call("builtins:list", call("builtins:range", 1 << 60)), 4),
        "array.pkl": pickled(
            call("numpy._core.multiarray:_reconstruct", call("numpy:ndarray", (1 << 50,)), (0,), b"b"), 4
        ),
        "reconstruct.pkl": header(4)
        + encode(call("numpy._core.multiarray:_reconstruct", at("numpy:ndarray"), (1 << 38,), b"b"), 4)
        + b".",
        "text-memo.pkl": header(2)
        + text("x" * 1_000, 2)
        + b"q\x00"
        + b"".join(b"h\x00" for _ in range(3_000_000))
        + b".",
        "digits.pkl": b"L" + b"9" * 2_000_000 + b"L\n.",
    }


def _documents() -> dict[str, bytes]:
    deep = b"[" * 100_000 + b"]" * 100_000
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }\n"
    return {
        "deep.json": deep,
        "deep-object.json": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        "aliases.yaml": f"a0: &a0 [x, x]\n{levels}\n".encode(),
        "header.safetensors": struct.pack("<Q", 1 << 62) + b"{}",
        "shape.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head,
        "header.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 31) + b"{" * 1_000_000,
        "nested.onnx": _nested_message(2_000),
        "count.gguf": b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 1 << 62),
        "array.gguf": b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + struct.pack("<Q", 1)
        + b"a"
        + struct.pack("<IIQ", 9, 9, 1 << 60),
    }


def _nested_message(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        size, length = len(content), b""
        while size > 127:
            length += bytes([size & 127 | 128])
            size >>= 7
        content = b"\x3a" + length + bytes([size]) + content
    return b"\x08\x08" + content
