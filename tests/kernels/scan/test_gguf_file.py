import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def pair(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def made(pairs: list[bytes], tensors: list[tuple[str, int]], size: int) -> bytes:
    """F32 tensors of eight numbers each, by name and offset."""
    table = b"".join(text(name) + struct.pack("<IQIQ", 1, 8, 0, offset) for name, offset in tensors)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + table
    return head + bytes(-len(head) % 32) + b"\x01" * size


def test_file_of_the_reference_library_passes(scan_file, sample) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(sample("tiny.gguf"))
    assert (result.verdict, result.format) == ("pass", "gguf")
    assert any("chat_template" in note for note in result.notes)


def test_ordinary_tensors_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(made([], [("a", 0), ("b", 32)], 64)).verdict == "pass"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (made([], [("a", 0), ("b", 16)], 48), "suspicious gguf.overlap"),
        (made([], [("a", 0), ("b", 64)], 96), "suspicious ledger.gap"),
        (made([], [("a", 0)], 40), "suspicious ledger.gap"),
        (made([], [("a", 0)], 31), "malformed gguf.tensor"),
        (made([], [("a", 0), ("a", 32)], 64), "suspicious gguf.duplicate-name"),
        (made([pair("k", "1"), pair("k", "2")], [], 0), "suspicious gguf.duplicate-name"),
        (made([pair("tokenizer.chat_template", "{{ ''.__class__ }}")], [], 0), "executes template.code"),
        (made([pair("note", "AKIAQ3EGRIHZL6YPDWXT")], [], 0), "secret secret.aws-access-key"),
        (made([pair("k", "1")], [], 0)[:-20], "malformed gguf.structure"),
    ],
)
def test_structure_that_misleads_is_reported(scan_file, rules, data, rule) -> None:  # type: ignore[no-untyped-def]
    assert rule in rules(scan_file(data))


@settings(max_examples=100)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(made([pair("a", "b")], [("a", 0), ("b", 32)], 64))
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(4, len(data) - 1))] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data))
