"""Bring the labels of tables and models to positions in the subject's classes, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError, ModelError, did_you_mean
from holdfast.core.subject import Label, Predictions, RawPredictions, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.subject import Facts

SHOWN_ROWS = 5


def label_key(label: object) -> str:
    """Reduce a label to what is the same across formats: ``1``, ``1.0`` and ``"1"`` agree, ``True`` and ``"true"``."""
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace")
    if hasattr(label, "item"):
        label = label.item()
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    text = str(label)
    return text.lower() if isinstance(label, bool) or text in {"True", "False"} else text


def same_labels(first: Sequence[Label], second: Sequence[Label]) -> bool:
    """Whether two lists name the same classes, in any order and type."""
    return {label_key(label) for label in first} == {label_key(label) for label in second}


def match_predictions(raw: RawPredictions, facts: Facts) -> Predictions:
    """Bring raw answers into the subject's class order."""
    import numpy as np

    if facts.task == "regression":
        if raw.labels is None:
            raise ModelError(
                "expected values from a regression model, got class scores", hint="set deployment.task in holdfast.yaml"
            )
        return Predictions(labels=np.asarray(raw.labels, dtype=np.float64).ravel(), scores=None)
    scores = raw.scores
    if scores is not None and scores.shape[1] != len(facts.classes):
        raise ModelError(
            f"expected {len(facts.classes)} score columns (classes {list(facts.classes)}), got {scores.shape[1]}",
            hint="list the classes in score order as deployment.classes in holdfast.yaml",
        )
    if raw.labels is None:
        if scores is None:
            raise ModelError("the model returned neither labels nor scores")
        return Predictions(labels=scores.argmax(axis=1).astype(np.int64), scores=scores)
    stated = facts.info.classes if facts.info else ()
    by_position = bool(stated) and not same_labels(stated, facts.classes)
    order = stated if by_position else facts.classes
    position = {label_key(label): index for index, label in enumerate(order)}
    distinct, inverse = np.unique(
        np.asarray(raw.labels).astype(str) if raw.labels.dtype == object else raw.labels, return_inverse=True
    )
    try:
        lookup = np.array([position[label_key(label)] for label in distinct], dtype=np.int64)
    except KeyError as error:
        if facts.info is not None and facts.info.format == "predictions":
            raise InputError(
                f"the column of predicted labels holds {error.args[0]!r}, which is none of the classes {list(order)}",
                hint="is --label-column right? or list the classes as deployment.classes in holdfast.yaml",
            ) from None
        raise ModelError(
            f"the model predicted the label {error.args[0]!r}, which is none of the classes {list(order)}",
            hint="list the classes in score order as deployment.classes in holdfast.yaml",
        ) from None
    return Predictions(labels=lookup[inverse.ravel()] if distinct.size else np.zeros(0, np.int64), scores=scores)


def own_labels(y: NDArray[np.generic], facts: Facts) -> NDArray[np.generic]:
    """Turn class positions into the labels that the model was trained with; values of a regression stay."""
    import numpy as np

    if facts.task == "regression":
        return y
    stated = facts.info.classes if facts.info else ()
    labels: NDArray[np.generic] = np.asarray(stated if len(stated) == len(facts.classes) else facts.classes)[y]
    return labels


def encode_target(table: Table, target: str, facts: Facts) -> NDArray[np.int64] | NDArray[np.float64]:
    """Turn the target column into class positions or values.

    Raises
    ------
    InputError
        When the target is no usable column (see ``target_column``) or holds a label that the model has no class for.
    """
    import numpy as np
    import polars as pl

    column = target_column(table, target)
    if facts.task == "regression":
        if not column.dtype.is_numeric():
            raise InputError(
                f"expected numbers in the target column {target!r} of {table.name} for regression, got {column.dtype}, "
                f"for example {column[0]!r}",
                hint="set deployment.task: binary or multiclass if the target is a class",
            )
        return column.to_numpy().astype(np.float64)
    position = {label_key(label): index for index, label in enumerate(facts.classes)}
    distinct = column.unique().to_list()
    unknown = [label for label in distinct if label_key(label) not in position]
    if unknown:
        raise InputError(
            f"the target column {target!r} of {table.name} holds labels that are no class of the model: "
            f"{unknown[:SHOWN_ROWS]}; classes: {list(facts.classes)}",
            hint=did_you_mean(str(unknown[0]), facts.classes),
        )
    return column.replace_strict(
        distinct, [position[label_key(label)] for label in distinct], return_dtype=pl.Int64
    ).to_numpy()


def target_column(table: Table, target: str) -> pl.Series:
    """Return the target column, refusing a missing column, a type that is no label, and cells without a value."""
    import polars as pl

    if target not in table.frame.columns:
        raise InputError(
            f"no column {target!r} in the {table.name} table{f' ({table.source})' if table.source else ''}",
            hint=did_you_mean(target, table.frame.columns),
        )
    column = table.frame.get_column(target)
    missing = column.is_null() | (column.is_nan() if column.dtype.is_float() else False)
    if missing.any():
        rows = missing.arg_true().head(SHOWN_ROWS).to_list()
        raise InputError(
            f"the target column {target!r} of {table.name} is missing in {missing.sum()} rows (such as {rows})",
            hint="remove those rows or fill in their labels; a row without its outcome cannot be used for measuring",
        )
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum)):
        raise InputError(
            f"expected numbers, text or truth values in the target column {target!r} of {table.name}, "
            f"got {column.dtype}, for example {column[0]!r:.80}",
            hint="make a column of the outcome that the model predicts",
        )
    infinite = column.is_infinite() if column.dtype.is_float() else column.is_null()
    if infinite.any():
        row = infinite.arg_true()[0]
        raise InputError(
            f"expected finite values in the target column {target!r} of {table.name}, got {column[row]} at row {row} "
            f"({infinite.sum()} such rows)",
            hint="remove those rows or correct them",
        )
    return column
