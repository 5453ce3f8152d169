"""Walk TensorFlow's SavedModel and graph files: every operator of every function must be known to be harmless.

A TensorFlow graph is a program: operators read and write files, call Python, and open connections.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.kernels.formats.protobuf import LENGTH, WireError, fields, text
from holdfast.kernels.formats.tensorflow_operators import CHECKPOINT, PURE
from holdfast.kernels.scan.keras_traces import report_keras_code
from holdfast.kernels.scan.member_names import leaves_folder
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record, Where

# message: its fields that lead to operators, or name something
_PARTS: dict[str, dict[int, str]] = {
    "SavedModel": {2: "MetaGraph"},
    "MetaGraph": {2: "Graph", 6: "AssetFile", 7: "ObjectGraph"},
    "Graph": {1: "Node", 2: "Library"},
    "Library": {1: "Function"},
    "Function": {1: "Signature", 3: "Node"},
    "Signature": {},
    "Node": {},
    "AssetFile": {},
    "ObjectGraph": {1: "Object"},
    "Object": {4: "UserObject"},
    "UserObject": {},
}
LOOK_AT_CLOCK = 1 << 14
_NAME, _OPERATOR, _ASSET_NAME, _METADATA = 1, 2, 2, 3


@dataclass(slots=True)
class _Graph:
    """Operators and functions by the graph they stand in, told by where it begins: only there the functions exist."""

    operators: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    functions: set[tuple[int, str]] = field(default_factory=set)


def walk_tensorflow(data: memoryview, place: Place, budget: Budget, *, root: str) -> Walked:
    """Walk a file whose outermost message is ``root``: ``SavedModel`` or ``Graph``."""
    record, graph = Record(place), _Graph()
    record.cover(0, len(data))
    stack = [(root, data, 0, 0)]
    while stack:
        message, body, start, outer = stack.pop()
        scope = start if message == "Graph" else outer
        budget.members -= 1
        if budget.members < len(stack) or budget.expired():
            record.add("not_examined", "limit.members", "the rest of the graph was not read", start=start)
            break
        try:
            inside = _walk_message(record, graph, message, body, start, scope, budget)
            stack.extend((*part, scope) for part in inside)
        except WireError as error:
            what = f"a {message} message is broken: {error}"
            record.add("malformed", "tensorflow.structure", what, start=start, end=start + len(body))
    _judge(record, graph)
    report_keras_code(record, data)
    return record.walked("tensorflow-saved-model" if root == "SavedModel" else "tensorflow-graph")


def _walk_message(
    record: Record, graph: _Graph, message: str, body: memoryview, start: int, scope: int, budget: Budget
) -> list[tuple[str, memoryview, int]]:
    inside: list[tuple[str, memoryview, int]] = []
    for count, part in enumerate(fields(body)):
        if len(inside) > budget.members or (count % LOOK_AT_CLOCK == 0 and budget.expired()):
            record.add("not_examined", "limit.members", f"a {message} message has too many parts", start=start)
            break
        if part.wire_type != LENGTH or isinstance(part.value, int):
            continue
        kind = _PARTS[message].get(part.number)
        if kind:
            inside.append((kind, part.value, start + part.start))
        elif message == "Node" and part.number == _OPERATOR:
            graph.operators.setdefault((scope, text(part.value, 200)), (start, start + len(body)))
        elif message == "Signature" and part.number == _NAME:
            graph.functions.add((scope, text(part.value, 200)))
        elif message == "UserObject" and part.number == _METADATA and len(part.value):
            # older versions of Keras build the layers from this configuration
            record.part(part.value, start + part.start)
        elif message == "AssetFile" and part.number == _ASSET_NAME and leaves_folder(text(part.value)):
            where: Where = {"start": start, "end": start + len(body), "detail": text(part.value)}
            record.add("suspicious", "tensorflow.asset", "an asset lies outside the folder of the model", **where)
    return inside


def _judge(record: Record, graph: _Graph) -> None:
    for (scope, operator), (start, end) in graph.operators.items():
        if operator in PURE or (scope, operator) in graph.functions:
            continue
        where: Where = {"start": start, "end": end, "detail": operator}
        if operator in CHECKPOINT:
            message = "an operator reads or writes checkpoint files: which ones cannot be told from the graph"
            record.add("not_examined", "tensorflow.checkpoint", message, **where)
        else:
            message = "an operator is not known to compute from its inputs alone: it may run code or touch files"
            record.add("unknown", "tensorflow.operator", message, **where)
