from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.byte_source import CHUNK, ChunkSource, MemorySource

DATA = bytes(range(256)) * (CHUNK // 128)


def test_window_moves_over_memory() -> None:
    source = MemorySource(memoryview(DATA))
    source.advance(300)
    assert (source.base, source.window[:2], source.is_last) == (300, DATA[300:302], False)
    source.advance(len(DATA))
    assert (source.base, source.window, source.is_last) == (len(DATA), b"", True)


def test_fork_leaves_the_first_reader_where_it_is() -> None:
    source = MemorySource(memoryview(DATA))
    other = source.fork(10)
    other.advance(5)
    assert (source.base, other.base) == (0, 15)


@given(st.lists(st.integers(0, CHUNK), max_size=6), st.integers(1, CHUNK))
def test_chunks_read_like_memory(steps: list[int], size: int) -> None:
    memory = MemorySource(memoryview(DATA))
    chunks = ChunkSource(DATA[start : start + size] for start in range(0, len(DATA), size)) if size > 999 else None
    for step in steps:
        memory.advance(step)
        if chunks is not None:
            chunks.advance(step)
            assert chunks.base == memory.base
            assert chunks.window[:100] == memory.window[:100]


def test_chunks_are_read_once() -> None:
    assert ChunkSource(iter([b"abc"])).fork(1) is None
