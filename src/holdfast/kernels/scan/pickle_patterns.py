"""Whether abstract values fit the patterns of a rule."""

from __future__ import annotations

import re

from holdfast.kernels.scan.allow_list import Pattern, Rule
from holdfast.kernels.scan.pickle_values import Dict, Global, Instance, Opaque, Tuple, Value, kind_of

ELLIPSIS = ("...",)
SYNONYMS = {"bool": "int", "bytearray": "bytes"}
NAMED = "named"
"""The last argument of a pattern that stands for arguments by name."""
NUMERIC = ("numpy", "scipy.special", "sklearn.metrics", "sklearn.feature_selection", "sklearn.utils.validation")
NESTING = 4
ODD_KIND = "a key of kind"
RATIO = re.compile(r"-?[0-9]{1,1000}(/[0-9]{1,1000})?")


def fitting(patterns: tuple[Pattern, ...], arguments: Value, named: Value = None) -> Pattern | None:
    """Return the first pattern that the arguments of a call fit, those by name included."""
    if named is not None:
        if not isinstance(named, Dict) or named.odd_key is not None:
            return None
        patterns = tuple(pattern[:-1] for pattern in patterns if pattern[-1:] == ((NAMED,),))
    for pattern in patterns:
        if isinstance(arguments, Tuple) and fits_all(pattern, arguments.items):
            return pattern
        if isinstance(arguments, Opaque) and arguments.kind == "tuple" and pattern[-2:] == (("*",), ELLIPSIS):
            return pattern
    return None


def fits_all(pattern: Pattern, items: list[Value]) -> bool:
    """Whether each argument fits its alternatives."""
    if pattern[-1:] == (ELLIPSIS,):
        repeated = len(items) - len(pattern) + 1
        pattern = (*pattern[:-1], *(pattern[-2],) * max(0, repeated))
    return len(pattern) == len(items) and all(map(fits, pattern, items))


def fits(alternatives: tuple[str, ...], value: Value) -> bool:
    """Whether a value fits one of the alternatives."""
    return any(_fits(alternative, value) for alternative in alternatives)


def _fits(alternative: str, value: Value) -> bool:
    if alternative == "*":
        return True
    if alternative == "empty":
        return isinstance(value, Tuple) and not value.items
    if alternative == "(0)":
        return isinstance(value, Tuple) and len(value.items) == 1 and value.items[0] == 0
    if alternative == "ratio":
        return isinstance(value, str) and RATIO.fullmatch(value) is not None
    if alternative == "estimator":
        return isinstance(value, Instance) and value.of.rule is not None and value.of.rule.family == alternative
    if alternative == "@class":
        return isinstance(value, Global) and value.rule is not None and value.rule.is_class
    if alternative == "@numeric":
        return isinstance(value, Global) and value.rule is not None and _is_numeric(value, value.rule)
    if alternative.startswith("@"):
        return isinstance(value, Global) and value.rule is not None and value.path == alternative[1:]
    if alternative.startswith("="):
        return isinstance(value, str) and value == alternative[1:]
    if ":" in alternative:
        return isinstance(value, Instance) and alternative in (value.of.path, f"{value.of.module}:")
    kind = kind_of(value)
    return kind == alternative or SYNONYMS.get(kind) == alternative


def _is_numeric(function: Global, rule: Rule) -> bool:
    """Whether a global is a function of arrays: none of those that may stand as a value does anything else."""
    return rule.is_reference and not rule.is_class and not rule.family and function.module.startswith(NUMERIC)


def named_globals(pattern: Pattern, items: list[Value]) -> list[Global]:
    """Return the globals among arguments that a pattern asks for by name."""
    padded = (*pattern, *((("*",),) * len(items)))
    return [
        value
        for alternatives, value in zip(padded, items, strict=False)
        if isinstance(value, Global) and any(text.startswith("@") for text in alternatives)
    ]


def spend(pattern: Pattern, arguments: Value) -> None:
    """Account once for the globals that a rule asks for by name."""
    if isinstance(arguments, Tuple) and not arguments.is_spent:
        arguments.is_spent = True
        for item in named_globals(pattern, arguments.items):
            item.loose -= 1


def has_odd_state(value: Value) -> str:
    """Return the key that makes a value unfit as the state of an object: one that is no text, or a special name."""
    if isinstance(value, Dict):
        return value.odd_key or ""
    if isinstance(value, Tuple):
        odd = (item.odd_key for item in value.items if isinstance(item, Dict) and item.odd_key)
        return next(odd, "") or has_special_key(value)
    return ""


def has_special_key(value: Value, depth: int = NESTING) -> str:
    """Return a special name that a dict among the arguments of a call holds: some of them become attributes."""
    if isinstance(value, Dict):
        return "" if value.odd_key is None or value.odd_key.startswith(ODD_KIND) else value.odd_key
    if isinstance(value, Tuple) and depth:
        return next(filter(None, (has_special_key(item, depth - 1) for item in value.items)), "")
    return ""
