"""Decompress with bounds: so many bytes and no more, in one pass, whatever the stream claims."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Literal, Protocol

from holdfast.kernels.formats.expanded import Expanded, Stop
from holdfast.kernels.formats.lz4_frame import expand_lz4

Codec = Literal["deflate", "zlib", "gzip", "bz2", "xz", "lzma", "zip-lzma", "lz4"]
CHUNK = 1 << 18
# what is read at first: a file may hold very many tiny streams, and each hands back what it did not need
SMALLEST_PIECE = 1 << 9
_LZMA_MEMORY = 96 << 20
_MAGIC: dict[str, bytes] = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\0"}


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def expand(data: memoryview, codec: Codec, *, limit: int, stop: Stop) -> Expanded:
    """Decompress from the start of the data.

    Parameters
    ----------
    data
        Compressed bytes; more may follow the stream.
    codec
        How they are compressed; ``deflate`` is raw, ``zip-lzma`` has the header of zip method 14, ``lz4`` is a frame.
    limit
        Most bytes that may come out.
    stop
        Asked with bytes consumed and produced after each piece; true ends it as if the limit were reached.

    Examples
    --------
    >>> expand(memoryview(zlib.compress(b"abc") + b"!"), "zlib", limit=10, stop=lambda consumed, produced: False)
    Expanded(data=bytearray(b'abc'), consumed=11, ending='complete', error='')
    """
    if codec == "lz4":
        return expand_lz4(data, limit=limit, stop=stop)
    output, position = bytearray(), 0
    while True:
        result = _one_stream(data, position, codec, output, limit, stop)
        position = result.consumed
        magic = _MAGIC.get(codec)
        if result.ending == "complete" and stop(position, len(output)):
            return Expanded(output, position, "limit", "further streams were not read")
        if result.ending != "complete" or magic is None or data[position : position + len(magic)] != magic:
            return result


def _one_stream(data: memoryview, position: int, codec: Codec, output: bytearray, limit: int, stop: Stop) -> Expanded:
    try:
        engine, position = _engine(codec, data, position)
        pending, piece = b"", SMALLEST_PIECE
        while not engine.eof:
            if not pending and _needs_input(engine):
                if position >= len(data):
                    return Expanded(output, position, "truncated", "the compressed stream ends too early")
                pending = bytes(data[position : position + piece])
                position += len(pending)
                piece = min(2 * piece, CHUNK)
            produced = engine.decompress(pending, min(CHUNK * 4, limit - len(output) + 1))
            pending = getattr(engine, "unconsumed_tail", b"")
            output += produced
            if len(output) > limit or stop(position - len(pending), len(output)):
                del output[limit:]
                return Expanded(output, position - len(pending), "limit", "more would come out than may")
            if not produced and not pending and not engine.eof and isinstance(engine, _ZLIB) and position >= len(data):
                return Expanded(output, position, "truncated", "the compressed stream ends too early")
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        return Expanded(output, position, "broken", str(error)[:200])
    except MemoryError:
        return Expanded(output, position, "limit", "its dictionary takes more memory than allowed")
    return Expanded(output, position - len(engine.unused_data), "complete")


_ZLIB = type(zlib.decompressobj())


def _needs_input(engine: _Decompressor) -> bool:
    return bool(getattr(engine, "needs_input", True))


def _engine(codec: Codec, data: memoryview, position: int) -> tuple[_Decompressor, int]:
    if codec in ("deflate", "zlib", "gzip"):
        return zlib.decompressobj({"deflate": -15, "zlib": 15, "gzip": 31}[codec]), position
    if codec == "bz2":
        return bz2.BZ2Decompressor(), position
    if codec == "zip-lzma":
        return _zip_lzma(data, position)
    form = lzma.FORMAT_XZ if codec == "xz" else lzma.FORMAT_ALONE
    return lzma.LZMADecompressor(form, memlimit=_LZMA_MEMORY), position


def _zip_lzma(data: memoryview, position: int) -> tuple[_Decompressor, int]:
    size = int.from_bytes(data[position + 2 : position + 4], "little")
    properties = bytes(data[position + 4 : position + 4 + size])
    if size != 5 or len(properties) != 5 or properties[0] >= 225:
        raise ValueError("the LZMA properties are broken")
    dictionary = int.from_bytes(properties[1:], "little")
    if dictionary > _LZMA_MEMORY:
        raise MemoryError
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    chain = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain), position + 4 + size
