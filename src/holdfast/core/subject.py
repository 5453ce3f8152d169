"""What is under evaluation: the model, its tables and its deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from holdfast.core.training import Adversary

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.check import Task
    from holdfast.core.deployment import Deployment
    from holdfast.core.materials import Bill
    from holdfast.core.network import ForeignAttack, RawNetwork
    from holdfast.core.provenance import Provenance
    from holdfast.core.scan import ScannedFile
    from holdfast.core.signature import SignatureRecord

Label = str | int | float | bool
Capability = Literal["labels", "scores", "values", "query", "refit", "trees", "stored", "gradients"]
Settings = Mapping[str, float | tuple[int, ...] | Adversary]
AS_IS: Settings = MappingProxyType({})
Link = Literal["sigmoid", "centred", "softmax", "probabilities", "sigmoids", "sign", "identity", "exp"]

# What is known of how a feature follows its inputs: see Front.
NOTHING, ONE_INPUT, RUNS, STAYS = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What an adapter knows about a model.

    Attributes
    ----------
    format
        ``onnx``, ``sklearn``, ``lightgbm``, ``xgboost``, ``skops``, ``callable``, ``predictions``, ``endpoint``.
    description
        One line for people: estimator or producer and version.
    capabilities
        ``labels``/``scores``/``values`` (regression) say what it returns, ``query`` that it answers new inputs,
        ``trees`` that its answer is a sum over decision trees which it can show, ``gradients`` that it is a neural
        network which it can show as operators and weights, ``stored`` that it can show what it keeps of its data.
    classes
        Labels in score order as the model itself states them; empty when it states none.
    n_outputs
        Number of score columns, where known.
    inputs
        Names of the columns it expects, in order; empty when it states none.
    digest
        Content digest, or ``None`` (callable, endpoint): then findings are never reused across processes.
    confinement
        What holds the process the model runs in: measure to outcome, for example ``{"network": "namespace"}``.
    load_s, memory_mb
        Seconds to load it, and resident memory of its process afterwards; ``None`` when it runs in ours.
    requests_per_second
        Limit that the audit itself puts on its requests: times measured under it would tell about the limit.
    notes
        Assumptions made by the adapter, shown on the first page.
    """

    format: str
    description: str
    capabilities: frozenset[Capability]
    classes: tuple[Label, ...] = ()
    n_outputs: int | None = None
    inputs: tuple[str, ...] = ()
    digest: str | None = None
    confinement: Mapping[str, str] = field(default_factory=dict)
    load_s: float | None = None
    memory_mb: float | None = None
    requests_per_second: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPredictions:
    """What a model answered, before its labels are matched to the table's.

    Attributes
    ----------
    labels
        ``(n,)`` in the model's own label type, or ``None``; the values of a regression model stand here as float64.
    scores
        ``(n, n_classes)`` float64 class probabilities, or ``None``.
    """

    labels: NDArray[np.generic] | None
    scores: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Checked predictions in the subject's class order.

    Attributes
    ----------
    labels
        ``(n,)`` int64 index into ``Subject.classes``; float64 values for regression.
    scores
        ``(n, n_classes)`` float64, or ``None``.
    """

    labels: NDArray[np.int64] | NDArray[np.float64]
    scores: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What is known of how the features of trees come about, so that something can be proved of all inputs.

    Attributes
    ----------
    motion
        ``(n_features,)`` int8, what is known of each feature. ``NOTHING``; ``ONE_INPUT``: it depends on one input only;
        ``RUNS``: it also grows throughout, falls or stays between two neighbouring turns of that input; ``STAYS``: it
        stays. Cells that are missing are a matter of their own.
    turns
        Numbers at which features may change direction or jump, rising, by name of the input; one without any has none.
    doubt
        In words, the first step of the pipeline that is not known; empty where all are.
    """

    motion: NDArray[np.int8]
    turns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTrees:
    """A sum of decision trees over the features that the pipeline in front of them computes.

    All nodes of all trees stand in one array each; children stand behind their parents. A split sends NaN where
    ``missing_left`` says. Several nodes may share a child.

    Attributes
    ----------
    column
        ``(n_nodes,)`` int32: feature of the split, -1 in a leaf.
    threshold
        ``(n_nodes,)`` float64: a feature that is at most this goes left; roundings to single precision and strict
        comparisons of the framework are contained in it.
    levels
        ``(n_nodes,)`` int32: row of ``level_sets`` for a split on the codes of a category, -1 for one on a number.
    missing_left
        ``(n_nodes,)`` bool.
    left, right
        ``(n_nodes,)`` int32: children, -1 in a leaf.
    value
        ``(n_nodes, n_outputs)`` float64: what a leaf adds to the scores.
    roots
        ``(n_trees,)`` int32.
    base
        ``(n_outputs,)`` float64: the scores without any tree.
    level_sets
        ``(n_sets, width)`` bool: codes, cut to whole numbers, that go left; the last place stands for all codes
        outside 0 to ``width - 2``.
    n_columns
        Number of features.
    link
        How scores become the model's answer. One score: ``sigmoid`` (log odds of the second class), ``centred``
        (its probability minus one half), ``sign`` (only its sign counts), ``identity`` and ``exp`` (a regression). One
        for each class: ``softmax``, ``probabilities``, ``sigmoids`` (each class against the rest).
    front
        What is known of the pipeline in front of them; ``None`` where nothing is.
    """

    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    levels: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]
    base: NDArray[np.float64]
    level_sets: NDArray[np.bool_]
    n_columns: int
    link: Link
    front: Front | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """Rows of training data that one part of a model keeps.

    Attributes
    ----------
    holder
        Kind of the part, such as ``KNeighborsClassifier``.
    n_rows
        Rows that it keeps.
    n_equal
        How many of them equal a row of the training table, as the part is given it, in single precision; ``None`` when
        they could not be compared.
    is_stored
        ``(n_train,)`` bool: rows of the training table that are among them; all false when not compared.
    """

    holder: str
    n_rows: int
    n_equal: int | None
    is_stored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValues:
    """Single values of training data that one part of a model keeps: terms, categories, or numbers of one column.

    Attributes
    ----------
    holder, column
        Kind of the part, and the column it speaks of as the part knows it.
    kind
        ``term`` of a text, ``category``, or ``number``.
    names
        ``(n_values,)`` text, cut to 64 characters: the term or category; for numbers what they are, such as
        ``minimum``.
    n_rows
        ``(n_values,)`` int64: rows of the training table that hold the value, -1 when not counted.
    """

    holder: str
    column: str
    kind: Literal["term", "category", "number"]
    names: NDArray[np.str_]
    n_rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a model keeps of the data it was trained on.

    Attributes
    ----------
    rows, values
        Whole rows, and single values.
    leaf_rows
        ``(n_leaves,)`` int64: training rows that the model counts in each leaf of its trees; empty when it states none.
    forest
        For a random forest with such counts, whether its trees saw a ``bootstrap`` sample or ``all`` rows.
    notes
        What could not be seen.
    """

    rows: tuple[StoredRows, ...] = ()
    values: tuple[StoredValues, ...] = ()
    leaf_rows: NDArray[np.int64]
    forest: Literal["", "bootstrap", "all"] = ""
    notes: tuple[str, ...] = ()


class Model(Protocol):
    """A model behind its adapter. ``queries`` counts the rows it was asked about."""

    @property
    def info(self) -> ModelInfo: ...
    @property
    def queries(self) -> int: ...

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a frame of inputs in the table's own columns."""

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Model:
        """Train a fresh copy, with the same settings but for those given; only with the ``refit`` capability.

        ``ModelError`` when there is no such setting.
        """

    def trees(self) -> RawTrees:
        """Show its trees; only with the ``trees`` capability. ``NotRun`` when they are of a kind that is not read."""

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what the trees are given for these inputs, ``(n, n_features)``; only with ``trees``."""

    def network(self) -> RawNetwork:
        """Show the network; only with the ``gradients`` capability. ``NotRun`` when an operator of it is not known."""

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Show what it keeps of its training data, compared with the inputs ``X`` of it; only with ``stored``."""

    def close(self) -> None:
        """Let go of the process and its memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with the digest of its parsed content, and what was assumed in parsing it.

    Rows that are images have a column for each pixel; ``image_shape`` says how these lie: channels, height, width.
    """

    name: str
    frame: pl.DataFrame
    digest: str
    source: str = ""
    notes: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()


class Subject(Protocol):
    """The view of the subject that a check gets.

    Attributes
    ----------
    task, target
        The task; the name of the target column, if there is one.
    classes
        Labels in score order; empty for regression. Labels everywhere are int64 positions in it.
    positive
        Position of the positive (favourable) class of a binary task.
    features
        Names of the model's inputs: columns without target, id, time, group and ignored ones.
    train, test
        The tables, or ``None``.
    population
        The table that stands for the people the model is for, or ``None``; only where ``reads`` names ``population``.
    current
        Rows that the model meets today, whose outcomes need not have come, or ``None``; only where ``needs`` or
        ``takes`` names it.
    decisions
        The log of decisions that were taken, or ``None``, with the columns that
        :func:`holdfast.auditing.decisions.read_decisions` gives it; only where ``needs`` names ``decisions``.
    deployment
        The deployment; a check sees only the fields that its spec's ``reads`` names.
    info
        What is known about the model, or ``None``.
    artefacts
        What the scan says of the model's file and of those beside it; empty for a model that is no file.
    provenance
        What is recorded of where the model comes from, or ``None``; only where ``needs`` or ``takes`` names it.
    signature
        What came of checking the signature of the model, or ``None``; only where ``needs`` names it.
    materials
        What the model is made of, or ``None``; only where ``needs`` names it.
    predictions
        Predictions on the whole test table, computed once.
    """

    @property
    def task(self) -> Task: ...
    @property
    def target(self) -> str | None: ...
    @property
    def classes(self) -> tuple[Label, ...]: ...
    @property
    def positive(self) -> int: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def train(self) -> Table | None: ...
    @property
    def test(self) -> Table | None: ...
    @property
    def population(self) -> Table | None: ...
    @property
    def current(self) -> Table | None: ...
    @property
    def decisions(self) -> Table | None: ...
    @property
    def deployment(self) -> Deployment: ...
    @property
    def info(self) -> ModelInfo | None: ...
    @property
    def artefacts(self) -> tuple[ScannedFile, ...]: ...
    @property
    def provenance(self) -> Provenance | None: ...
    @property
    def signature(self) -> SignatureRecord | None: ...
    @property
    def materials(self) -> Bill | None: ...
    @property
    def predictions(self) -> Predictions: ...
    @property
    def queries_left(self) -> int | None:
        """How many rows the model may still be asked about in this audit, ``None`` without a limit."""

    def predict(self, X: pl.DataFrame) -> Predictions:
        """Ask the model about new inputs (columns ``features``); counted against the work budget."""

    def retrained(
        self,
        X: pl.DataFrame,
        y: NDArray[np.int64] | NDArray[np.float64],
        *,
        seed: int,
        stand_in: bool = False,
        settings: Settings = AS_IS,
    ) -> AbstractContextManager[Subject]:
        """Train a fresh copy of the model, with the same settings, on other rows; only with the ``refit`` capability.

        With ``stand_in`` a model of another kind, boosted trees, is trained in its place: that is always possible.
        ``settings``, such as ``min_samples_leaf``, are changed in the copy; ``ModelError`` when it has none so named.

        Yields this subject with the copy in place of the model: only ``predict``, ``trees``, ``tree_features`` and
        ``info`` speak of the copy. ``X`` has the columns ``features``, ``y`` is as ``y`` returns it. A class that is
        absent from ``y`` gets the score 0. The copy is gone when the block ends.
        """

    def retrained_many(
        self,
        X: pl.DataFrame,
        y: NDArray[np.int64] | NDArray[np.float64],
        parts: Sequence[NDArray[np.int64]],
        *,
        seeds: Sequence[int],
        stand_in: bool = False,
        settings: Settings = AS_IS,
    ) -> Iterator[Subject]:
        """Train copies as ``retrained`` does, on rows by position; each is gone when the next one is asked for."""

    def trained_by_command(self, *, timeout_s: float) -> AbstractContextManager[tuple[Subject, str]]:
        """Run the training command of ``provenance`` again, only where the user allows code, and open what it wrote.

        Yields this subject with that model in place of the model, as ``retrained`` does, and the digest of its file.
        ``NotRun`` when it cannot run here, ``ModelError`` when it fails.
        """

    def trees(self) -> RawTrees:
        """Return the model's trees, their scores in the order of ``classes``; only with the ``trees`` capability."""

    def network(self) -> RawNetwork:
        """Return the network (``gradients``), scores in the order of ``classes``; ``NotRun`` if its answers differ."""

    def foreign_attack(self, name: str) -> ForeignAttack:
        """Open an attack such as ``foolbox.LinfPGD``; ``InputError`` if unknown, ``MissingExtra`` if not installed."""

    def tree_features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what the trees are given for inputs (columns ``features``); asks for no prediction."""

    def stored(self, table: Table | None = None) -> Stored:
        """Return what the model keeps of its data, compared with a table (``train`` if none); only with ``stored``."""

    def cells(self, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
        """Return columns as arrays: numbers as float64 with NaN for missing, all else as objects with ``None``."""

    def spelled_alike(self, frames: Sequence[pl.DataFrame], *, digits: int) -> list[pl.DataFrame]:
        """Bring the columns of tables to one type, and cells to one spelling: decimals to so many digits."""

    def frame(self, cells: Mapping[str, NDArray[np.generic]], like: pl.DataFrame) -> pl.DataFrame:
        """Write such arrays as columns of the types of ``like``; columns without an array are those of ``like``."""

    def y(self, table: Table) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the target of a table: class positions, -1 for a label no class has; float64 for regression."""
