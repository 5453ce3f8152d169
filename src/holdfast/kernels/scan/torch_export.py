"""Judge the texts of an exported program of torch (``.pt2``) that its loader evaluates, imports or looks up.

Sizes that are not fixed stand in it as text for ``sympify``, which evaluates Python; guards are compiled as they stand;
the target of a node is looked up attribute by attribute and called when the program runs. Each must be what torch
writes: names of sympy and of torch's functions of sizes, numbers, symbols, operators of ``torch.ops``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from holdfast.kernels.scan.record import Record

LONGEST_EXPRESSION = 20_000
LARGEST_NUMBER, LARGEST_POWER = 1 << 64, 64
FUNCTIONS = frozenset(
    {"Symbol", "Dummy", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Abs", "Max", "Min", "floor",
     "ceiling", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality", "StrictLessThan", "LessThan",
     "StrictGreaterThan", "GreaterThan", "And", "Or", "Not", "Xor", "ITE", "Piecewise", "ExprCondPair", "Tuple",
     "sqrt", "log", "exp", "FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv", "CeilDiv", "CeilToInt",
     "FloorToInt", "IntTrueDiv", "FloatTrueDiv", "FloatPow", "PowByNatural", "TruncToInt", "TruncToFloat",
     "RoundToInt", "RoundDecimal", "ToFloat", "Identity", "IsNonOverlappingAndDenseIndicator",
     "NonOverlappingAndDenseIndicator", "LShift", "RShift", "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or",
     "BitwiseFn_bitwise_xor", "OpaqueUnaryFn_sqrt", "OpaqueUnaryFn_log2", "OpaqueUnaryFn_log", "OpaqueUnaryFn_exp"}
)  # fmt: skip
NAMES = frozenset({"true", "false", "oo", "int_oo", "nan", "zoo"})
_SYMBOL = re.compile(r"[a-z_]{1,20}\d{1,9}|[A-Za-z]")
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,4})?|-?inf|nan")
_OPERATOR = re.compile(
    r"torch\.ops\.(?!_)\w+(?:\.(?!__)\w+){1,2}|torch\._?sym_\w+"
    r"|_operator\.(?:add|sub|mul|floordiv|truediv|mod|pow|neg|pos|and_|or_|not_|eq|ne|lt|le|gt|ge|lshift|rshift|getitem)"
    r"|math\.(?:ceil|floor|trunc|sqrt|log2|log|exp)|torch\.(?:true_divide|floor_divide)"
)
_TYPES = frozenset(
    {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", "collections.namedtuple",
     "torch.Size", "builtins.slice", "collections.deque"}
)  # fmt: skip
_PARTS = (
    ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.UnaryOp, ast.USub, ast.Not, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq, ast.NotEq, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE, ast.BoolOp, ast.And, ast.Or, ast.Tuple,
)  # fmt: skip


def is_exported_program(node: dict[str, Any]) -> bool:
    """Whether a document is a program that torch exported."""
    return "graph_module" in node and isinstance(node["graph_module"], dict)


def judge_expression(record: Record, node: dict[str, Any]) -> None:
    """Report a text that ``sympify`` would evaluate and that is no expression of sizes, wherever it stands."""
    if "expr_str" in node and not is_expression(node["expr_str"]):
        message = "torch evaluates this text when the program is loaded, and it is no plain expression of sizes"
        record.add("executes", "torch.expression", message, detail=str(node["expr_str"])[:200])


def judge_program(record: Record, program: dict[str, Any]) -> None:
    """Report guards, targets and structures of an exported program that are not what torch writes."""
    guards = program.get("guards_code")
    if guards:
        message = "torch compiles these guards as they stand; whether they only compare sizes was not examined"
        record.add("not_examined", "torch.guards", message, detail=str(guards)[:200])
    ranges = program.get("range_constraints")
    for name in ranges if isinstance(ranges, dict) else ():
        judge_expression(record, {"expr_str": name})
    for key, value in _items(program):
        if key in ("target", "as_operator") and isinstance(value, str) and _is_looked_up(value):
            if not _OPERATOR.fullmatch(value):
                message = "the program calls something that is no operator of torch"
                record.add("executes", "torch.target", message, detail=value[:200])
        elif key in ("in_spec", "out_spec") and isinstance(value, str) and not _is_structure(value):
            message = "the structure of the arguments names a class that torch would import or look up"
            record.add("not_examined", "torch.structure", message, detail=value[:200])


def is_expression(text: object) -> bool:
    """Whether a text is an expression of sizes as sympy writes it: known functions, symbols and numbers.

    Examples
    --------
    >>> is_expression("Mul(Integer(4), Symbol('s77', positive=True, integer=True))")
    True
    >>> is_expression("__import__('os').system('ls')")
    False
    """
    if not isinstance(text, str) or len(text) > LONGEST_EXPRESSION:
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(map(_is_part, ast.walk(tree)))


def _is_part(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        # what sympy names besides functions of numbers reads texts, so a text stands only for a symbol or a number
        return (
            isinstance(node.func, ast.Name)
            and node.func.id in FUNCTIONS
            and not any(k.arg is None for k in node.keywords)
        )
    if isinstance(node, ast.Name):
        return node.id in FUNCTIONS or node.id in NAMES or _SYMBOL.fullmatch(node.id) is not None
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, str):
            return _SYMBOL.fullmatch(value) is not None or _NUMBER.fullmatch(value) is not None
        return value is None or (isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return isinstance(node.right, ast.Constant | ast.UnaryOp) and _is_small(node.right)
    return isinstance(node, _PARTS)


def _is_small(node: ast.AST) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    return isinstance(value, int | float) and abs(value) <= LARGEST_POWER


def _is_looked_up(target: str) -> bool:
    """Whether torch resolves the text, rather than taking it for the name of something in the program."""
    return target.startswith(("torch", "_operator", "math", "#"))


def _is_structure(text: str) -> bool:
    if not text:
        return True
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    for node in (dict(part) for part in _objects(value)):
        kind, context = node.get("type"), node.get("context")
        if "type" in node and (isinstance(kind, list | dict) or kind not in _TYPES):
            return False
        if context is not None and not (isinstance(context, str) and _is_plain_context(context)):
            return False
    return True


def _is_plain_context(text: str) -> bool:
    """Whether a context is a name, or a JSON text without objects: torch makes an object into a member of any class."""
    try:
        return next(_objects(json.loads(text)), None) is None
    except (ValueError, RecursionError):
        return re.fullmatch(r"[\w.]{0,200}", text) is not None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    return (item for part in _objects(value) for item in part.items())
