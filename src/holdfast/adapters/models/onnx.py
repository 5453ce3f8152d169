"""ONNX models through onnxruntime: classifiers and regressors, ZipMap, named columns or one matrix."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, columns
from holdfast.adapters.models.onnx_graph import Graph, read_graph
from holdfast.adapters.models.onnx_network import LAYERS, operators_between, read_network, unknown_among
from holdfast.adapters.models.onnx_trees import find_trees
from holdfast.adapters.models.trees_onnx import OnnxTrees
from holdfast.core.errors import InputError, ModelError
from holdfast.core.network import NetworkLink, RawNetwork
from holdfast.core.subject import AS_IS, Capability, Label, ModelInfo, RawPredictions, RawTrees, Settings

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter

NUMBER_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}
FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")
LABELS = ("tensor(string)", "tensor(int64)", "tensor(int32)", "tensor(bool)")
TO_PROBABILITY = ("Softmax", "Sigmoid")
LINKS: dict[str, NetworkLink] = {
    "scores": "probabilities",
    "logits": "logits",
    "raw": "logits",
    "positive": "probability",
    "values": "values",
}
PROBE_ROWS = 32
QUIET = 4


@dataclass(frozen=True, slots=True)
class Outputs:
    """Which outputs of the graph hold what; ``kind`` says how the float output is to be understood."""

    label: str | None = None
    floats: str | None = None
    is_zipmap: bool = False
    kind: str = "scores"


def load(data: bytes, *, row_shape: tuple[int, ...] = ()) -> OnnxModel:
    """Load a model from its bytes; weights in other files and custom operators are refused.

    ``row_shape`` is that of one row, where the model's one input does not state it.
    """
    graph = read_graph(data)
    node = find_trees(data)
    trees = None if node is None else OnnxTrees(node, data, _session)
    return OnnxModel(_session(data), graph, trees, data=data, row_shape=row_shape)


def _session(data: bytes) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    # idle threads that spin would take the cores from the parent, which computes between calls
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        raise InputError(
            f"onnxruntime {ort.__version__} cannot load this model: {_one_line(error)}",
            hint="custom operators are not supported; for a newer opset install a newer onnxruntime",
        ) from None


def wrap(session: Any) -> OnnxModel:
    """Wrap a session of the user's; class labels and operators cannot be read from it."""
    return OnnxModel(session, Graph(producer=session.get_modelmeta().producer_name))


class OnnxModel:
    """An inference session and what its outputs mean."""

    def __init__(
        self,
        session: Any,
        graph: Graph,
        trees: OnnxTrees | None = None,
        *,
        data: bytes = b"",
        row_shape: tuple[int, ...] = (),
    ) -> None:
        self._session = session
        self._trees = trees
        self._data = data
        self._inputs = session.get_inputs()
        self._batch = _fixed_batch(self._inputs)
        self._by_name = _takes_columns_by_name(self._inputs)
        self._row = None if self._by_name else _row_shape(self._inputs[0], row_shape)
        self._outputs = _assign_outputs(session.get_outputs(), graph)
        self._source = self._scores_without_names(graph)
        self._operators = self._between(self._source)
        self._is_network = bool(self._operators) and not unknown_among(self._operators)
        self.info = self._describe(graph)

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Run the graph on a batch."""
        label, floats = self._run(self._feed(X))
        values = None if label is None else answers.plain_labels(label)
        if floats is None:
            return RawPredictions(labels=values, scores=None)
        if self._outputs.kind == "values":
            return RawPredictions(labels=_single_column(floats), scores=None)
        if self._outputs.kind == "positive":
            return RawPredictions(labels=values, scores=answers.two_columns(_single_column(floats)))
        if self._outputs.kind == "logits":
            return RawPredictions(labels=None, scores=answers.softmax(floats))
        if self._outputs.kind == "raw":
            return RawPredictions(labels=floats.argmax(axis=1) if values is None else values, scores=None)
        return RawPredictions(labels=values, scores=floats)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """ONNX files hold no training procedure."""
        raise ModelError("an ONNX model cannot be trained again", hint="give the estimator it was exported from")

    def trees(self) -> RawTrees:
        """Read the trees of the graph."""
        assert self._trees is not None
        return self._trees.read()

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Run the graph up to its trees."""
        assert self._trees is not None
        feed, rows = self._feed(X), self._batch or X.height
        parts = []
        for start in range(0, X.height, rows):
            at = np.minimum(np.arange(start, start + rows), X.height - 1)
            parts.append(self._trees.features({name: column[at] for name, column in feed.items()}))
        return np.concatenate(parts)[: X.height]

    def network(self) -> RawNetwork:
        """Read the operators and weights of the graph."""
        item = self._inputs[0]
        assert self._is_network
        if self._row is None:
            raise self._shape_unknown()
        is_single = _last_integer(self._shape_of(self._source)) == 1
        return read_network(
            self._data,
            given=item.name,
            output=self._source,
            link="sigmoid" if self._outputs.kind == "raw" and is_single else LINKS[self._outputs.kind],
            row=self._row,
            dtype=NUMBER_TYPES[item.type],
            open_session=_session,
            batch=self._batch,
        )

    def _between(self, output: str) -> frozenset[str]:
        """Name the operators of a model that may be a network: one that takes one matrix and has no trees."""
        if not self._data or self._trees is not None or self._by_name or self._inputs[0].type not in FLOATS:
            return frozenset()
        return operators_between(self._data, given=self._inputs[0].name, output=output)

    def _scores_without_names(self, graph: Graph) -> str:
        """Name the tensor of scores, behind which a ZipMap may only put names to them."""
        floats = self._outputs.floats or ""
        return graph.producers.get(floats, ("", ""))[1] if self._outputs.is_zipmap else floats

    def _shape_of(self, output: str) -> list[Any]:
        return next((item.shape for item in self._session.get_outputs() if item.name == output), [])

    def _shape_unknown(self) -> InputError:
        item = self._inputs[0]
        return InputError(
            f"the ONNX input {item.name!r} has the shape {item.shape}, so how columns fill it is not known",
            hint="state the shape of one row in holdfast.yaml: deployment: {image_shape: [channels, height, width]}",
        )

    def _describe(self, graph: Graph) -> ModelInfo:
        notes: list[str] = []
        width = self._settle(graph, notes)
        classes = _stated_classes(graph, self._outputs, self._session, width)
        if not self._by_name and self._inputs[0].name:
            notes.append(_laid_out(self._row))
        if self._operators & LAYERS and not self._is_network:
            unknown = ", ".join(unknown_among(self._operators))
            notes.append(
                f"The network uses {unknown}, not known here: it is only asked for answers, without gradients."
            )
        return ModelInfo(
            format="onnx",
            description=f"ONNX model written by {graph.producer or 'an unnamed producer'}",
            capabilities=self._capabilities(),
            classes=classes,
            n_outputs=2 if self._outputs.kind == "positive" else (len(classes) or width or None),
            inputs=tuple(item.name for item in self._inputs) if self._by_name else (),
            notes=tuple(notes),
        )

    def _capabilities(self) -> frozenset[Capability]:
        found: set[Capability] = {"query"}
        if self._outputs.kind == "values":
            found.add("values")
        if self._outputs.label or self._outputs.kind == "raw":
            found.add("labels")
        if self._outputs.floats and self._outputs.kind in ("scores", "logits", "positive"):
            found.add("scores")
        if self._is_network:
            found.add("gradients")
        if self._trees is not None:
            found.add("trees")
        return frozenset(found)

    def _settle(self, graph: Graph, notes: list[str]) -> int | None:
        """Decide from the declared shape and a synthetic batch how the float output is to be read; return its width."""
        name = self._outputs.floats
        if name is None or self._outputs.kind in ("values", "positive"):
            return None
        floats = self._probe()
        declared = {item.name: item.shape for item in self._session.get_outputs()}[name]
        width = (floats.shape[1] if floats.ndim == 2 else 1) if floats is not None else _last_integer(declared)
        if width == 1:
            kind = self._kind_of_single_column(floats, graph)
        else:
            is_sound = floats is None or not np.isfinite(floats).all() or answers.are_probabilities(floats)
            gives_logits = self._is_network and self._outputs.label is None
            kind = "scores" if is_sound else "logits" if gives_logits else "raw"
        self._outputs = replace(self._outputs, kind=kind)
        if kind == "positive":
            notes.append("The single score column is read as the probability of the second class.")
        if kind == "logits":
            notes.append(
                "The network's outputs are no probabilities. They are taken as logits: their softmax gives the scores. "
                "If your service makes scores of them in another way, what is said of scores holds for softmax only."
            )
        if kind == "raw":
            chosen = "" if self._outputs.label else " The answer is the position of the largest one."
            notes.append(f"The model's scores are no probabilities on synthetic inputs and are not used.{chosen}")
        return 2 if kind == "positive" else width

    def _kind_of_single_column(self, floats: NDArray[Any] | None, graph: Graph) -> str:
        if self._outputs.label is None:
            return "positive" if graph.operator_of(self._outputs.floats or "") in TO_PROBABILITY else "values"
        is_inside = floats is None or not np.isfinite(floats).all() or bool(((floats >= 0) & (floats <= 1)).all())
        return "positive" if is_inside else "raw"

    def _probe(self) -> NDArray[Any] | None:
        """Run a synthetic batch; ``None`` where such inputs make no sense to the model."""
        rng = np.random.default_rng(0)
        # tables of codes have places 0 and 1, and few others surely
        found = self._probed_by(rng, lambda shape: rng.normal(0, 10, shape))
        return self._probed_by(rng, rng.random) if found is None else found

    def _probed_by(self, rng: np.random.Generator, numbers: Callable[[Any], Any]) -> NDArray[Any] | None:
        feed: dict[str, Any] = {}
        for item in self._inputs:
            row = (1,) if self._by_name else self._row
            if row is None:
                return None
            shape = (PROBE_ROWS, *row)
            if item.type == "tensor(string)":
                feed[item.name] = np.full(shape, "", dtype=object)
            elif item.type == "tensor(bool)":
                feed[item.name] = rng.integers(0, 2, shape).astype(bool)
            else:
                feed[item.name] = np.round(numbers(shape)).astype(NUMBER_TYPES[item.type])
        try:
            return self._run(feed)[1]
        except Exception:  # any failure on made-up inputs says nothing about real ones
            return None

    def _feed(self, X: pl.DataFrame) -> dict[str, Any]:
        if not self._by_name:
            item = self._inputs[0]
            if self._row is None and len(item.shape) > 2:
                raise self._shape_unknown()
            if self._row is None:
                return {item.name: _as_type(X, item.type)}
            columns.require_width(X, math.prod(self._row))
            return {item.name: _as_type(X, item.type).reshape(X.height, *self._row)}
        selected = columns.select(X, [item.name for item in self._inputs])
        return {item.name: _as_type(selected.select(item.name), item.type) for item in self._inputs}

    def _run(self, feed: dict[str, Any]) -> tuple[Any, NDArray[Any] | None]:
        n_rows = len(next(iter(feed.values())))
        if self._batch is None or n_rows == self._batch:
            return self._run_once(feed)
        labels, floats = [], []
        for start in range(0, n_rows, self._batch):
            rows = np.minimum(np.arange(start, start + self._batch), n_rows - 1)
            label, values = self._run_once({name: column[rows] for name, column in feed.items()})
            labels += [] if label is None else [label]
            floats += [] if values is None else [values]
        return (
            np.concatenate(labels)[:n_rows] if labels else None,
            np.concatenate(floats)[:n_rows] if floats else None,
        )

    def _run_once(self, feed: dict[str, Any]) -> tuple[Any, NDArray[Any] | None]:
        wanted = [name for name in (self._outputs.label, self._outputs.floats) if name is not None]
        try:
            found = dict(zip(wanted, self._session.run(wanted, feed), strict=True))
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise ModelError(f"the ONNX model failed on its inputs: {_one_line(error)}") from None
        floats = None if self._outputs.floats is None else found[self._outputs.floats]
        if floats is not None and self._outputs.is_zipmap:
            floats = np.array([list(row.values()) for row in floats], dtype=np.float64)
        return None if self._outputs.label is None else found[self._outputs.label], floats


def _assign_outputs(outputs: list[Any], graph: Graph) -> Outputs:
    label = next((item.name for item in outputs if item.type in LABELS), None)
    zipmap = next((item.name for item in outputs if item.type.startswith("seq(map(")), None)
    floats = sorted((item for item in outputs if item.type in FLOATS), key=lambda item: "prob" not in item.name.lower())
    if zipmap is not None:
        return Outputs(label, zipmap, is_zipmap=True)
    if label is not None:
        return Outputs(label, floats[0].name if floats else None)
    if not floats:
        found = ", ".join(f"{item.name}: {item.type}" for item in outputs)
        raise InputError(f"expected an output with labels, scores or values in the ONNX model, got {found}")
    width = _last_integer(floats[0].shape) if len(floats[0].shape) > 1 else 1
    makes_probability = graph.operator_of(floats[0].name) in TO_PROBABILITY
    if width == 1:
        return Outputs(None, floats[0].name, kind="positive" if makes_probability else "values")
    return Outputs(None, floats[0].name)


def _stated_classes(graph: Graph, outputs: Outputs, session: Any, width: int | None) -> tuple[Label, ...]:
    if len(graph.labels) != 1 or outputs.kind == "values" or (width is not None and len(graph.labels[0]) != width):
        return ()
    labels = graph.labels[0]
    declared = next((item.type for item in session.get_outputs() if item.name == outputs.label), None)
    if declared is not None and (declared == "tensor(string)") != isinstance(labels[0], str):
        return ()
    if declared == "tensor(bool)" and set(labels) <= {0, 1}:
        return tuple(bool(label) for label in labels)
    return labels


def _takes_columns_by_name(inputs: list[Any]) -> bool:
    for item in inputs:
        if item.type not in NUMBER_TYPES and item.type not in ("tensor(string)", "tensor(bool)"):
            raise InputError(
                f"the ONNX input {item.name!r} is {item.type}, expected a tensor of numbers, text or booleans"
            )
    if len(inputs) == 1:
        return False
    wide = [f"{item.name} {item.shape}" for item in inputs if len(item.shape) == 2 and item.shape[1] != 1]
    if wide or any(len(item.shape) not in (1, 2) for item in inputs):
        raise InputError(
            f"expected one ONNX input per column (shape [None, 1]) or one matrix, got {', '.join(wide) or 'others'}",
            hint="export with one input per column, or with one matrix",
        )
    return True


def _fixed_batch(inputs: list[Any]) -> int | None:
    first = inputs[0].shape[0] if inputs[0].shape else None
    return first if isinstance(first, int) and first > 0 else None


def _last_integer(shape: list[Any]) -> int | None:
    return shape[-1] if len(shape) > 1 and isinstance(shape[-1], int) and shape[-1] > 0 else None


def _row_shape(item: Any, stated: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of one row, ``None`` where neither the model nor the user states it.

    Raises
    ------
    InputError
        When the two contradict each other.
    """
    declared = item.shape[1:]
    sizes = tuple(size for size in declared if isinstance(size, int) and size > 0)
    if stated and len(declared) > 1:
        fits = len(stated) == len(declared)
        if not fits or any(isinstance(d, int) and d > 0 and d != s for d, s in zip(declared, stated, strict=True)):
            raise InputError(
                f"the ONNX input {item.name!r} has the shape {item.shape}, but one image has the shape {list(stated)}, "
                "by the table or by image_shape under deployment",
                hint="bring the images to the shape that the network takes, or correct image_shape in holdfast.yaml",
            )
        return stated
    return sizes if declared and len(sizes) == len(declared) else None


def _laid_out(row: tuple[int, ...] | None) -> str:
    if row is None or len(row) < 2:
        return "The ONNX model takes one matrix without column names, so columns are given in table order."
    return f"The ONNX model takes rows of the shape {list(row)}; columns fill it in table order, the last axis first."


def _single_column(values: NDArray[Any]) -> NDArray[np.float64]:
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    return np.asarray(flat, dtype=np.float64)


def _as_type(X: pl.DataFrame, declared: str) -> NDArray[Any]:
    """Convert columns to one declared tensor type: null is empty text or NaN, and an error for integers."""
    import polars as pl

    if declared == "tensor(string)":
        return X.cast(pl.String).fill_null("").to_numpy().astype(object)
    if declared in FLOATS:
        return columns.numeric_matrix(X).astype(NUMBER_TYPES[declared])
    matrix = columns.numeric_matrix(X)
    if declared == "tensor(bool)":
        _refuse_unless(np.isin(matrix, (0.0, 1.0)), X, "a truth value")
        return matrix.astype(np.bool_)
    _refuse_unless(np.isfinite(matrix) & (matrix == np.floor(matrix)), X, "an integer")
    if X.width == 1 and X.dtypes[0].is_integer():
        return X.to_numpy().astype(NUMBER_TYPES[declared])
    return matrix.astype(NUMBER_TYPES[declared])


def _refuse_unless(valid: NDArray[np.bool_], X: pl.DataFrame, expected: str) -> None:
    if valid.all():
        return
    row, column = np.argwhere(~valid)[0]
    name = X.columns[column]
    raise InputError(
        f"the model takes {expected} in column {name!r}, got {X[name][int(row)]} in row {row} of this batch",
        hint="fill missing values before the model, or export it with a float input for this column",
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:600]
