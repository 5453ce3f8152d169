"""Look for Keras layers that hold code in bytes whose structure is not read, or only partly."""

from __future__ import annotations

import re

from holdfast.kernels.scan.record import Record, Span

_CODE = re.compile(
    rb"\\?\"class_name\\?\"\s{0,4}:\s{0,4}\\?\"(?P<name>Lambda|__lambda__|TorchModuleWrapper|JaxLayer|FlaxLayer|TFSMLayer)\\?\""
    rb"|\\?\"function_type\\?\"\s{0,4}:\s{0,4}\\?\"(?P<kind>lambda)\\?\""
)
_SPACED = re.compile(rb"(?:class_name|function_type)\\?\"(?:\s{5}|\s{0,4}:\s{5})")
_ESCAPED = re.compile(rb"\\{1,4}u00([2-7][0-9a-fA-F])")
KEYS = (b"class_name", b"function_type")
PIECE = 1 << 22
LONGEST_MATCH = 1024


def report_keras_code(record: Record, data: memoryview) -> None:
    """Report every layer that Keras would build from code in the file."""
    for start in range(0, len(data), PIECE):
        piece = _unescaped(bytes(data[start : start + PIECE + LONGEST_MATCH]))
        if not any(key in piece for key in KEYS):
            continue
        for match in _CODE.finditer(piece):
            message = "a layer holds or loads code that the file chose: building the model runs it"
            where: Span = {"start": start + match.start(), "end": start + match.end()}
            record.add("executes", "keras.code", message, detail=match["name"] or match["kind"], **where)
        for match in _SPACED.finditer(piece):
            message = "what a layer is called stands behind more spaces than any program writes"
            record.add("suspicious", "keras.spaces", message, start=start + match.start(), end=start + match.end())


def _unescaped(piece: bytes) -> bytes:
    """Return a text in which no plain character is written by its number, as JSON allows."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), piece) if b"u00" in piece else piece
