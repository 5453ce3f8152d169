"""Walk a GGUF file: keys, texts with templates among them, and tensors that fill the file without overlap."""

from __future__ import annotations

from holdfast.kernels.formats.gguf import Gguf, GgufError, read_gguf
from holdfast.kernels.scan.chat_template import judge_template
from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record, Where
from holdfast.kernels.scan.secrets_found import report_secrets

MOST_VALUES = 2_000_000


def walk_gguf(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a GGUF file."""
    record = Record(place)
    try:
        facts = read_gguf(data, most_values=min(MOST_VALUES, budget.opcodes))
    except GgufError as error:
        record.add("malformed", "gguf.structure", f"this is no readable GGUF file: {error}")
        return record.walked("gguf")
    record.cover(0, min(facts.data_start, len(data)))
    if len(set(facts.keys)) != len(facts.keys) or len({tensor.name for tensor in facts.tensors}) != len(facts.tensors):
        message = "a key or tensor is named twice: readers differ in which one they take"
        record.add("suspicious", "gguf.duplicate-name", message)
    for key, start, end in facts.texts:
        report_secrets(record, data[start:end], start)
        if "template" in key:
            judge_template(record, bytes(data[start:end]).decode("utf-8", "replace"), start, end)
            record.note(f"{key}: a chat template of {end - start} bytes")
    _walk_tensors(record, data, facts)
    return record.walked("gguf")


def _walk_tensors(record: Record, data: memoryview, facts: Gguf) -> None:
    last = facts.data_start
    for tensor in sorted(facts.tensors, key=lambda tensor: tensor.offset):
        start = facts.data_start + tensor.offset
        end = start + max(0, tensor.size)
        where: Where = {"start": start, "end": end, "detail": tensor.name}
        if tensor.size < 0:
            record.add("not_examined", "gguf.type", "a tensor is of a type not known", **where)
        elif end > len(data):
            record.add("malformed", "gguf.tensor", "a tensor ends behind the file", **where)
        elif start < last:
            record.add("suspicious", "gguf.overlap", "two tensors share bytes", **where)
        else:
            record.cover(start, end)
            report_hidden(record, data[start:end], start, "a tensor")
            last = end
