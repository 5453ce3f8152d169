"""Judge the nodes of a skops schema: each one makes skops build, import or call something.

skops checks types by its own list, and users extend that list to make files load, so the rule here is ours: a node may
hold plain values, or instances of classes that pickles may hold too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from holdfast.kernels.scan.allow_list import AllowList, Rule
from holdfast.kernels.scan.allow_rules import TEMPLATE_KEY, UNSERIALISES, is_template
from holdfast.kernels.scan.pickle_copies import COUNTED_KEY, counts_far
from holdfast.kernels.scan.pickle_patterns import fitting
from holdfast.kernels.scan.pickle_uses import is_special
from holdfast.kernels.scan.pickle_values import BYTES, UNKNOWN, Dict, Global, Instance, Tuple, Value
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.skops_slots import constant

_NUMBERS = (
    r"(?:u?int(?:8|16|32|64|p|c)?|float(?:16|32|64|128)?|complex(?:64|128|256)?|bool_?|str_|bytes_|void|datetime64"
    r"|timedelta64|longdouble|clongdouble|longlong|ulonglong|dtype)"
)
_SPARSE = r"(?:csr|csc|coo|bsr|dia|lil|dok)"
_PLAIN: dict[str, str] = {
    "DictNode": r"builtins\.dict|collections\.OrderedDict|sklearn\.utils\._bunch\.Bunch",
    "ListNode": r"builtins\.list",
    "SetNode": r"builtins\.(?:set|frozenset)",
    "TupleNode": r"builtins\.tuple",
    "BytesNode": r"builtins\.bytes",
    "BytearrayNode": r"builtins\.bytearray",
    "SliceNode": r"builtins\.slice",
    "JsonNode": r"builtins\.(?:str|int|float|bool|NoneType)",
    "DefaultDictNode": r"collections\.defaultdict",
    "NdArrayNode": rf"numpy\.(?:ndarray|matrix|{_NUMBERS})",
    "MaskedArrayNode": r"numpy\.ma(?:\.core)?\.MaskedArray",
    "DTypeNode": rf"numpy\.(?:dtype|{_NUMBERS})|numpy\.dtypes\.\w+DType",
    "RandomStateNode": r"numpy\.random(?:\.mtrand)?\.RandomState",
    "RandomGeneratorNode": r"numpy\.random(?:\._generator)?\.Generator",
    "SparseMatrixNode": rf"scipy\.sparse\._?{_SPARSE}\.{_SPARSE}_(?:matrix|array)",
    "TreeNode": r"sklearn\.tree\._tree\.Tree",
    "_DictWithDeprecatedKeysNode": r"sklearn\.\w+(?:\.\w+)*\._DictWithDeprecatedKeys",
}  # fmt: skip
_NAMING = ("__loader__", "__module__", "__class__")
_OWN_KEYS = {"__id__", "file"}
"""What differs between two copies of one node that skops writes."""
_LONGEST_SHOWN = 200
_LARGEST_POOL = 64
_ZONE = ((("str",),),)
"""A time zone by its name: looked up among those of the machine."""
_STATES = {"DictNode": "dict", "TupleNode": "tuple"}
_LOSS = re.compile(
    r"(?:sklearn\._loss\._loss|_loss)\.Cy\w+|sklearn\.linear_model\._(?:sgd_fast|stochastic_gradient)\."
    r"(?:Squared)?(?:Hinge|Log|Loss|ModifiedHuber|Huber|EpsilonInsensitive)"
)
_TYPE = re.compile(
    rf"builtins\.(?:int|float|str|bool|list|set|map|tuple|dict|bytes|object|NoneType|complex)|numpy\.{_NUMBERS}"
)
_FUNCTION = re.compile(
    r"(?:numpy|scipy\.special)\.(?:abs|absolute|cbrt|ceil|clip|cos|cosh|deg2rad|digitize|exp|exp2|expit|expm1|fabs|floor|hypot|log|log10|log1p|log2"
    r"|logit|max|maximum|mean|median|min|minimum|multiply|nan_to_num|negative|power|rad2deg|reciprocal|rint|round|sign|sin|sinh|sqrt"
    r"|square|sum|tan|tanh|trunc|add|subtract|divide|std|var|argmax|argmin|isnan|isfinite)"
)
_JSON_WORDS = frozenset({"true", "false", "null", "None"})
_BIT_GENERATORS = frozenset({"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"})


def is_skops_node(node: dict[str, Any]) -> bool:
    """Whether skops would build something from this object."""
    return "__loader__" in node or ("__class__" in node and "__module__" in node)


def judge_skops_node(record: Record, node: dict[str, Any], allow: AllowList) -> None:
    """Report a node that names anything which is no plain value and no allowed class."""
    loader, module, name = (node.get(key) for key in _NAMING)
    if not (isinstance(loader, str) and isinstance(module, str) and isinstance(name, str)):
        record.add("malformed", "skops.node", "a node does not name its loader, module and class")
        return
    path = f"{module}.{name}"
    _judge_keys(record, node)
    if _is_allowed(loader, module, name, node, allow):
        return
    message = "the file makes skops build or call something that is not allowed"
    content = node.get("content")
    shown = f"{loader} {path}"
    if isinstance(content, dict) and isinstance(content.get("func"), str):
        shown += f".{content['func']}"
    record.add("unknown", "skops.node", message, detail=shown)


def _is_allowed(loader: str, module: str, name: str, node: dict[str, Any], allow: AllowList) -> bool:
    path = f"{module}.{name}"
    content = node.get("content")
    if loader in _PLAIN and re.fullmatch(_PLAIN[loader], path):
        if loader == "RandomGeneratorNode":
            return not _foreign_bit_generator(content) and _is_small_pool(content)
        return loader != "DictNode" or _are_plain_keys(node.get("key_types"))
    rule = allow.rule(module, name)
    if loader == "ObjectNode":
        return rule is not None and rule.is_class and _fits_state(rule, module, content)
    if loader == "ConstructorFromReduceNode":
        patterns = _ZONE if path == "zoneinfo.ZoneInfo" else rule.calls if rule is not None else ()
        return f"{module}:{name}" not in UNSERIALISES and fitting(patterns, _arguments(content, allow)) is not None
    if loader == "TupleNode":
        return rule is not None and any(rule.news)
    if loader == "LossNode":
        return bool(_LOSS.fullmatch(path))
    if loader == "TypeNode":
        return bool(_TYPE.fullmatch(path)) or (rule is not None and (rule.is_reference or rule.is_class))
    if loader == "FunctionNode":
        if isinstance(content, dict):
            module, name = str(content.get("module_path", module)), str(content.get("function", name))
            rule = allow.rule(module, name)
        return bool(_FUNCTION.fullmatch(f"{module}.{name}")) or (rule is not None and rule.is_reference)
    return False


def _foreign_bit_generator(content: object) -> bool:
    """Whether the name of the bit generator, which skops looks up in ``numpy.random``, is none of numpy's."""
    stack: list[Any] = [content]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            text = str(part.get("content")).strip('"')
            if text.isidentifier() and text not in _BIT_GENERATORS and text not in _JSON_WORDS:
                return True
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    return False


def _is_small_pool(content: object) -> bool:
    """Whether numpy mixes no more words of entropy than it does by default."""
    seeds = content.get("seed_seq") if isinstance(content, dict) else None
    items = seeds.get("content") if isinstance(seeds, dict) else None
    size = constant(items["pool_size"]) if isinstance(items, dict) and "pool_size" in items else 0
    return isinstance(size, int) and size <= _LARGEST_POOL


def _are_plain_keys(types: object) -> bool:
    """Whether the keys of a dict, each of which is handed to its type, are texts and numbers."""
    if types is None:
        return True
    items = types.get("content") if isinstance(types, dict) and types.get("__loader__") == "ListNode" else None
    if not isinstance(items, list):
        return False
    return all(
        isinstance(item, dict)
        and item.get("__loader__") == "TypeNode"
        and _TYPE.fullmatch(f"{item.get('__module__')}.{item.get('__class__')}")
        for item in items
    )


def judge_skops_identities(record: Record, nodes: Iterable[dict[str, Any]]) -> None:
    """Report two nodes of one number that differ: skops builds the first in place of the second."""
    seen: dict[object, dict[str, Any]] = {}
    for node in nodes:
        number = node.get("__id__")
        if number is None or isinstance(number, list | dict):
            continue
        first = seen.setdefault(number, node)
        if first is not node and not _is_same(first, node):
            message = "two different nodes have one number: skops builds the first where the second stands"
            record.add("suspicious", "skops.identity", message, detail=repr(number)[:_LONGEST_SHOWN])


def _is_same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two nodes build the same; parts that have one number are compared on their own."""
    stack: list[tuple[Any, Any]] = [(first.get(key), second.get(key)) for key in first.keys() | second.keys()]
    while stack:
        one, other = stack.pop()
        if type(one) is not type(other) or (isinstance(one, dict | list) and len(one) != len(other)):
            return False
        if isinstance(one, list):
            stack.extend(zip(one, other, strict=True))
        elif isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            if "__id__" not in one or one["__id__"] != other["__id__"]:
                stack.extend((one[key], other[key]) for key in one if key not in _OWN_KEYS or "__loader__" not in one)
        elif one != other:
            return False
    return True


def _judge_keys(record: Record, node: dict[str, Any]) -> None:
    """Report the attributes that the library executes, or calls in place of its own methods."""
    content = node.get("content")
    if not isinstance(content, dict):
        return
    if TEMPLATE_KEY in content and not _is_template_node(content[TEMPLATE_KEY]):
        message = "scipy executes this text when a distribution is loaded, and it is not what scipy writes"
        record.add("executes", "skops.template", message, detail=str(content[TEMPLATE_KEY])[:_LONGEST_SHOWN])
    if node["__loader__"] == "ObjectNode":
        parts = [content, *inner] if isinstance(inner := content.get("content"), list) else [content]
        dicts = (part for part in parts if isinstance(part, dict) and part.get("__loader__") == "DictNode")
        held = (part["content"] for part in dicts if isinstance(part.get("content"), dict))
        odd = sorted(key for items in held for key in items if is_special(key))
        if odd:
            message = "an object's state is given an attribute that the loader or the object calls"
            record.add("executes", "skops.state", message, detail=odd[0])


def _is_template_node(node: object) -> bool:
    if not isinstance(node, dict) or node.get("__loader__") != "JsonNode":
        return False
    text = constant(node)
    return isinstance(text, str) and is_template(text)


def _fits_state(rule: Rule, module: str, content: object) -> bool:
    """Whether the state of an object is of a kind that its rule allows, and written out where it stands."""
    if content is None:
        return True
    if not isinstance(content, dict):
        return False
    loader, class_name = str(content.get("__loader__")), str(content.get("__class__"))
    if loader == "JsonNode":
        return constant(content) is None
    kind = _STATES.get(loader, "")
    if kind == "dict" and _counts_far(module, content.get("content")):
        return False
    is_plain = content.get("__module__") == "builtins" and class_name == kind
    return is_plain and (kind in rule.states or (kind == "tuple" and "slots" in rule.states))


def _counts_far(module: str, items: object) -> bool:
    if not isinstance(items, dict) or COUNTED_KEY not in items:
        return False
    state = Dict()
    state.kept = {COUNTED_KEY: constant(items[COUNTED_KEY])}
    return counts_far(module, state)


def _arguments(content: object, allow: AllowList) -> Tuple:
    items = content.get("content") if isinstance(content, dict) else None
    return Tuple([_argument(item, allow) for item in items] if isinstance(items, list) else [UNKNOWN])


def _argument(node: object, allow: AllowList) -> Value:
    """Return what stands for a node, itself judged elsewhere, among the arguments of a call."""
    loader, module, name = (node.get(key) if isinstance(node, dict) else "" for key in _NAMING)
    if loader == "BytesNode":
        return BYTES
    if loader == "ConstructorFromReduceNode" and isinstance(module, str) and isinstance(name, str):
        return Instance(Global(module, name, allow.rule(module, name), (0, 0)))
    return constant(node)
