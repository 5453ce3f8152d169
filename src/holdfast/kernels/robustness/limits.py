"""What may happen to each column of a table: read off the training data, and off what somebody who knows it states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.conflicts import contradictions
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, unmet, violations
from holdfast.kernels.robustness.evasion import unit_of_distance
from holdfast.kernels.robustness.relations import Follows, Relation, learn, parse_relation
from holdfast.kernels.robustness.threat import PRESETS

if TYPE_CHECKING:
    from holdfast.core.deployment import Deployment
    from holdfast.core.subject import Subject

# Beyond 2^53 whole numbers and floats part company; such columns are identifiers, not quantities.
EXACT_WHOLE = 2.0**53


@dataclass(frozen=True, slots=True)
class Stated:
    """What is known of columns beyond their values; columns that are not named follow the data.

    Attributes
    ----------
    fixed
        Columns that do not change.
    whole
        Numeric columns of whole numbers.
    derived
        Columns whose value relations settle.
    ranges, directions, costs
        Valid range, way of moving (1 up, -1 down) and price of a change, by column.
    is_image
        Whether numbers are pixels, which have one valid range together.
    """

    fixed: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    directions: Mapping[str, Literal[-1, 1]] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    is_image: bool = False


class Rules(NamedTuple):
    """The threat model: the columns that may change, how far, what holds between them."""

    limits: Mapping[str, NumericLimits | CategoryLimits]
    budget: Budget
    relations: tuple[Relation, ...] = ()
    one_hot: tuple[tuple[str, ...], ...] = ()

    @property
    def is_tied(self) -> bool:
        """Whether columns hang together, so that each alone says too little about what may change."""
        return bool(self.relations or self.one_hot)


def rules_of(
    deployment: Deployment, seen: Mapping[str, NDArray[Any]], budget: Budget, *, whole: frozenset[str]
) -> Rules:
    """Join what a deployment states with what the training data shows.

    Parameters
    ----------
    deployment
        Its ``threat`` takes the place of ``budget``. Under full control, what is immutable or sensitive moves too.
    seen
        Columns of the training data, as in :func:`limits_of`.
    budget
        How far an attacker may go where no threat is stated.
    whole
        Columns that hold integers.

    Raises
    ------
    ValueError
        When a relation cannot be read, constraints contradict each other, or the data breaks them (naming the rows):
        a relation or a one-hot group in any row, a stated range or whole numbers in more than half of the rows.

    Notes
    -----
    A one-hot group with a column that does not change stays as it is.
    """
    preset = PRESETS[deployment.threat] if deployment.threat else None
    if preset is not None:
        budget = Budget(preset.distance, preset.categories, budget.norm)
    relations = learn(map(parse_relation, deployment.relations), seen)
    kept = {*deployment.immutable, *deployment.sensitive} if preset is None or preset.keeps_fixed else set()
    hot = (name for group in deployment.one_hot for name in group)
    stated = Stated(
        fixed=frozenset({*deployment.text, *kept, *hot}),
        whole=whole | frozenset(deployment.integer),
        derived=frozenset(relation.tree.column for relation in relations if isinstance(relation.tree, Follows)),
        ranges=deployment.ranges,
        directions={name: 1 if way == "up" else -1 for name, way in deployment.directions.items()},
        costs=deployment.costs,
        is_image=deployment.modality == "image",
    )
    limits = limits_of(seen, stated)
    conflicts = contradictions(limits, relations=relations, one_hot=deployment.one_hot)
    if conflicts:
        raise ValueError("the constraints of the deployment contradict each other: " + "; ".join(conflicts))
    _refuse_broken(seen, deployment, relations)
    moving = tuple(group for group in deployment.one_hot if not kept.intersection(group))
    return Rules(limits, budget, relations, moving)


def is_allowed(
    before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]], rules: Rules
) -> NDArray[np.bool_]:
    """Tell which changed rows break no rule; rows as columns by name, each ``(n_rows,)``."""
    limits, budget, relations, one_hot = rules
    broken = violations(before, after, limits=limits, budget=budget, relations=relations, one_hot=one_hot)
    return np.asarray(~np.any([*broken.values()], axis=0))


def rules_for(subject: Subject, budget: Budget) -> Rules:
    """Say what may change and how far, from the training table (or the test table) of a subject and its deployment.

    Parameters
    ----------
    subject
        The model and its tables.
    budget
        As in :func:`rules_of`, and so are the errors.
    """
    reference = subject.train or subject.test
    assert reference is not None
    schema = reference.frame.schema
    known = [name for name in subject.features if not schema[name].is_temporal()]
    whole = frozenset(name for name in known if schema[name].is_integer())
    return rules_of(subject.deployment, subject.cells(reference.frame.select(known)), budget, whole=whole)


def stated_limits(deployment: Deployment, numbers: Collection[str]) -> dict[str, NumericLimits]:
    """Return what is stated of single columns of numbers; a range of one value says no more than that it is fixed.

    Examples
    --------
    >>> from holdfast.core.deployment import Deployment
    >>> stated_limits(Deployment(ranges={"a": (0.0, 1.0), "b": (2.0, 2.0)}), ["a", "b", "c"])
    {'a': NumericLimits(scale=1.0, low=0.0, high=1.0, is_whole=False, direction=0, cost=1.0, is_derived=False)}
    """
    ranges = {name: ends for name, ends in deployment.ranges.items() if ends[0] < ends[1]}
    return {
        name: NumericLimits(1.0, *ranges.get(name, (-np.inf, np.inf)), is_whole=name in deployment.integer)
        for name in numbers
        if name in ranges or name in deployment.integer
    }


def _refuse_broken(seen: Mapping[str, NDArray[Any]], deployment: Deployment, relations: tuple[Relation, ...]) -> None:
    """Refuse relations that some row breaks, and statements about single columns that most rows break."""
    single = stated_limits(deployment, [name for name, values in seen.items() if _is_number(values)])
    n = len(next(iter(seen.values()))) if seen else 0
    alone = {name: rows for name, rows in unmet(seen, limits=single).items() if 2 * rows.size > n}
    for name, rows in {**alone, **unmet(seen, limits={}, relations=relations, one_hot=deployment.one_hot)}.items():
        first = ", ".join(map(str, rows[:5].tolist()))
        raise ValueError(f"the data breaks the constraint {name!r} in {rows.size} of {n} rows, first in {first}")


def limits_of(seen: Mapping[str, NDArray[Any]], stated: Stated) -> dict[str, NumericLimits | CategoryLimits]:
    """Say what may happen to each column that may change at all.

    Parameters
    ----------
    seen
        Columns of the training data by name, each ``(n_rows,)``: float64 with NaN for missing numbers, objects with
        ``None`` for missing categories.
    stated
        What is known beyond that.

    Returns
    -------
    dict
        By column; constant columns, numbers beyond 2^53 and fixed columns are left out. One unit of distance is the
        interquartile range of a column, or 1 where all numbers of the table lie between 0 and 1. Of pixels it is the
        width of the valid range, which the smallest and the largest value of all of them span: constant ones move, too.

    Examples
    --------
    >>> limits = limits_of({"pay": np.array([1.0, 2.0, 3.0, 9.0]), "sex": np.array(["f", "m"] * 2)}, Stated())
    >>> limits["pay"].scale, limits["pay"].high, sorted(limits["sex"].levels)
    (2.75, 9.0, ['f', 'm'])
    """
    numbers = {name: _finite(values) for name, values in seen.items() if _is_number(values)}
    free = [name for name in seen if name not in stated.fixed]
    is_unit = all(bool(((numbers[name] >= 0) & (numbers[name] <= 1)).all()) for name in free if name in numbers)
    limits: dict[str, NumericLimits | CategoryLimits] = {}
    if stated.is_image:
        return _pixels({name: numbers[name] for name in free if name in numbers}, stated)
    for name in free:
        if name not in numbers:
            levels = frozenset(value for value in seen[name].tolist() if value is not None)
            if len(levels) > 1:
                limits[name] = CategoryLimits(levels, stated.costs.get(name, 1.0), name in stated.derived)
            continue
        rule = _number(name, numbers[name], stated, is_unit=is_unit)
        if rule is not None:
            limits[name] = rule
    return limits


def _pixels(numbers: Mapping[str, NDArray[np.float64]], stated: Stated) -> dict[str, NumericLimits | CategoryLimits]:
    ends = [(values.min(), values.max()) for values in numbers.values() if values.size]
    if not ends:
        return {}
    low, high = float(min(first for first, _ in ends)), float(max(last for _, last in ends))
    ranges = {name: stated.ranges.get(name, (low, high)) for name in numbers}
    return {
        name: NumericLimits(last - first, first, last, is_whole=name in stated.whole)
        for name, (first, last) in ranges.items()
        if first < last
    }


def _number(name: str, values: NDArray[np.float64], stated: Stated, *, is_unit: bool) -> NumericLimits | None:
    if not values.size:
        return None
    low, high = stated.ranges.get(name, (float(values.min()), float(values.max())))
    scale = 1.0 if is_unit else unit_of_distance(values)
    is_whole = name in stated.whole
    if not (scale > 0 and low < high) or (is_whole and max(abs(low), abs(high)) > EXACT_WHOLE):
        return None
    direction: Literal[-1, 0, 1] = stated.directions.get(name, 0)
    cost = stated.costs.get(name, 1.0)
    return NumericLimits(scale, low, high, is_whole, direction, cost, name in stated.derived)


def _is_number(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f"


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
