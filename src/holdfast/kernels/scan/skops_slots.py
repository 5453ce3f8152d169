"""Judge what the objects of a skops schema hold, by the same rules as the attributes of objects in a pickle.

Each node is made an abstract value, the containers empty at first and then filled, so that parts may stand in several
places and depth costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.allow_rules import NAMING_KEYS
from holdfast.kernels.scan.pickle_contents import Contents
from holdfast.kernels.scan.pickle_slots import Slots
from holdfast.kernels.scan.pickle_uses import shown
from holdfast.kernels.scan.pickle_values import BYTES, FLOAT, UNKNOWN, Dict, Global, List, Value
from holdfast.kernels.scan.record import Record

_SEQUENCES = frozenset({"ListNode", "SetNode", "TupleNode"})
_TABLES = frozenset({"DictNode", "DefaultDictNode", "_DictWithDeprecatedKeysNode"})
_BYTES = frozenset({"BytesNode", "BytearrayNode"})
_NAMES = frozenset({"FunctionNode", "TypeNode"})
_ARRAYS = frozenset({"NdArrayNode", "MaskedArrayNode"})
Node = dict[str, Any]


def judge_skops_attributes(record: Record, root: Node, nodes: Iterable[Node], allow: AllowList) -> None:
    """Report the attributes of objects that hold what they may not.

    Parameters
    ----------
    record
        What is found is noted here.
    root
        The outermost node.
    nodes
        All nodes at any depth; of those that have one number the first stands for all.
    allow
        The globals that may be named, and what the attributes of their instances hold.
    """
    slots = Slots(allow)
    for target, state in _Values(nodes, allow).objects(root):
        slots.take(target, state, 0)
    for misfit in slots.misfits():
        message = f"{shown(misfit.target)} holds something that ordinary ones do not hold there: {misfit.reason}"
        record.add("unknown", "skops.attribute", message, detail=misfit.key)


def constant(node: object) -> Value:
    """Return the value of a node that holds a constant."""
    content = node.get("content") if isinstance(node, dict) and node.get("__loader__") == "JsonNode" else None
    if not isinstance(content, str):
        return UNKNOWN
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return UNKNOWN
    return FLOAT if isinstance(value, float) else UNKNOWN if isinstance(value, dict | list) else value


class _Values:
    """The abstract values of one schema."""

    def __init__(self, nodes: Iterable[Node], allow: AllowList) -> None:
        self._allow = allow
        self._contents = Contents()
        self._items: dict[List, list[Value]] = {}
        self._nodes: dict[object, Node] = {}
        for node in nodes:
            self._nodes.setdefault(_number(node), node)
        self._globals: dict[tuple[str, str], Global] = {}
        self._known: dict[object, Value] = {}
        self._pending: list[Callable[[], None]] = []
        self._objects: list[tuple[Global, Value]] = []

    def objects(self, root: Node) -> list[tuple[Global, Value]]:
        """Return the class and the state of every object."""
        self._value(root)
        while self._pending:
            self._pending.pop()()
        return [(target, part) for target, state in self._objects for part in self._parts(state)]

    def _value(self, node: object) -> Value:
        """Return the value of a node; skops takes the first of those that have one number."""
        if not isinstance(node, dict):
            return UNKNOWN
        number = _number(node)
        if number is None:
            return self._made(node)
        if number not in self._known:
            self._known[number] = self._made(self._nodes.get(number, node))
        return self._known[number]

    def _made(self, node: Node) -> Value:
        loader, content = str(node.get("__loader__")), node.get("content")
        if loader == "JsonNode":
            return constant(node)
        if loader in _BYTES:
            return BYTES
        if loader in _SEQUENCES or (loader in _ARRAYS and content is not None):
            items = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
            made = List()
            made.is_plain = False  # not known yet: it is filled after what holds it
            self._pending.append(lambda: self._extend(made, items))
            return made
        if loader in _ARRAYS or loader == "DTypeNode":
            return self._global("numpy", "ndarray").instance
        if loader in _TABLES:
            table = Dict()
            table.is_plain = False
            self._pending.append(lambda: self._fill(table, content))
            return table
        module, name = str(node.get("__module__")), str(node.get("__class__"))
        if loader == "FunctionNode" and isinstance(content, dict):
            module, name = str(content.get("module_path", module)), str(content.get("function", name))
        named = self._global(module, name)
        if loader in _NAMES:
            return named
        if loader == "ObjectNode" and content is not None:
            self._pending.append(lambda: self._objects.append((named, self._value(content))))
        return named.instance

    def _extend(self, target: List, nodes: Iterable[object]) -> None:
        self._items[target] = [self._value(node) for node in nodes]
        self._contents.extend(target, self._items[target])

    def _fill(self, target: Dict, content: object) -> None:
        items = {key: self._value(item) for key, item in content.items()} if isinstance(content, dict) else {}
        target.kept = {key: items[key] for key in NAMING_KEYS.keys() & items.keys()}
        for key, value in items.items():
            self._contents.set(target, key, value)

    def _parts(self, state: Value) -> list[Value]:
        """Return a state and, of one in several parts, each of these."""
        return [state, *self._items.get(state, ())] if isinstance(state, List) else [state]

    def _global(self, module: str, name: str) -> Global:
        rule = self._allow.rule(module, name)
        return self._globals.setdefault((module, name), Global(module, name, rule, (0, 0)))


def _number(node: Node) -> object:
    """Return the number by which skops knows a node again."""
    number = node.get("__id__")
    return None if isinstance(number, list | dict) else number
