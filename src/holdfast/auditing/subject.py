"""Bring model, tables and deployment together into the subject that checks see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from holdfast.core.check import CheckSpec, Task
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, ModelError, NotRun, did_you_mean
from holdfast.core.scan import ScannedFile
from holdfast.core.subject import Label, Model, ModelInfo, Predictions, RawPredictions, RawTrees, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was settled about the subject before any check ran; cheap to keep, so that a second run loads no model."""

    task: Task
    target: str | None
    classes: tuple[Label, ...]
    positive: int
    features: tuple[str, ...]
    info: ModelInfo | None
    assumptions: tuple[str, ...]


class DeploymentView:
    """The deployment with only the fields that a check declares to read: they are what its result depends on."""

    def __init__(self, deployment: Deployment, reads: Sequence[str]) -> None:
        self._deployment = deployment
        self._reads = frozenset(reads)

    def __getattr__(self, name: str) -> Any:
        if name not in self._reads:
            raise AttributeError(
                f"the check reads deployment.{name} but its SPEC names only {sorted(self._reads)} in 'reads'"
            )
        return getattr(self._deployment, name)


@dataclass(frozen=True)
class AuditSubject:
    """The subject as the runner holds it; ``view`` narrows it to what one check may see."""

    facts: Facts
    deployment: Deployment
    train: Table | None = None
    test: Table | None = None
    model: Model | None = None
    artefacts: tuple[ScannedFile, ...] = ()
    reads: tuple[str, ...] | None = None
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.facts.task

    @property
    def target(self) -> str | None:
        return self.facts.target

    @property
    def classes(self) -> tuple[Label, ...]:
        return self.facts.classes

    @property
    def positive(self) -> int:
        return self.facts.positive

    @property
    def features(self) -> tuple[str, ...]:
        return self.facts.features

    @property
    def info(self) -> ModelInfo | None:
        return self.facts.info

    @property
    def predictions(self) -> Predictions:
        """Predictions on the whole test table, computed once per process."""
        if "predictions" not in self.cache:
            if self.test is None:
                raise NotRun("there is no test table to predict", hint="give --test")
            before = self.model.queries if self.model else 0
            self.cache["predictions"] = _locked(self.predict(inputs_of(self.test, self.facts)))
            self.cache["shared_queries"] = (self.model.queries if self.model else 0) - before
        return cast(Predictions, self.cache["predictions"])

    @property
    def queries(self) -> int:
        """Rows asked so far, without those of the shared predictions: they belong to no single check."""
        return (self.model.queries if self.model else 0) - int(self.cache.get("shared_queries", 0))

    def predict(self, X: pl.DataFrame) -> Predictions:
        """Ask the model; labels come back as positions in ``classes``."""
        if self.model is None:
            raise NotRun("there is no model to ask", hint="give --model")
        return match_predictions(self.model.predict(X), self.facts)

    def trees(self) -> RawTrees:
        """Return the model's trees, read once per process."""
        if "trees" not in self.cache:
            self.cache["trees"] = self._with_trees().trees()
        return cast(RawTrees, self.cache["trees"])

    def tree_features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what the model's trees are given."""
        return self._with_trees().features(X)

    def _with_trees(self) -> Model:
        if self.model is None or "trees" not in self.model.info.capabilities:
            raise NotRun("there are no decision trees to read", hint="give a tree model with --model")
        return self.model

    def cells(self, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
        """Return columns as arrays of numbers, or of objects."""
        import polars as pl

        return {
            column.name: column.cast(pl.Float64).to_numpy()
            if column.dtype.is_numeric()
            else column.to_numpy().astype(object)
            for column in frame.iter_columns()
        }

    def frame(self, cells: Mapping[str, NDArray[np.generic]], like: pl.DataFrame) -> pl.DataFrame:
        """Write arrays as columns of a table."""
        import polars as pl

        columns = {
            name: pl.Series(name, values, nan_to_null=True).cast(like.schema[name])
            if values.dtype.kind == "f"
            else pl.Series(name, values.tolist(), dtype=like.schema[name])
            for name, values in cells.items()
        }
        return pl.DataFrame(columns) if len(cells) == like.width else like.with_columns(columns.values())

    def y(self, table: Table) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the target of a table as class positions, or float64 values for regression."""
        key = f"y:{table.name}"
        if key not in self.cache:
            if self.target is None:
                raise NotRun("there is no target column", hint="give --target")
            self.cache[key] = encode_target(table, self.target, self.facts)
        return cast("NDArray[np.int64]", self.cache[key])

    def view(self, spec: CheckSpec) -> AuditSubject:
        """Narrow the deployment to the fields that the check declares, and the scan to checks that need it."""
        seen = cast(Deployment, DeploymentView(self.deployment, spec.reads))
        artefacts = self.artefacts if "artefacts" in spec.needs else ()
        return replace(self, deployment=seen, reads=spec.reads, artefacts=artefacts)


def _locked(predictions: Predictions) -> Predictions:
    """Make shared predictions read-only: what one check did to them would depend on which checks ran before."""
    predictions.labels.flags.writeable = False
    if predictions.scores is not None:
        predictions.scores.flags.writeable = False
    return predictions


def inputs_of(table: Table, facts: Facts) -> pl.DataFrame:
    """Return the model's inputs of a table; the table itself when it holds nothing but outcomes and predictions."""
    return table.frame.select(facts.features) if facts.features else table.frame


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
