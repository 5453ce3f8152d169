import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.lz4_frame import MAGIC, expand_lz4

# lz4.frame.compress(b"hello world " * 1000), by lz4 4.4
HELLO = base64.b64decode(
    "BCJNGGhA4C4AAAAAAAAlRAAAAM9oZWxsbyB3b3JsZCAMAP//////////////////////////////////////////////////////"
    "///////qUG9ybGQgAAAAAA=="
)


def run(data: bytes, limit: int = 1 << 20):  # type: ignore[no-untyped-def]
    return expand_lz4(memoryview(data), limit=limit, stop=lambda consumed, produced: False)


def frame(block: bytes, *, stored: bool = False) -> bytes:
    size = len(block) | (1 << 31 if stored else 0)
    return MAGIC + b"\x60\x40\x82" + size.to_bytes(4, "little") + block + bytes(4)


def test_frame_of_the_reference_library_is_read() -> None:
    result = run(HELLO + b"tail")
    assert (bytes(result.data), result.ending, result.consumed) == (b"hello world " * 1000, "complete", len(HELLO))


def test_stored_block_is_copied() -> None:
    assert bytes(run(frame(b"abc", stored=True)).data) == b"abc"


def test_match_may_overlap_what_it_writes() -> None:
    assert bytes(run(frame(b"\x1fa\x01\x00\x00\x00")).data[:20]) == b"a" * 20


@pytest.mark.parametrize("block", [b"\x10a\x05\x00\x00", b"\xf0", b"\x50ab", b"\x10a\x00\x00\x00"])
def test_broken_block_is_refused(block: bytes) -> None:
    assert run(frame(block)).ending == "broken"


def test_bomb_stops_at_the_limit() -> None:
    result = run(frame(b"\x1fa\x01\x00" + b"\xff" * 1_000_000 + b"\x00\x00"), 1000)
    assert (len(result.data), result.ending) == (1000, "limit")


@pytest.mark.parametrize("length", range(15))
def test_truncated_frame_is_told(length: int) -> None:
    assert run(HELLO[:length]).ending in ("truncated", "broken")


@given(st.binary(max_size=200))
def test_any_block_is_expanded_or_refused(block: bytes) -> None:
    assert len(run(frame(block), 10_000).data) <= 10_000
