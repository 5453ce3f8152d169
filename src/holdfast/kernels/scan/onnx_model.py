"""Walk an ONNX model: every graph, subgraph, function and tensor, down to the last field.

An ONNX file holds no code of its own. What it can do is call operators of a library that the loader registers, and name
other files for the runtime to open; and it can hide bytes where readers do not look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from holdfast.kernels.formats.onnx_operators import OPERATORS
from holdfast.kernels.formats.onnx_schema import ELEMENT_BITS, MESSAGES, TEXT, WIRE_TYPES
from holdfast.kernels.formats.protobuf import Field, WireError, fields, packed_varints, signed, text
from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.member_names import leaves_folder
from holdfast.kernels.scan.observation import Budget, Place, Sibling, Walked
from holdfast.kernels.scan.record import Record, Span, Where
from holdfast.kernels.scan.secrets_found import report_secrets

DEEPEST = 100
MOST_PARTS = 100_000
LOOK_AT_CLOCK = 1 << 14
SKIPPED = (7, 8)
LARGEST_SHAPE = 1 << 44
MOST_SIBLINGS = 50_000
LONGEST_NUMBER = 18
NODE_OPERATOR, NODE_DOMAIN = 4, 7
FUNCTION_NAME, FUNCTION_DOMAIN = 1, 10
DIMS, DATA_TYPE, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION, STRINGS = 1, 2, 9, 13, 14, 8
ATTRIBUTE_TEXTS, ENTRY = (4, 9), "StringStringEntry"
_BLOBS = {("Tensor", RAW_DATA), ("Tensor", 6)}


@dataclass(slots=True)
class _Model:
    record: Record
    budget: Budget
    stack: list[tuple[str, memoryview, int, int]]
    operators: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    functions: set[tuple[str, str]] = field(default_factory=set)
    siblings: set[Sibling] = field(default_factory=set)


def walk_onnx(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk an ONNX model."""
    record = Record(place)
    record.cover(0, len(data))
    model = _Model(record, budget, [("Model", data, 0, 0)])
    while model.stack:
        message, body, start, depth = model.stack.pop()
        budget.members -= 1
        if len(model.stack) > budget.members or budget.expired():
            record.add("not_examined", "limit.members", "the rest of the model was not read", start=start)
            break
        if depth > DEEPEST:
            record.add("not_examined", "limit.depth", f"graphs nest more than {DEEPEST} messages deep", start=start)
            continue
        _walk_message(model, message, body, start, depth)
    _judge_operators(model)
    return replace(record.walked("onnx"), siblings=tuple(sorted(model.siblings, key=_in_order)))


def _in_order(sibling: Sibling) -> tuple[str, int]:
    return sibling.location, sibling.start


def _walk_message(model: _Model, message: str, body: memoryview, start: int, depth: int) -> None:
    shape = MESSAGES[message]
    parts: list[Field] = []
    keeps = message in ("Node", "Function", "Tensor")
    try:
        for count, part in enumerate(fields(body, skip_runs_of=SKIPPED if message == "Attribute" else ())):
            kind = shape.get(part.number)
            wire_types = WIRE_TYPES.get(kind or "", (2,))
            if kind is None or part.wire_type not in wire_types:
                _unknown_field(model, message, part, start)
            elif kind == TEXT:
                _judge_text(model, message, part, start)
            elif kind in MESSAGES and not isinstance(part.value, int):
                model.stack.append((kind, part.value, start + part.start, depth + 1))
            if keeps:
                parts.append(part)
            late = count % LOOK_AT_CLOCK == 0 and model.budget.expired()
            if late or len(parts) > MOST_PARTS or len(model.stack) > model.budget.members:
                model.record.add(
                    "not_examined", "limit.members", f"a {message} message has too many parts", start=start
                )
                break
    except WireError as error:
        what = f"a {message} message is broken: {error}"
        model.record.add("malformed", "onnx.structure", what, start=start, end=start + len(body))
    if message == "Node":
        _note_operator(model, parts, start, len(body))
    elif message == "Function":
        names = (text(part.value) for part in parts if part.number == FUNCTION_NAME)
        domains = [text(part.value) for part in parts if part.number == FUNCTION_DOMAIN] or [""]
        model.functions.update((domains[-1], name) for name in names)
    elif message == "Tensor":
        _judge_tensor(model, parts, start, len(body))


def _unknown_field(model: _Model, message: str, part: Field, start: int) -> None:
    size = len(part.value) if not isinstance(part.value, int) else 0
    what = f"field {part.number} of a {message} message is not known here, runtimes skip it"
    where = start + part.start
    model.record.add("not_examined", "onnx.unknown-field", what, start=where, end=where + size)


def _judge_text(model: _Model, message: str, part: Field, start: int) -> None:
    if isinstance(part.value, int) or len(part.value) < 16:
        return
    where = start + part.start
    if (message, part.number) in _BLOBS or (message == "Attribute" and part.number in ATTRIBUTE_TEXTS):
        report_hidden(model.record, part.value, where, "a tensor or attribute")
    if message == ENTRY or part.number in (6, 10, 12, 13):
        report_secrets(model.record, part.value, where)


def _note_operator(model: _Model, parts: list[Field], start: int, size: int) -> None:
    # protobuf takes the last of several values; another reader may take the first, so all of them are judged
    domains = [text(part.value) for part in parts if part.number == NODE_DOMAIN] or [""]
    operators = [text(part.value) for part in parts if part.number == NODE_OPERATOR] or [""]
    for domain in domains:
        for operator in operators:
            model.operators.setdefault((domain, operator), (start, start + size))


def _judge_operators(model: _Model) -> None:
    for (domain, operator), (start, end) in model.operators.items():
        if (domain, operator) in model.functions:
            continue
        where: Where = {"start": start, "end": end, "detail": f"{domain or 'ai.onnx'}.{operator}"}
        if domain not in OPERATORS:
            message = (
                "an operator of a domain that no runtime has built in: it calls a library that the loader registers"
            )
            model.record.add("unknown", "onnx.custom-operator", message, **where)
        elif operator not in OPERATORS[domain] and domain.startswith("com."):
            message = "an extension operator that is not known to compute from its inputs alone"
            model.record.add("unknown", "onnx.custom-operator", message, **where)
        elif operator not in OPERATORS[domain]:
            message = "an operator that no known version of ONNX has"
            model.record.add("not_examined", "onnx.unknown-operator", message, **where)


def _judge_tensor(model: _Model, parts: list[Field], start: int, size: int) -> None:
    record, where = model.record, Span(start=start, end=start + size)
    try:
        dims = [signed(n) for part in parts if part.number == DIMS for n in packed_varints(part.value)]
    except WireError:
        dims = [-1]
    if len(dims) > 64 or any(n < 0 for n in dims) or math.prod(dims) > LARGEST_SHAPE:
        record.add(
            "suspicious", "onnx.shape", "a tensor states a shape that no tensor has", detail=str(dims[:8]), **where
        )
        return
    last = {part.number: part.value for part in parts}
    raw, data_type = last.get(RAW_DATA), last.get(DATA_TYPE)
    known = isinstance(data_type, int) and data_type in ELEMENT_BITS
    expected = -(-math.prod(dims) * ELEMENT_BITS[data_type] // 8) if known and isinstance(data_type, int) else None
    external = [part.value for part in parts if part.number == EXTERNAL_DATA]
    if external or last.get(DATA_LOCATION) == 1:
        _judge_external(model, external, expected, where)
    elif isinstance(raw, memoryview) and expected is not None and len(raw) != expected:
        message = f"the shape of a tensor takes {expected} bytes, {len(raw)} are there"
        record.add("malformed", "onnx.tensor-size", message, **where)


def _judge_external(model: _Model, entries: list[int | memoryview], expected: int | None, where: Span) -> None:
    stated: dict[str, list[str]] = {}
    for entry in entries:
        try:
            facts = {part.number: text(part.value) for part in fields(entry)} if not isinstance(entry, int) else {}
        except WireError:
            facts = {}
        stated.setdefault(facts.get(1, ""), []).append(facts.get(2, ""))
    for location in stated.get("location", ()):
        if leaves_folder(location) or "\0" in location or "://" in location:
            message = "a tensor names a file outside the folder of the model, which the runtime would open"
            model.record.add("suspicious", "onnx.external-path", message, detail=location, **where)
            return
    numbers = [*stated.get("offset", ()), *stated.get("length", ())]
    is_plain = all(number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER for number in numbers)
    if not is_plain or any(len(stated.get(key, ())) > 1 for key in ("location", "offset", "length")):
        message = "a tensor states twice, or not in numbers, where in another file its values lie"
        model.record.add("malformed", "onnx.external-range", message, **where)
        return
    start, length = (int(stated[key][0]) if key in stated else None for key in ("offset", "length"))
    if length is not None and expected is not None and length != expected:
        message = f"the shape of a tensor takes {expected} bytes, {length} are named in another file"
        model.record.add("malformed", "onnx.tensor-size", message, **where)
    location = stated.get("location", [""])[0]
    message = "the values of a tensor lie in another file, which must be given along"
    model.record.add("not_examined", "onnx.external-data", message, detail=location, **where)
    if len(model.siblings) < MOST_SIBLINGS:
        model.siblings.add(Sibling(location, start or 0, None if length is None else (start or 0) + length))
    else:
        model.record.add("not_examined", "limit.members", "it names too many places in other files", **where)
