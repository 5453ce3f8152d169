"""Settle what the subject is before any check runs: its task, its classes and their order, its inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.constraining import check_constraints
from holdfast.auditing.matching import encode_target, label_key, match_predictions, same_labels, target_column
from holdfast.auditing.network_quality import FIRST
from holdfast.auditing.network_training import with_recipe
from holdfast.auditing.subject import Facts, inputs_of
from holdfast.core.check import Task
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Label, Model, ModelInfo, Table
from holdfast.core.training import NetworkTraining

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES_OF_INTEGERS = 20
FEW_AMOUNTS = 10
PROBED_ROWS = 2000


def settle(
    deployment: Deployment,
    *,
    target: str | None,
    train: Table | None,
    test: Table | None,
    model: Model | None,
    training: NetworkTraining | None = None,
) -> Facts:
    """Settle task, classes, their order and the inputs; say what was assumed.

    Raises
    ------
    InputError
        When the target or an input column is missing, a table has no rows, or the class order contradicts the labels.
    """
    assumptions: list[str] = []
    tables = [table for table in (test, train) if table is not None]
    for table in tables:
        if table.frame.height == 0:
            raise InputError(f"the {table.name} table{f' ({table.source})' if table.source else ''} has no rows")
        _require_columns(table, deployment)
    labels = [target_column(table, target) for table in tables] if target else []
    features = _features(deployment, target, tables, model.info if model else None, assumptions)
    broken = check_constraints(deployment, tables, features) if tables else ()
    info = _info(model, tables, features)
    if training is not None and model is not None and info is not None:
        info, training = with_recipe(info, model, training)
    task = _task(deployment, labels, info, assumptions)
    classes: tuple[Label, ...] = ()
    if task != "regression":
        classes = _classes(deployment, labels, info, assumptions)
        task = _task_of_classes(deployment, classes, task)
    facts = Facts(
        task=task,
        target=target,
        classes=classes,
        positive=_positive(deployment, task, classes, assumptions),
        features=features,
        info=info,
        assumptions=(),
        training=training,
    )
    if model is not None and test is not None and target is not None and task != "regression":
        _confirm_class_order(facts, deployment, test, model, assumptions)
    for table in tables if target else ():
        encode_target(table, target or "", facts)
    notes = (*(facts.info.notes if facts.info else ()), *(note for table in tables for note in table.notes))
    return replace(facts, assumptions=(*assumptions, *broken, *notes))


def _info(model: Model | None, tables: Sequence[Table], features: Sequence[str]) -> ModelInfo | None:
    """Return what is known of the model; one that cannot say what it returns is asked about the first rows."""
    if model is None:
        return None
    if tables and features and not model.info.capabilities & {"labels", "scores", "values"}:
        model.predict(tables[0].frame.select(features).head(PROBED_ROWS))
    return model.info


def _require_columns(table: Table, deployment: Deployment) -> None:
    if table.name != "test":
        return
    named = [name for name in (deployment.id, deployment.time, deployment.group) if name]
    people = (*deployment.sensitive, *deployment.quasi_identifiers)
    for name in (*named, *people, *deployment.immutable, *deployment.text):
        if name not in table.frame.columns:
            raise InputError(
                f"the deployment names a column {name!r} that the {table.name} table does not have",
                hint=did_you_mean(name, table.frame.columns),
            )


def _task(deployment: Deployment, labels: list[pl.Series], info: ModelInfo | None, assumptions: list[str]) -> Task:
    if deployment.task != "auto":
        return deployment.task
    returned = info.capabilities & {"labels", "scores", "values"} if info is not None else frozenset()
    if returned == {"values"}:
        assumptions += _doubts_about_amounts(labels)
        return "regression"
    if "scores" in returned or returned == {"labels"}:
        return "multiclass"
    if labels and labels[0].dtype.is_float() and not _looks_like_classes(labels[0]):
        assumptions.append("The target holds many different decimal numbers, so the task is taken to be regression.")
        return "regression"
    if labels and labels[0].dtype.is_integer() and labels[0].n_unique() > MOST_CLASSES_OF_INTEGERS:
        assumptions.append("The target holds many different whole numbers, so the task is taken to be regression.")
        return "regression"
    return "multiclass"


def _doubts_about_amounts(labels: list[pl.Series]) -> list[str]:
    """Say what to do where a model gives an amount and the target is a yes or no."""
    found = _sorted_labels(labels)
    if 2 < len(found) <= FEW_AMOUNTS and all(isinstance(value, int) for value in found):
        return [
            f"The model gives one number for each row, so the task is taken to be regression, although the target has "
            f"{len(found)} values only. If these are classes, the model needs an output for each."
        ]
    if len(found) != 2:
        return []
    first, second = found
    return [
        f"{FIRST}: the model gives one number for each row and nothing in it says that this is a probability, so it is "
        f"taken for an amount (task: regression); but the target has two values only, {first!r} and {second!r}. If it "
        f"is a log odds, export the model with a sigmoid as its last step, so that its output is the probability of "
        f"{second!r}. If it is an amount, state task: regression under deployment in holdfast.yaml."
    ]


def _looks_like_classes(column: pl.Series) -> bool:
    return bool((column == column.round()).all()) and column.n_unique() <= MOST_CLASSES_OF_INTEGERS


def _task_of_classes(deployment: Deployment, classes: tuple[Label, ...], task: Task) -> Task:
    if deployment.task == "binary" and len(classes) > 2:
        raise InputError(f"deployment.task is binary, but there are {len(classes)} classes: {list(classes)[:10]}")
    return task if deployment.task != "auto" else ("binary" if len(classes) <= 2 else "multiclass")


def _classes(
    deployment: Deployment, labels: list[pl.Series], info: ModelInfo | None, assumptions: list[str]
) -> tuple[Label, ...]:
    if deployment.classes and not (info and same_labels(info.classes, deployment.classes)):
        if info is not None and info.n_outputs and len(deployment.classes) != info.n_outputs:
            raise InputError(
                f"deployment.classes lists {len(deployment.classes)} classes, but the model has {info.n_outputs} scores"
            )
        return deployment.classes
    found = list(deployment.classes) or _sorted_labels(labels)
    stated = info.classes if info else ()
    if stated and (not found or {label_key(label) for label in found} <= {label_key(label) for label in stated}):
        return _in_the_tables_type(stated, found)
    outputs = len(stated) or (info.n_outputs if info else None) or len(found)
    if not found:
        return tuple(range(outputs))
    if outputs != len(found):
        raise InputError(
            f"the tables hold {len(found)} classes {found[:10]}, but the model has "
            f"{f'the classes {list(stated)[:10]}' if stated else f'{outputs} scores'}",
            hint="list the classes in score order as deployment.classes in holdfast.yaml",
        )
    if info is not None:
        how = "does not name its classes as the table does" if stated else "names no classes"
        shown = ", ".join(map(str, found))
        assumptions.append(f"The model {how}; its scores are taken to be in sorted order: {shown}.")
    return tuple(found)


def _sorted_labels(labels: list[pl.Series]) -> list[Label]:
    distinct: dict[str, Label] = {}
    for column in labels:
        for label in column.unique().to_list():
            distinct.setdefault(
                label_key(label), int(label) if isinstance(label, float) and label.is_integer() else label
            )
    values = list(distinct.values())
    numeric = all(isinstance(value, (int, float)) for value in values)
    return sorted(values, key=(lambda value: float(value)) if numeric else str)


def _in_the_tables_type(stated: tuple[Label, ...], found: list[Label]) -> tuple[Label, ...]:
    table_label = {label_key(label): label for label in found}
    return tuple(table_label.get(label_key(label), label) for label in stated)


def _positive(deployment: Deployment, task: Task, classes: tuple[Label, ...], assumptions: list[str]) -> int:
    if task == "regression" or not classes:
        return 0
    if deployment.positive is not None:
        keys = [label_key(label) for label in classes]
        if label_key(deployment.positive) not in keys:
            raise InputError(
                f"deployment.positive is {deployment.positive!r}, which is no class",
                hint=did_you_mean(str(deployment.positive), classes),
            )
        return keys.index(label_key(deployment.positive))
    if task == "binary":
        assumptions.append(f"The positive class is taken to be {classes[-1]!r}, the last one.")
    return len(classes) - 1


def _features(
    deployment: Deployment, target: str | None, tables: list[Table], info: ModelInfo | None, assumptions: list[str]
) -> tuple[str, ...]:
    if not tables:
        return info.inputs if info else ()
    columns = tables[0].frame.columns
    kept = {target, deployment.id, deployment.time, deployment.group, *deployment.ignore}
    if info is not None and info.inputs:
        _require_inputs(info.inputs, tables, target)
        unused = [
            name
            for name in columns
            if name not in info.inputs and name not in kept and name not in deployment.sensitive
        ]
        if unused:
            assumptions.append(f"Columns that the model does not take as inputs: {', '.join(unused)}.")
        return info.inputs
    features = tuple(name for name in columns if name not in kept)
    if not features and info is not None and "query" in info.capabilities:
        raise InputError(
            f"no column of the {tables[0].name} table is left as an input of the model: {', '.join(columns)}",
            hint="see id, time, group and ignore under deployment in holdfast.yaml",
        )
    for table in tables[1:]:
        missing = [name for name in features if name not in table.frame.columns]
        if missing:
            raise InputError(f"columns of the {tables[0].name} table that the {table.name} table lacks: {missing}")
    return features


def _require_inputs(inputs: Sequence[str], tables: list[Table], target: str | None) -> None:
    for table in tables:
        missing = [name for name in inputs if name not in table.frame.columns]
        if missing:
            extra = [name for name in table.frame.columns if name not in inputs and name != target]
            raise InputError(
                f"the model expects {len(inputs)} columns; missing from the {table.name} table: {missing}; "
                f"in the table but not expected: {extra}",
                hint=did_you_mean(missing[0], extra or table.frame.columns),
            )


def _confirm_class_order(
    facts: Facts, deployment: Deployment, test: Table, model: Model, assumptions: list[str]
) -> None:
    """Refuse a class order under which another assignment of scores to labels would agree far better."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if deployment.classes or (facts.info and facts.info.classes and same_labels(facts.info.classes, facts.classes)):
        return
    inputs = inputs_of(test, facts)
    sample = inputs.head(PROBED_ROWS) if "query" in model.info.capabilities else inputs
    predictions = match_predictions(model.predict(sample), facts)
    truth = encode_target(test, facts.target or "", facts)[: predictions.labels.size]
    counts = np.zeros((len(facts.classes), len(facts.classes)), dtype=np.int64)
    np.add.at(counts, (truth.astype(np.int64), predictions.labels.astype(np.int64)), 1)
    rows, best = linear_sum_assignment(-counts)
    agreement, possible = int(np.trace(counts)), int(counts[rows, best].sum())
    n = int(counts.sum())
    # If the order is right, another of the k! agrees better by more than this in at most 5 % of tables (Hoeffding's
    # inequality for a difference in [-1, 1] per row): a weak model may lose by luck, a wrong order loses clearly.
    orders_log = math.lgamma(len(facts.classes) + 1)
    if possible - agreement > math.sqrt(2 * n * (orders_log - math.log(0.05))):
        order = [facts.classes[int(np.flatnonzero(best == score)[0])] for score in range(len(facts.classes))]
        raise InputError(
            f"with the classes in the order {list(facts.classes)} the model agrees with {agreement} of {n} test "
            f"labels, in another order with {possible}",
            # JSON is YAML, and keeps labels such as no, 1 and ">50K: yes" what they are.
            hint="state the order of the scores in holdfast.yaml: deployment: {classes: "
            f"{json.dumps(order, ensure_ascii=False)}}}",
        )
    assumptions.append(f"With this class order the model agrees with {agreement} of the first {n} test labels.")
