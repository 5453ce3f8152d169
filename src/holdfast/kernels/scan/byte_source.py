"""Bytes read from front to back through a window: of memory, or of a stream that is decompressed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

CHUNK = 1 << 18
MARGIN = 1 << 16


class Source(Protocol):
    """A window on a stream.

    Attributes
    ----------
    window
        Some bytes of the stream; at least 64 KiB after :meth:`advance`, unless they are the last ones.
    base
        Where the window starts.
    is_last
        Whether the stream ends with the window.
    """

    window: bytes
    base: int
    is_last: bool

    def advance(self, position: int) -> None:
        """Move the window to ``position`` bytes after its start, which may lie beyond its end."""

    def fork(self, position: int) -> Source | None:
        """Return a second reader of the same bytes from ``position`` in the window; None for a stream."""

    def ends_before(self, offset: int) -> bool:
        """Whether the stream is known to end before an offset."""


class MemorySource:
    """A stream that stands in memory; what is skipped is never touched."""

    def __init__(self, data: memoryview, start: int = 0) -> None:
        self._data = data
        self.base = start
        self.advance(0)

    def fork(self, position: int) -> MemorySource:
        """Return a second reader of the same bytes."""
        return MemorySource(self._data, self.base + position)

    def ends_before(self, offset: int) -> bool:
        """Whether the bytes end before an offset."""
        return offset > len(self._data)

    def advance(self, position: int) -> None:
        """Move the window."""
        self.base = min(self.base + position, len(self._data))
        self.window = bytes(self._data[self.base : self.base + CHUNK])
        self.is_last = self.base + len(self.window) == len(self._data)


class ChunkSource:
    """A stream that arrives in chunks; what was passed is forgotten."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.base = 0
        self.window = b""
        self.is_last = False
        self.advance(0)

    def advance(self, position: int) -> None:
        """Move the window, reading as much as that needs."""
        while position > len(self.window) and not self.is_last:
            position -= len(self.window)
            self.base += len(self.window)
            self._next()
        position = min(position, len(self.window))
        self.base += position
        rest = self.window[position:]
        while len(rest) < CHUNK and not self.is_last:
            self._next()
            rest += self.window
        self.window = rest

    def fork(self, position: int) -> None:
        """Return None: a stream is read once."""

    def ends_before(self, offset: int) -> bool:
        """Whether the last chunk has arrived, and ends before an offset."""
        return self.is_last and offset > self.base + len(self.window)

    def _next(self) -> None:
        chunk = next(self._chunks, None)
        self.is_last = chunk is None
        self.window = chunk or b""
