"""Find constraints that contradict each other, so that no row at all, or no change, could fulfil them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from holdfast.kernels.robustness.constraints import CategoryLimits, Limits, NumericLimits
from holdfast.kernels.robustness.relations import (
    Arithmetic,
    Column,
    Comparison,
    Constant,
    Follows,
    Logic,
    Membership,
    Negation,
    Relation,
    Statement,
    Value,
)

STRICT = 1e-9
OPPOSITE = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "==": "!=", "!=": "=="}


class _Linear(NamedTuple):
    """``sum of weights times columns + constant``, compared with 0."""

    text: str
    operator: str
    weights: Mapping[str, float]
    constant: float


def contradictions(
    limits: Limits, *, relations: Sequence[Relation] = (), one_hot: Sequence[Sequence[str]] = ()
) -> tuple[str, ...]:
    """Name the constraints that cannot hold, alone or together.

    Parameters
    ----------
    limits, relations, one_hot
        As in :func:`holdfast.kernels.robustness.constraints.violations`.

    Returns
    -------
    tuple of str
        One sentence for each contradiction found; empty does not prove that there is none.

    Notes
    -----
    Each relation alone is bounded by interval arithmetic over the ranges. The linear comparisons that hold without
    condition are solved together as a linear programme; of those that contradict each other a smallest set is named
    (leaving out any one of them makes the rest feasible).

    Examples
    --------
    >>> from holdfast.kernels.robustness.relations import parse_relation
    >>> contradictions({}, relations=[parse_relation("a < b"), parse_relation("b <= c"), parse_relation("c <= a")])
    ("no row fulfils all of 'a < b', 'b <= c', 'c <= a'",)
    """
    found = [*_of_limits(limits), *_of_groups(limits, one_hot), *_of_derived(limits, relations)]
    if found:
        return tuple(found)
    alone = [relation for relation in relations if not _possible(relation.tree, limits)]
    found += [f"no row within the ranges fulfils {relation.text!r}" for relation in alone]
    linear = [form for relation in relations if relation not in alone for form in _linear(relation.text, relation.tree)]
    if linear and not _feasible(linear, limits):
        texts = dict.fromkeys(form.text for form in _smallest(linear, limits))
        found.append(f"no row fulfils all of {', '.join(map(repr, texts))}")
    return tuple(found)


def _of_limits(limits: Limits) -> Iterator[str]:
    for name, rule in limits.items():
        if rule.cost <= 0:
            yield f"the cost of {name!r} must be above 0, got {rule.cost}"
        if isinstance(rule, CategoryLimits):
            if not rule.levels:
                yield f"{name!r} may change but has no valid level"
        elif not rule.low <= rule.high:
            yield f"the range of {name!r} is empty: {rule.low} to {rule.high}"
        elif not rule.scale > 0:
            yield f"the scale of {name!r} must be above 0, got {rule.scale}"


def _of_groups(limits: Limits, one_hot: Sequence[Sequence[str]]) -> Iterator[str]:
    seen: dict[str, Sequence[str]] = {}
    for group in one_hot:
        for name in group:
            if name in seen:
                yield f"{name!r} stands in two one-hot groups: {', '.join(seen[name])} and {', '.join(group)}"
            if name in limits:
                yield f"{name!r} has limits of its own but belongs to the one-hot group {', '.join(group)}"
            seen[name] = group


def _of_derived(limits: Limits, relations: Sequence[Relation]) -> Iterator[str]:
    named = {name for relation in relations for name in relation.columns}
    for name, rule in limits.items():
        if rule.is_derived and name not in named:
            yield f"{name!r} is derived, but no relation settles it"
    followed: dict[str, str] = {}
    for relation in relations:
        if isinstance(relation.tree, Follows):
            first = followed.setdefault(relation.tree.column, relation.text)
            if first != relation.text:
                yield f"{relation.tree.column!r} follows two columns: {first!r} and {relation.text!r}"


def _possible(node: Statement, limits: Limits, *, denied: bool = False) -> bool:
    """Whether some values within the ranges make a statement true (or false, if denied); True when not known."""
    match node:
        case Negation(inner):
            return _possible(inner, limits, denied=not denied)
        case Logic("->", left, right):
            parts = (_possible(left, limits, denied=not denied), _possible(right, limits, denied=denied))
            return all(parts) if denied else any(parts)
        case Logic(operator, left, right):
            parts = (_possible(left, limits, denied=denied), _possible(right, limits, denied=denied))
            return all(parts) if (operator == "and") != denied else any(parts)
        case Comparison(operator, left, right):
            low, high = _ends(Arithmetic("-", left, right), limits)
            sign = OPPOSITE[operator] if denied else operator
            tests = {"<=": low <= 0, "<": low < 0, ">=": high >= 0, ">": high > 0, "==": low <= 0 <= high}
            return bool(np.isnan(low) or np.isnan(high) or tests.get(sign, not low == high == 0))
        case Membership() | Follows():
            return True


def _ends(node: Value, limits: Limits) -> tuple[float, float]:
    """Smallest and largest value over the ranges; NaN where that is not known."""
    match node:
        case Column(name):
            rule = limits.get(name)
            return (rule.low, rule.high) if isinstance(rule, NumericLimits) else (float("nan"), float("nan"))
        case Constant(value):
            return (float("nan"),) * 2 if isinstance(value, str) else (float(value),) * 2
        case Arithmetic(operator, left, right):
            (a, b), (c, d) = _ends(left, limits), _ends(right, limits)
            if operator == "+":
                return a + c, b + d
            if operator == "-":
                return a - d, b - c
            if operator == "/" and (np.isnan(c) or c <= 0 <= d):
                return float("nan"), float("nan")
            products = [x * y if operator == "*" else x / y for x in (a, b) for y in (c, d)]
            return (float("nan"),) * 2 if np.isnan(products).any() else (min(products), max(products))


def _linear(text: str, node: Statement) -> Iterator[_Linear]:
    """Linear comparisons of numbers that hold whenever the statement does."""
    if isinstance(node, Logic) and node.operator == "and":
        yield from _linear(text, node.left)
        yield from _linear(text, node.right)
    if isinstance(node, Comparison) and node.operator != "!=":
        form = _affine(Arithmetic("-", node.left, node.right))
        if form is not None:
            weights, constant = form
            yield _Linear(text, node.operator, weights, constant)


def _affine(node: Value) -> tuple[dict[str, float], float] | None:
    match node:
        case Column(name):
            return {name: 1.0}, 0.0
        case Constant(value):
            return None if isinstance(value, str) else ({}, float(value))
        case Arithmetic(operator, left, right):
            first, second = _affine(left), _affine(right)
            if first is None or second is None:
                return None
            if operator in "+-":
                return _sum(first, second, 1.0 if operator == "+" else -1.0)
            if operator == "*" and not first[0]:
                return _sum(({}, 0.0), second, first[1])
            if not second[0] and (operator == "*" or second[1] != 0):
                return _sum(({}, 0.0), first, second[1] if operator == "*" else 1.0 / second[1])
            return None


def _sum(
    first: tuple[dict[str, float], float], second: tuple[dict[str, float], float], factor: float
) -> tuple[dict[str, float], float]:
    weights = dict(first[0])
    for name, weight in second[0].items():
        weights[name] = weights.get(name, 0.0) + factor * weight
    return weights, first[1] + factor * second[1]


def _feasible(forms: Sequence[_Linear], limits: Limits) -> bool:
    """Whether some values within the ranges fulfil all forms; the slack of strict ones, at most 1, is made large."""
    names = sorted({name for form in forms for name in form.weights})
    position = {name: j for j, name in enumerate(names)}
    upper, upper_ends, equal, equal_ends = [], [], [], []
    for form in forms:
        row = np.zeros(len(names) + 1)
        for name, weight in form.weights.items():
            row[position[name]] = weight
        if form.operator == "==":
            equal.append(row)
            equal_ends.append(-form.constant)
            continue
        sign = 1.0 if form.operator in ("<=", "<") else -1.0
        row = sign * row
        row[-1] = 1.0 if form.operator in ("<", ">") else 0.0
        upper.append(row)
        upper_ends.append(-sign * form.constant)
    rules = [limits.get(name) for name in names]
    bounds = [(rule.low, rule.high) if isinstance(rule, NumericLimits) else (None, None) for rule in rules]
    answer = linprog(
        np.r_[np.zeros(len(names)), -1.0],
        A_ub=np.array(upper) if upper else None,
        b_ub=upper_ends or None,
        A_eq=np.array(equal) if equal else None,
        b_eq=equal_ends or None,
        bounds=[*bounds, (0.0, 1.0)],
        method="highs",
    )
    is_strict = any(form.operator in ("<", ">") for form in forms)
    return bool(answer.status != 2 and not (is_strict and answer.status == 0 and -answer.fun <= STRICT))


def _smallest(forms: Sequence[_Linear], limits: Limits) -> list[_Linear]:
    """Leave out forms while the rest still contradict each other."""
    kept = list(forms)
    for form in forms:
        rest = [other for other in kept if other is not form]
        if rest and not _feasible(rest, limits):
            kept = rest
    return kept
