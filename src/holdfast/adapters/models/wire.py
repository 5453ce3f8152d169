"""Messages between a model's process and its parent: a JSON header and binary parts, each with a bounded size.

Either side may be hostile to the other's parser: nothing is ever unpickled, and every size is checked before memory is
set aside for it. Only the standard library is imported when the module is loaded, because the child reads its first
message before it is confined.
"""

from __future__ import annotations

import io
import json
import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_HEADER = 1 << 20
MOST_PARTS = 8
PREFIX = struct.Struct("<II")
# numpy's own reader evaluates the header as Python text; this is all that its writer makes of plain arrays
ARRAY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>\|b1|[<|][iu][1248]|<f[248]|<U[0-9]{1,6})', 'fortran_order': False, "
    rb"'shape': \((?P<rows>[0-9]{1,15})(?:,|, (?P<columns>[0-9]{1,15}))\), \} *\n",
    re.DOTALL,
)


class WireError(ValueError):
    """The other side sent something that is no message."""


def send(stream: BinaryIO, header: dict[str, Any], *parts: bytes) -> None:
    """Write one message."""
    text = json.dumps(header).encode()
    stream.write(PREFIX.pack(len(text), len(parts)))
    stream.write(struct.pack(f"<{len(parts)}Q", *map(len, parts)))
    stream.write(text)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, *, largest: int) -> tuple[dict[str, Any], list[bytes]]:
    """Read one message whose parts hold at most ``largest`` bytes together.

    Raises
    ------
    EOFError
        When the stream ends.
    WireError
        When a size is over its bound or the header is not a JSON object.
    """
    n_text, n_parts = PREFIX.unpack(_exactly(stream, PREFIX.size))
    if n_text > LARGEST_HEADER or n_parts > MOST_PARTS:
        raise WireError(f"expected a header of at most {LARGEST_HEADER} bytes, got {n_text} and {n_parts} parts")
    sizes = struct.unpack(f"<{n_parts}Q", _exactly(stream, 8 * n_parts))
    if sum(sizes) > largest:
        raise WireError(f"expected at most {largest} bytes, got {sum(sizes)}")
    try:
        header = json.loads(_exactly(stream, n_text))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header is not valid JSON: {error}") from None
    if not isinstance(header, dict):
        raise WireError(f"expected a JSON object as header, got {type(header).__name__}")
    return header, [_exactly(stream, size) for size in sizes]


def encode_array(array: NDArray[np.generic]) -> bytes:
    """Write an array in the npy format, without objects."""
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def decode_array(data: bytes) -> NDArray[np.generic]:
    """Read a one- or two-dimensional array of numbers, truth values or text in the npy format.

    Raises
    ------
    WireError
        On any other content, or when header and size disagree.
    """
    import numpy as np

    stated = ARRAY.match(data)
    if stated is None or len(stated[0]) != 10 + int.from_bytes(data[8:10], "little"):
        raise WireError(f"expected a plain array of one or two dimensions in the npy format, got {data[:80]!r}")
    dtype = np.dtype(stated["dtype"].decode())
    shape = tuple(int(size) for size in (stated["rows"], stated["columns"]) if size is not None)
    body = memoryview(data)[stated.end() :]
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if len(body) != count * dtype.itemsize:
        raise WireError(f"expected {count * dtype.itemsize} bytes for shape {shape} of {dtype}, got {len(body)}")
    if dtype.itemsize == 0:
        return np.full(shape, "", dtype="<U1")
    return np.frombuffer(body, dtype=dtype).reshape(shape)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError(f"expected {count} bytes, the stream ended after {len(data)}")
    return data
