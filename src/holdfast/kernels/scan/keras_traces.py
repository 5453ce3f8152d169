"""Look for Keras layers that hold code in bytes whose structure is not read, or only partly."""

from __future__ import annotations

import re

from holdfast.kernels.scan.record import Record, Span

_CODE = re.compile(
    rb"\\?\"class_name\\?\"\s{0,4}:\s{0,4}\\?\"(?P<name>Lambda|__lambda__|TorchModuleWrapper|JaxLayer|FlaxLayer|TFSMLayer)\\?\""
    rb"|\\?\"function_type\\?\"\s{0,4}:\s{0,4}\\?\"(?P<kind>lambda)\\?\""
)
KEYS = (b"class_name", b"function_type")
PIECE = 1 << 22
LONGEST_MATCH = 200


def report_keras_code(record: Record, data: memoryview) -> None:
    """Report every layer that Keras would build from code in the file."""
    for start in range(0, len(data), PIECE):
        piece = bytes(data[start : start + PIECE + LONGEST_MATCH])
        for match in _CODE.finditer(piece) if any(key in piece for key in KEYS) else ():
            message = "a layer holds or loads code that the file chose: building the model runs it"
            where: Span = {"start": start + match.start(), "end": start + match.end()}
            record.add("executes", "keras.code", message, detail=match["name"] or match["kind"], **where)
