"""Columns that move together as one categorical column, whose levels are what the columns hold side by side.

One-hot columns hold a single 1, and a column that follows another is settled by its level. A search that moved them one
by one would look at rows that cannot be, and miss all rows in which several of them move; joined, both are impossible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import CategoryLimits
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.relations import Follows

Cells = Mapping[str, NDArray[Any]]
Level = tuple[Any, ...]


class Joined(NamedTuple):
    """Some columns as one.

    A point whose cells are no level of ``known`` (a missing cell, two 1s, a value that contradicts its relation) is not
    one that the joined column speaks about truly.
    """

    name: str
    members: tuple[str, ...]
    known: tuple[Level, ...]
    """What the members may hold side by side."""
    can_move: bool
    """Whether an attacker may change it at all."""
    cost: float
    """How much of the budget of categories a change uses."""


def joined_of(points: Cells, rules: Rules) -> tuple[Joined, ...]:
    """Find the columns that move together: one-hot groups, and categories with the columns that follow them."""
    groups = [_one_hot(points, tuple(group)) for group in rules.one_hot]
    taken = {name for group in groups for name in group.members}
    families: dict[str, list[Follows]] = {}
    for relation in rules.relations:
        tree = relation.tree
        if isinstance(tree, Follows) and tree.table is not None and {tree.column, tree.of} <= set(points):
            families.setdefault(tree.of, []).append(tree)
    for of, followers in families.items():
        members = (of, *dict.fromkeys(tree.column for tree in followers))
        family = _family(of, followers, members, rules)
        if family is not None and taken.isdisjoint(members):
            groups.append(family)
            taken.update(members)
    return tuple(groups)


def _one_hot(points: Cells, members: tuple[str, ...]) -> Joined:
    on = [(True, False) if points[name].dtype == object else (1.0, 0.0) for name in members]
    known = tuple(
        tuple(one if name == hot else zero for name, (one, zero) in zip(members, on, strict=True)) for hot in members
    )
    return Joined("|".join(members), members, known, True, 1.0)


def _family(of: str, followers: Sequence[Follows], members: tuple[str, ...], rules: Rules) -> Joined | None:
    """Join a category with what follows it; None where some of its levels settle nothing."""
    rule = rules.limits.get(of)
    tables = [dict(tree.table or ()) for tree in followers]
    if len(members) != len(followers) + 1 or not (rule is None or isinstance(rule, CategoryLimits)):
        return None
    levels = set(tables[0]) if rule is None else rule.levels
    if rule is not None and (rule.is_derived or not all(levels <= set(table) for table in tables)):
        return None
    shared = [level for level in sorted(levels, key=str) if all(level in table for table in tables)]
    known = tuple((level, *(table[level] for table in tables)) for level in shared)
    return Joined("|".join(members), members, known, rule is not None, 1.0 if rule is None else rule.cost)


def together(cells: Cells, joined: Sequence[Joined]) -> dict[str, NDArray[Any]]:
    """Put joined columns in the place of their members: objects that hold the cells side by side, None for missing.

    Examples
    --------
    >>> pair = Joined("a|b", ("a", "b"), ((1.0, 0.0), (0.0, 1.0)), True, 1.0)
    >>> together({"a": np.ones(1), "b": np.zeros(1)}, [pair])["a|b"].tolist()
    [(1.0, 0.0)]
    """
    hidden = {name for each in joined for name in each.members}
    made = {name: values for name, values in cells.items() if name not in hidden}
    for each in joined:
        sides = [[None if cell != cell else cell for cell in cells[name].tolist()] for name in each.members]
        made[each.name] = as_objects(list(zip(*sides, strict=True)))
    return made


def apart(cells: Cells, joined: Sequence[Joined], *, like: Cells) -> dict[str, NDArray[Any]]:
    """Undo :func:`together`: the columns of ``like``, in its order and of its kinds."""
    found = dict(cells)
    for each in joined:
        levels = found.pop(each.name).tolist()
        for place, name in enumerate(each.members):
            side = [level[place] for level in levels]
            found[name] = as_objects(side) if like[name].dtype == object else np.array(side, dtype=np.float64)
    return {name: found[name] for name in like}


def as_objects(values: Sequence[Any]) -> NDArray[np.object_]:
    """Make an array of objects, each as it is: tuples too."""
    made = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        made[at] = value
    return made
