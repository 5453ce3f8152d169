"""Judge the nodes of a skops schema: each one makes skops build, import or call something.

skops checks types by its own list, and users extend that list to make files load, so the rule here is ours: a node may
hold plain values, or instances of classes that pickles may hold too.
"""

from __future__ import annotations

import re
from typing import Any

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.record import Record

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
    "CachedNode": r".*",
    "TreeNode": r"sklearn\.tree\._tree\.Tree",
    "_DictWithDeprecatedKeysNode": r"sklearn\.\w+(?:\.\w+)*\._DictWithDeprecatedKeys",
}  # fmt: skip
_INSTANCES = frozenset(
    {
        "ObjectNode",
        "TreeNode",
        "LossNode",
        "ConstructorFromReduceNode",
        "ReduceNode",
        "SGDNode",
        "QuantileForestNode",
        "TupleNode",
    }
)
_LOSS = re.compile(
    r"(?:sklearn\._loss\._loss|_loss)\.Cy\w+|sklearn\.linear_model\._(?:sgd_fast|stochastic_gradient)\.\w+"
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
    loader, module, name = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not (isinstance(loader, str) and isinstance(module, str) and isinstance(name, str)):
        record.add("malformed", "skops.node", "a node does not name its loader, module and class")
        return
    path = f"{module}.{name}"
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
        return loader != "RandomGeneratorNode" or not _foreign_bit_generator(content)
    rule = allow.rule(module, name)
    if loader in _INSTANCES:
        return (rule is not None and rule.is_class) or bool(loader == "LossNode" and _LOSS.fullmatch(path))
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
