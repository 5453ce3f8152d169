"""Bring model, tables and deployment together into the subject that checks see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from holdfast.auditing.matching import encode_target, match_predictions, own_labels
from holdfast.auditing.network_training import trained_networks
from holdfast.auditing.networks import confirm_network
from holdfast.auditing.retraining import RetrainedModel
from holdfast.auditing.spelling import spelled_alike
from holdfast.core.check import CheckSpec, Task
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotRun
from holdfast.core.materials import Bill
from holdfast.core.network import ForeignAttack, RawNetwork
from holdfast.core.provenance import Provenance
from holdfast.core.scan import ScannedFile
from holdfast.core.signature import SignatureRecord
from holdfast.core.subject import AS_IS, Label, Model, ModelInfo, Predictions, RawTrees, Settings, Stored, Table
from holdfast.core.training import NetworkTraining

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


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
    training: NetworkTraining | None = None


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
    population: Table | None = None
    current: Table | None = None
    decisions: Table | None = None
    model: Model | None = None
    artefacts: tuple[ScannedFile, ...] = ()
    provenance: Provenance | None = None
    signature: SignatureRecord | None = None
    materials: Bill | None = None
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
    def queries_left(self) -> int | None:
        """How many rows the model may still be asked about; only endpoints have a limit."""
        return cast("int | None", getattr(self.model, "queries_left", None))

    @property
    def queries(self) -> int:
        """Rows asked so far, without those of the shared predictions: they belong to no single check."""
        return (self.model.queries if self.model else 0) - int(self.cache.get("shared_queries", 0))

    def predict(self, X: pl.DataFrame) -> Predictions:
        """Ask the model; labels come back as positions in ``classes``."""
        if self.model is None:
            raise NotRun("there is no model to ask", hint="give --model")
        return match_predictions(self.model.predict(X), self.facts)

    @contextmanager
    def retrained(
        self,
        X: pl.DataFrame,
        y: NDArray[np.int64] | NDArray[np.float64],
        *,
        seed: int,
        stand_in: bool = False,
        settings: Settings = AS_IS,
    ) -> Iterator[AuditSubject]:
        """Train a copy of the model, or a stand-in, on other rows, and let go of it afterwards."""
        import numpy as np

        labels = own_labels(y, self.facts)
        if stand_in:
            from holdfast.adapters.models.opening import train_stand_in

            copy = train_stand_in(X, labels, is_regression=self.task == "regression", seed=seed)
        elif self.facts.training is not None:
            every = [np.arange(X.height)]
            copy = next(trained_networks(self, X, y, every, seeds=[seed], settings=settings))
        elif self.model is None or "refit" not in self.model.info.capabilities:
            raise NotRun("the model cannot be trained again", hint="give a scikit-learn estimator or pipeline")
        else:
            copy = self.model.refit(X, labels, seed=seed, settings=settings)
        try:
            yield replace(self, model=RetrainedModel(copy, self.facts), cache={})
        finally:
            copy.close()

    def retrained_many(
        self,
        X: pl.DataFrame,
        y: NDArray[np.int64] | NDArray[np.float64],
        parts: Sequence[NDArray[np.int64]],
        *,
        seeds: Sequence[int],
        stand_in: bool = False,
        settings: Settings = AS_IS,
    ) -> Iterator[AuditSubject]:
        """Train a copy on each part of the rows: networks side by side, all else one after the other."""
        if self.facts.training is not None and not stand_in:
            for copy in trained_networks(self, X, y, parts, seeds=seeds, settings=settings):
                yield replace(self, model=RetrainedModel(copy, self.facts), cache={})
            return
        for rows, seed in zip(parts, seeds, strict=True):
            with self.retrained(X[rows], y[rows], seed=seed, stand_in=stand_in, settings=settings) as subject:
                yield subject

    @contextmanager
    def trained_by_command(self, *, timeout_s: float) -> Iterator[tuple[AuditSubject, str]]:
        """Run the recorded training command again and open what it wrote."""
        from holdfast.auditing.rerunning import model_of_rerun

        with model_of_rerun(self.provenance, timeout_s=timeout_s) as (model, digest):
            yield replace(self, model=RetrainedModel(model, self.facts), cache={}), digest

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

    def network(self) -> RawNetwork:
        """Return the model's network, read and compared with the model's own answers once per process."""
        if "network" not in self.cache:
            if self.model is None or "gradients" not in self.model.info.capabilities:
                raise NotRun("there is no neural network to read", hint="give an ONNX or PyTorch network with --model")
            network = self.model.network()
            confirm_network(network, self)
            self.cache["network"] = network
        return cast(RawNetwork, self.cache["network"])

    def foreign_attack(self, name: str) -> ForeignAttack:
        """Open an attack of another package."""
        from holdfast.adapters.attacks.opening import open_attack

        return open_attack(name)

    def stored(self, table: Table | None = None) -> Stored:
        """Return what the model keeps, compared with a table (the training table if none), read once per process."""
        if self.model is None or "stored" not in self.model.info.capabilities:
            raise NotRun("there is no model that could be opened and read", hint="give the model's file with --model")
        compared = self.train if table is None else table
        key = f"stored beside {compared.name if compared else 'nothing'}"
        if key not in self.cache:
            self.cache[key] = self.model.stored(inputs_of(compared, self.facts) if compared else None)
        return cast(Stored, self.cache[key])

    def cells(self, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
        """Return columns as arrays of numbers, or of objects."""
        return cells_of(frame)

    def spelled_alike(self, frames: Sequence[pl.DataFrame], *, digits: int) -> list[pl.DataFrame]:
        """Bring columns to one type over tables, and cells to one spelling."""
        return spelled_alike(frames, digits=digits)

    def frame(self, cells: Mapping[str, NDArray[np.generic]], like: pl.DataFrame) -> pl.DataFrame:
        """Write arrays as columns of a table."""
        import polars as pl

        types = like.schema  # made anew, over all columns, whenever it is asked for
        columns = {
            name: pl.Series(name, values, nan_to_null=True).cast(types[name])
            if values.dtype.kind == "f"
            else pl.Series(name, values.tolist(), dtype=types[name])
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
        """Narrow the deployment to the declared fields, and what only some checks see to those that declare it."""
        seen = cast(Deployment, DeploymentView(self.deployment, spec.reads))
        tables = (*spec.needs, *spec.takes)
        return replace(
            self,
            deployment=seen,
            reads=spec.reads,
            artefacts=self.artefacts if "artefacts" in spec.needs else (),
            provenance=self.provenance if "provenance" in tables else None,
            signature=self.signature if "signature" in spec.needs else None,
            materials=self.materials if "materials" in spec.needs else None,
            population=self.population if "population" in spec.reads else None,
            current=self.current if "current" in tables else None,
            decisions=self.decisions if "decisions" in tables else None,
        )


def _locked(predictions: Predictions) -> Predictions:
    """Make shared predictions read-only: what one check did to them would depend on which checks ran before."""
    predictions.labels.flags.writeable = False
    if predictions.scores is not None:
        predictions.scores.flags.writeable = False
    return predictions


def cells_of(frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Return columns as arrays of numbers (float64, NaN where missing), or of objects."""
    import polars as pl

    return {
        column.name: column.cast(pl.Float64).to_numpy()
        if column.dtype.is_numeric()
        else column.to_numpy().astype(object)
        for column in frame.iter_columns()
    }


def inputs_of(table: Table, facts: Facts) -> pl.DataFrame:
    """Return the model's inputs of a table; the table itself when it holds nothing but outcomes and predictions."""
    return table.frame.select(facts.features) if facts.features else table.frame
