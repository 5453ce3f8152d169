"""Walk a safetensors file: prove that header and tensors fill the file, without overlap or hole.

References
----------
Hugging Face, safetensors format, https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from typing import Any

from holdfast.kernels.formats.strict_json import JsonError, read_json
from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.observation import Budget, Kind, Place, Walked
from holdfast.kernels.scan.record import Record, Where
from holdfast.kernels.scan.secrets_found import report_secrets

LONGEST_HEADER = 100_000_000
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def walk_safetensors(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a safetensors file."""
    record = Record(place)
    length = int.from_bytes(data[:8], "little")
    if length > min(LONGEST_HEADER, len(data) - 8):
        message = f"the header states {length} bytes, {max(0, len(data) - 8)} are there"
        record.add("malformed", "safetensors.header", message)
        return record.walked("safetensors")
    try:
        document = read_json(data[8 : 8 + length])
    except JsonError as error:
        kind: Kind = "not_examined" if error.too_large else "malformed"
        record.add(kind, "safetensors.header", f"the header was not read: {error}", end=8 + length)
        return record.walked("safetensors")
    for key in document.duplicate_keys:
        message = "the header names a tensor twice: readers differ in which one they load"
        record.add("suspicious", "safetensors.duplicate-name", message, detail=key, end=8 + length)
    record.cover(0, 8 + length)
    report_secrets(record, data[8 : 8 + length], 8)
    if isinstance(document.value, dict):
        _walk_tensors(record, data, 8 + length, document.value, budget)
    else:
        record.add("malformed", "safetensors.header", "the header is no object", end=8 + length)
    return record.walked("safetensors")


def _walk_tensors(record: Record, data: memoryview, base: int, header: dict[str, Any], budget: Budget) -> None:
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        record.add("malformed", "safetensors.metadata", "the metadata are not texts by name", end=base)
    ranges: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        offsets = _offsets(entry)
        if offsets is None:
            record.add("malformed", "safetensors.tensor", "an entry of the header is no tensor", detail=name, end=base)
            continue
        ranges.append((*offsets, name))
        _check_size(record, entry, offsets, name, base)
    last = 0
    for start, end, name in sorted(ranges):
        if budget.expired():
            record.add("not_examined", "limit.time", "the time was up", start=base + start)
            return
        where: Where = {"start": base + start, "end": base + end, "detail": name}
        if start < last:
            record.add("suspicious", "safetensors.overlap", "two tensors share bytes", **where)
        if base + end > len(data):
            record.add("malformed", "safetensors.tensor", "a tensor ends behind the file", **where)
            continue
        record.cover(base + max(start, last), base + max(end, last))
        report_hidden(record, data[base + start : base + end], base + start, "a tensor")
        last = max(last, end)


def _offsets(entry: Any) -> tuple[int, int] | None:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or set(entry) != {"dtype", "shape", "data_offsets"}:
        return None
    start, end = offsets
    return (start, end) if type(start) is int and type(end) is int and 0 <= start <= end else None


def _check_size(record: Record, entry: dict[str, Any], offsets: tuple[int, int], name: str, base: int) -> None:
    dtype, shape = entry["dtype"], entry["shape"]
    where: Where = {"start": base + offsets[0], "end": base + offsets[1], "detail": name}
    if not isinstance(dtype, str) or dtype not in BITS:
        message = f"element type {dtype!r:.40} is not known"
        record.add("not_examined", "safetensors.type", message, **where)
    elif not isinstance(shape, list) or len(shape) > 64 or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        record.add("malformed", "safetensors.tensor", "a shape holds something else than counts", **where)
    elif math.prod(shape) * BITS[dtype] != (offsets[1] - offsets[0]) * 8:
        message = "type and shape of a tensor give another size than its offsets"
        record.add("suspicious", "safetensors.size", message, **where)
