"""Decompress an LZ4 frame: independent or linked blocks, no dictionary. Checksums are stepped over, not verified.

References
----------
LZ4 frame format description 1.6.4 and LZ4 block format description, https://github.com/lz4/lz4/tree/dev/doc
"""

from __future__ import annotations

from holdfast.kernels.formats.expanded import Expanded, Stop

MAGIC = b"\x04\x22\x4d\x18"
_CONTENT_CHECKSUM, _CONTENT_SIZE, _BLOCK_CHECKSUM, _DICTIONARY = 1 << 2, 1 << 3, 1 << 4, 1
_STORED = 1 << 31


def expand_lz4(data: memoryview, *, limit: int, stop: Stop) -> Expanded:
    """Decompress one frame from the start of the data; see :func:`holdfast.kernels.formats.expansion.expand`."""
    output = bytearray()
    position = 0
    try:
        position, flags = _frame_header(data)
        while (size := int.from_bytes(_take(data, position, 4), "little")) != 0:
            block = _take(data, position + 4, size & ~_STORED)
            position += 4 + len(block) + (4 if flags & _BLOCK_CHECKSUM else 0)
            if size & _STORED:
                output += block
            else:
                _expand_block(block, output, limit)
            if len(output) > limit or stop(position, len(output)):
                del output[limit:]
                return Expanded(output, position, "limit", "more would come out than may")
        position += 4 + len(_take(data, position + 4, 4 if flags & _CONTENT_CHECKSUM else 0))
    except EOFError:
        return Expanded(output, position, "truncated", "the compressed stream ends too early")
    except (ValueError, IndexError) as error:
        return Expanded(output, position, "broken", str(error) or "a block is broken")
    return Expanded(output, position, "complete")


def _take(data: memoryview, position: int, size: int) -> memoryview:
    if position + size > len(data):
        raise EOFError
    return data[position : position + size]


def _frame_header(data: memoryview) -> tuple[int, int]:
    if data[:4] != MAGIC:
        raise ValueError("the frame does not begin with the magic number")
    flags = _take(data, 4, 2)[0]
    if flags >> 6 != 1 or flags & _DICTIONARY:
        raise ValueError("only frames of version 1 without a dictionary are read")
    end = 7 + (8 if flags & _CONTENT_SIZE else 0)
    _take(data, 0, end)
    return end, flags


def _expand_block(block: memoryview, output: bytearray, limit: int) -> None:
    position, end = 0, len(block)
    while position < end and len(output) <= limit:
        token = block[position]
        length, position = _length(block, position + 1, token >> 4)
        if length > end - position:
            raise ValueError("literals end behind their block")
        output += block[position : position + length]
        position += length
        if position >= end:
            return
        offset = block[position] | block[position + 1] << 8
        length, position = _length(block, position + 2, token & 15)
        _repeat(output, offset, min(length + 4, limit + 1 - len(output)))


def _length(block: memoryview, position: int, length: int) -> tuple[int, int]:
    if length == 15:
        while (byte := block[position]) == 255:
            length += 255
            position += 1
        length += byte
        position += 1
    return length, position


def _repeat(output: bytearray, offset: int, length: int) -> None:
    if not 0 < offset <= len(output):
        raise ValueError("a match begins before the data")
    start = len(output) - offset
    while length > 0:
        piece = output[start : start + min(length, len(output) - start)]
        output += piece
        length -= len(piece)
