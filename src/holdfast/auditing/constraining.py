"""Hold what a deployment says of the inputs against the tables: do the columns exist, do kinds fit, do rows comply?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from holdfast.auditing.subject import cells_of
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Table
from holdfast.kernels.robustness.constraints import unmet
from holdfast.kernels.robustness.limits import stated_limits
from holdfast.kernels.robustness.relations import Relation, learn, parse_relation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OF_NUMBERS = ("ranges", "integer", "directions")
SHOWN_ROWS = 5
GUIDE = "see the guide `State who would change what`"
OUTSIDE = "such cells may stay as they are or come nearer"
UNFULFILLED = "a change of such a row counts only where it ends up fulfilled"


def check_constraints(deployment: Deployment, tables: Sequence[Table], features: Collection[str]) -> tuple[str, ...]:
    """Refuse constraints that no table can fulfil, and name the rows that break the others.

    Parameters
    ----------
    tables
        The test table, the training table, or both.
    features
        The inputs of the model.

    Returns
    -------
    tuple of str
        A sentence for each table and constraint that some rows break.

    Raises
    ------
    InputError
        When a constraint names a column that is no input, or one of another kind, or cannot be read.
    """
    relations = tuple(map(_parsed, deployment.relations))
    for field, names in _named(deployment, relations):
        for name in names:
            _refuse(field, name, tables, features)
    for group in deployment.one_hot:
        if len(set(group)) < max(len(group), 2):
            raise InputError(f"expected two or more different columns in a group of one_hot, got {list(group)}")
    return tuple(note for table in tables for note in _notes(deployment, relations, table, tables[-1]))


def _parsed(text: str) -> Relation:
    try:
        return parse_relation(text)
    except ValueError as error:
        raise InputError(f"deployment.relations: {error}", hint=GUIDE) from None


def _named(deployment: Deployment, relations: Sequence[Relation]) -> Iterator[tuple[str, Collection[str]]]:
    yield "ranges", deployment.ranges
    yield "integer", deployment.integer
    yield "directions", deployment.directions
    yield "costs", deployment.costs
    for group in deployment.one_hot:
        yield "one_hot", group
    for relation in relations:
        yield "relations", relation.columns


def _refuse(field: str, name: str, tables: Sequence[Table], features: Collection[str]) -> None:
    import polars as pl

    present = [table for table in tables if name in table.frame.columns]
    if not present:
        raise InputError(
            f"deployment.{field} names a column {name!r} that the {tables[0].name} table does not have",
            hint=did_you_mean(name, tables[0].frame.columns),
        )
    if field != "ranges" and name not in features:  # ranges are also what the schema of a table is held against
        raise InputError(
            f"expected inputs of the model under deployment.{field}, got {name!r}, which is none",
            hint=did_you_mean(name, features),
        )
    types = [table.frame.schema[name] for table in present]
    if field in OF_NUMBERS and not any(kind.is_numeric() or kind == pl.Null for kind in types):
        raise InputError(
            f"expected a column of numbers under deployment.{field}, got {name!r} of type {types[0]}",
            hint="of a category, costs, immutable and relations can be stated",
        )
    if field == "one_hot" and not all(kind.is_numeric() or kind in (pl.Null, pl.Boolean) for kind in types):
        raise InputError(f"expected columns of 0 and 1 under deployment.one_hot, got {name!r} of type {types[0]}")


def _notes(deployment: Deployment, relations: Sequence[Relation], table: Table, teacher: Table) -> Iterator[str]:
    """Say which rows break what; what a relation between levels means is read off the teacher."""
    named = {name for _, names in _named(deployment, relations) for name in names}
    names = named.intersection(table.frame.columns)
    cells = cells_of(table.frame.select(sorted(names)))
    limits = stated_limits(deployment, [name for name in cells if cells[name].dtype.kind == "f"])
    groups = [group for group in deployment.one_hot if names.issuperset(group)]
    broken = unmet(cells, limits=limits, one_hot=groups)
    for relation in _learnt(relations, teacher):
        if names.issuperset(relation.columns):
            broken |= _unfulfilled(relation, cells)
    for rule, rows in broken.items():
        shown = ", ".join(map(str, rows[:SHOWN_ROWS].tolist()))
        more = f" and {rows.size - SHOWN_ROWS:,} more" if rows.size > SHOWN_ROWS else ""
        consequence = OUTSIDE if rule.startswith(("range of ", "whole numbers in ")) else UNFULFILLED
        yield (
            f"{rows.size:,} of {table.frame.height:,} rows of the {table.name} table break the constraint {rule!r}: "
            f"rows {shown}{more}, counted from 0; {consequence}."
        )


def _unfulfilled(relation: Relation, cells: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.int64]]:
    try:
        return unmet(cells, limits={}, relations=[relation])
    except ValueError as error:
        raise InputError(f"deployment.relations, {relation.text!r}: {error}", hint=GUIDE) from None


def _learnt(relations: Sequence[Relation], teacher: Table) -> Iterator[Relation]:
    """Relations with the tables that the teacher's rows give; one that those rows contradict is left to the checks."""
    for relation in relations:
        try:
            yield from learn([relation], cells_of(teacher.frame.select(relation.columns)))
        except ValueError:
            continue
