"""A model in a confined process, as the rest of Holdfast sees it."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, network_arrays, stored_arrays, tree_arrays, wire
from holdfast.adapters.models.limits import Limits
from holdfast.adapters.models.process import Process
from holdfast.core.canonical import to_plain
from holdfast.core.errors import InputError, ModelError
from holdfast.core.network import NetworkSettings, RawNetwork
from holdfast.core.subject import AS_IS, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

MOST_RESTARTS = 3
# the most that an answer about one row may take: 1,000 classes and a label of 2,048 characters
BYTES_PER_ROW, BYTES_BESIDE = 16_384, 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a child is started from: the very bytes that were digested.

    Attributes
    ----------
    trusts_path
        Whether it may import what the parent may import.
    needs_isolation
        Whether it is not to be loaded where nothing keeps it from the network.
    row_shape
        Shape of one row of a neural network that does not state it; empty when nobody said.
    network, factory_source
        What a PyTorch network does not say of itself, and the file that makes its module.
    """

    data: bytes
    name: str
    digest: str
    format: str
    trusts_path: bool
    needs_isolation: bool = False
    row_shape: tuple[int, ...] = ()
    network: NetworkSettings = field(default_factory=NetworkSettings)
    factory_source: bytes = field(default=b"", repr=False)


class Host:
    """The process of one model and its trained copies: started when needed, again after a crash, a few times."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.limits = limits
        self._source = source
        self._lock = threading.RLock()
        self._process: Process | None = None
        self._starts = 0
        self._is_closed = False
        self.info = self._start()

    @property
    def generation(self) -> int:
        """How many processes there have been; what was trained in an earlier one is gone."""
        return self._starts

    @property
    def pid(self) -> int | None:
        """Process id, or ``None`` when none runs."""
        return None if self._process is None else self._process.pid

    def ask(
        self, header: Mapping[str, Any], *parts: bytes, largest: int, doing: str, generation: int | None = None
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Ask the running process, starting it first where it has ended."""
        with self._lock:
            if self._process is None or self._process.has_ended:
                self._start()
            if generation is not None and generation != self._starts:
                raise ModelError(
                    "this trained copy was lost when the model's process ended",
                    hint="train it again; see the earlier error",
                )
            assert self._process is not None
            return self._process.ask(dict(header), *parts, largest=largest, doing=doing)

    def is_running(self, generation: int) -> bool:
        """Whether the process of that generation still runs."""
        return self._process is not None and not self._process.has_ended and generation == self._starts

    def close(self) -> None:
        """End the process for good."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.close()
                self._process = None

    def _start(self) -> ModelInfo:
        if self._is_closed:
            raise ModelError("the model was closed", hint="open it again")
        if self._starts > MOST_RESTARTS:
            raise ModelError(
                f"the model's process ended {self._starts} times and is not started again",
                hint="see the earlier errors; a model that crashes on some inputs is not fit for use",
            )
        if self._process is not None:
            self._process.close()
        self._starts += 1
        begun = time.monotonic()
        self._process = Process(self.limits, trusts_path=self._source.trusts_path)
        try:
            reply, held = self._process.start(
                {
                    "do": "load",
                    "format": self._source.format,
                    "row_shape": list(self._source.row_shape),
                    "network": to_plain(self._source.network),
                },
                *(
                    [self._source.data, self._source.factory_source]
                    if self._source.factory_source
                    else [self._source.data]
                ),
                needs_isolation=self._source.needs_isolation,
            )
            info = read_info(reply)
        except BaseException as error:
            self._process.close()
            if isinstance(error, InputError):
                raise InputError(f"{self._source.name}: {error.message}", hint=error.hint) from error
            raise
        return replace(info, digest=self._source.digest, load_s=time.monotonic() - begun, confinement=held)


class ChildModel:
    """One model, or one trained copy, in a :class:`Host`."""

    def __init__(self, host: Host, info: ModelInfo, *, number: int = 0) -> None:
        self._host = host
        self._number = number
        self._generation = host.generation if number else None
        self.info = info
        self.queries = 0
        self._counting = threading.Lock()
        self._read_trees: RawTrees | None = None
        self._read_network: RawNetwork | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child, or ``None`` when none runs."""
        return self._host.pid

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a frame, in batches, through the child."""
        answer = answers.in_batches(self._ask, X, info=lambda: self.info, rows=self._host.limits.batch_rows)
        with self._counting:
            self.queries += X.height
        return answer

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> ChildModel:
        """Train a copy in the same child; it is lost when the child ends."""
        if "refit" not in self.info.capabilities:
            raise ModelError(f"a model in the format {self.info.format} cannot be trained again")
        reply, _ = self._host.ask(
            {"do": "refit", "model": self._number, "seed": int(seed), "settings": dict(settings)},
            _frame_bytes(X),
            wire.encode_array(answers.plain_labels(y)),
            largest=0,
            doing=f"training on {X.height} rows",
            generation=self._generation,
        )
        begun_with = self._host.info
        info = replace(read_info(reply), digest=None, load_s=begun_with.load_s, confinement=begun_with.confinement)
        return ChildModel(self._host, info, number=_whole_number(reply, "model"))

    def trees(self) -> RawTrees:
        """Read the trees, once, and check them: everything behind them indexes by what stands in them."""
        tree_arrays.require(self.info)
        if self._read_trees is None:
            header, parts = self._host.ask(
                {"do": "trees", "model": self._number},
                largest=tree_arrays.LARGEST_TREES,
                doing="reading its trees",
                generation=self._generation,
            )
            self._read_trees = tree_arrays.from_message(header, parts)
        return self._read_trees

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Run the pipeline in front of the trees, in batches, through the child."""
        return tree_arrays.in_batches(self._ask_features, X, self.trees(), rows=self._host.limits.batch_rows)

    def _ask_features(self, X: pl.DataFrame) -> NDArray[np.generic]:
        _, parts = self._host.ask(
            {"do": "features", "model": self._number},
            _frame_bytes(X),
            largest=8 * X.height * self.trees().n_columns + BYTES_BESIDE,
            doing=f"preparing {X.height} rows for its trees",
            generation=self._generation,
        )
        try:
            return wire.decode_array(*parts)
        except (wire.WireError, TypeError) as error:
            raise ModelError(f"the model's process sent unreadable features: {error}") from None

    def network(self) -> RawNetwork:
        """Read the network, once, and check it."""
        network_arrays.require(self.info)
        if self._read_network is None:
            header, parts = self._host.ask(
                {"do": "network", "model": self._number},
                largest=network_arrays.LARGEST_NETWORK,
                doing="reading its operators and weights",
                generation=self._generation,
            )
            self._read_network = network_arrays.from_message(header, parts)
        return self._read_network

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read what the model keeps, and check it."""
        stored_arrays.require(self.info)
        header, parts = self._host.ask(
            {"do": "stored", "model": self._number},
            *([] if X is None else [_frame_bytes(X)]),
            largest=stored_arrays.LARGEST_STORED,
            doing="reading what it keeps of its training data",
            generation=self._generation,
        )
        return stored_arrays.from_message(header, parts, n_rows=0 if X is None else X.height)

    def close(self) -> None:
        """End the child; for a trained copy, only let go of the copy."""
        if not self._number:
            self._host.close()
        elif self._generation is not None and self._host.is_running(self._generation):
            self._host.ask({"do": "drop", "model": self._number}, largest=0, doing="letting go of a trained copy")

    def _ask(self, X: pl.DataFrame) -> RawPredictions:
        reply, parts = self._host.ask(
            {"do": "predict", "model": self._number},
            _frame_bytes(X),
            largest=X.height * BYTES_PER_ROW + BYTES_BESIDE,
            doing=f"answering {X.height} rows",
            generation=self._generation,
        )
        names = reply.get("arrays")
        if names not in (["labels"], ["scores"], ["labels", "scores"]) or len(parts) != len(names):
            raise ModelError(
                f"the model's process sent {str(names)[:80]} with {len(parts)} parts, expected labels or scores"
            )
        try:
            arrays = dict(zip(names, map(wire.decode_array, parts), strict=True))
        except wire.WireError as error:
            raise ModelError(f"the model's process sent an unreadable answer: {error}") from None
        scores = arrays.get("scores")
        return RawPredictions(labels=arrays.get("labels"), scores=None if scores is None else np.asarray(scores, float))


def read_info(reply: Mapping[str, Any]) -> ModelInfo:
    """Read what a child says about its model, strictly."""
    from holdfast.core.parse import from_mapping

    return from_mapping(ModelInfo, reply.get("info"), source="the reply of the model's process")


def _whole_number(reply: Mapping[str, Any], key: str) -> int:
    value = reply.get(key)
    if not isinstance(value, int) or value < 1:
        raise ModelError(f"the model's process sent {str(value)[:80]} as {key}, expected a positive number")
    return value


def _frame_bytes(X: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    X.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()
