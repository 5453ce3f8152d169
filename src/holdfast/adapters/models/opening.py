"""The entrance: a file's bytes, an object in memory, or a table of predictions becomes a model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from holdfast.adapters.models import answers, formats, network_arrays, stored_arrays, tree_arrays
from holdfast.adapters.models.client import ChildModel, Host, Source
from holdfast.adapters.models.limits import Limits
from holdfast.adapters.models.predictions import predictions_model
from holdfast.adapters.models.recognition import PLAIN, adapter_for
from holdfast.core.errors import HoldfastError, InputError, ModelError
from holdfast.core.network import NetworkSettings, RawNetwork
from holdfast.core.subject import AS_IS, Model, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter, NetworkAdapter, StoringAdapter, TreesAdapter

__all__ = ["Limits", "open_model", "predictions_model", "wrap_model"]

DEFAULT_LIMITS = Limits()
TrustPickle = bool | Literal["unconfined"]
Voucher = Literal["", "scan", "policy"]


def open_model(
    data: bytes,
    *,
    name: str,
    digest: str,
    trust_pickle: TrustPickle = False,
    vouched: Voucher = "",
    row_shape: tuple[int, ...] = (),
    network: NetworkSettings = PLAIN,
    factory_source: bytes = b"",
    allow_code: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Model:
    """Load a model file in a confined process, from exactly these bytes.

    Parameters
    ----------
    data, name, digest
        Content of the file, its name (for messages and, where the content does not tell, the format), its digest.
    trust_pickle
        Whether to load pickles, and skops files with unknown types, that nothing vouches for. Their code then runs, in
        the confined process; where the platform does not keep that from the network, only when ``"unconfined"``.
    vouched
        What vouches for these bytes: a ``scan`` that they passed, or a ``policy`` that approves them by digest.
    row_shape
        Shape of one row, such as ``(channels, height, width)``, of a neural network that does not state it.
    network, factory_source
        What a PyTorch network does not say of itself, and the content of the file of its factory, where that is a file.
    allow_code
        Whether the factory may run.
    limits
        What the process may use.

    Raises
    ------
    InputError
        For a pickle that is neither vouched for nor trusted, an unsupported format or an unreadable file.
    MissingExtra
        When the framework is not installed.
    ModelError
        When loading it crashes, or takes too long or too much memory.
    """
    found: str = formats.identify(data, name=name)
    is_code = found in ("pickle", "skops")
    if found == "pickle" and not (vouched or trust_pickle):
        raise formats.refuse_pickle(name)
    if found == "skops" and (vouched or trust_pickle):
        found = "trusted skops"
    needs_factory = found in ("safetensors", "torch weights")
    if not found.startswith("torch") and not needs_factory:
        _refuse_unused(network, name)
    if needs_factory:
        require_factory(network, name, allow_code=allow_code)
    if found == "torch program" and not (vouched or trust_pickle):
        raise formats.refuse_pickle(name)
    source = Source(
        data=data,
        name=name,
        digest=digest,
        format=found,
        # a pickle that passed a scan names nothing but installed libraries
        trusts_path=needs_factory or vouched == "policy" or (bool(trust_pickle) and not vouched),
        needs_isolation=is_code and trust_pickle is True and not vouched,
        row_shape=row_shape or network.input_shape,
        network=network,
        factory_source=factory_source,
    )
    host = Host(source, limits)
    return ChildModel(host, host.info)


def _refuse_unused(network: NetworkSettings, name: str) -> None:
    """Refuse settings that a file of another kind would silently leave out."""
    if replace(network, accuracy=None, input_shape=()) != PLAIN:
        raise InputError(
            f"network in holdfast.yaml describes a PyTorch network, but {name} is none",
            hint="leave out all of it but input_shape and accuracy: such a file holds its own scaling, "
            "and classes belong under deployment",
        )


def require_factory(network: NetworkSettings, name: str, *, allow_code: bool) -> None:
    """Refuse weights without the function that makes their module, or with one that may not run.

    Raises
    ------
    InputError
        Naming what is missing.
    """
    if not network.factory.strip(":").count(":"):
        raise InputError(
            f"{name} holds weights only: which module they belong to is not known",
            hint="name what makes it in holdfast.yaml, network: {factory: 'model.py:make', input_shape: [1, 28, 28]}, "
            "or export the module to ONNX or with torch.export",
        )
    if not allow_code:
        raise InputError(
            f"the weights in {name} need the module that {network.factory} makes: code, which was not allowed to run",
            hint="look at it, then pass --allow-code: it runs in the model's own confined process",
        )


Trainer = Callable[..., object]


def wrap_model(
    obj: object,
    *,
    trainer: Trainer | None = None,
    network: NetworkSettings = PLAIN,
    row_shape: tuple[int, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Model:
    """Wrap an object of this process: estimator, pipeline, booster, session, PyTorch module, or callable.

    It runs here, unconfined, and has no content digest, so nothing found about it is reused by another process.

    Parameters
    ----------
    trainer
        ``trainer(X, y, seed=...)`` takes a polars frame of inputs and an array of outcomes, and returns an object like
        ``obj`` that was trained on them: how to train a model anew that does not know it by itself.
    network, row_shape
        What a PyTorch module does not say of itself, and the shape of one row where ``network`` does not state it.

    Raises
    ------
    InputError
        When it is none of these.
    """
    return HeldModel(
        adapter_for(obj, network=network, row_shape=row_shape), trainer=trainer, batch_rows=limits.batch_rows
    )


def train_stand_in(X: pl.DataFrame, y: NDArray[np.generic], *, is_regression: bool, seed: int) -> Model:
    """Train a model of another kind, in this process, in place of one that cannot be trained again."""
    from holdfast.adapters.models.stand_in import StandIn

    return HeldModel(StandIn(X, y, is_regression=is_regression, seed=seed), batch_rows=DEFAULT_LIMITS.batch_rows)


class HeldModel:
    """A model that lives in this process."""

    def __init__(self, adapter: Adapter, *, batch_rows: int, trainer: Trainer | None = None) -> None:
        self._adapter = adapter
        self._trainer = trainer
        self._batch_rows = batch_rows
        self.queries = 0
        self._counting = threading.Lock()
        self._read_trees: RawTrees | None = None
        self._read_network: RawNetwork | None = None

    @property
    def info(self) -> ModelInfo:
        """What the adapter knows by now; a callable's is complete after its first answer."""
        info = self._adapter.info
        return replace(
            info,
            confinement={"process": "none: the model runs in the caller's own process"},
            capabilities=info.capabilities | {"refit"} if self._trainer else info.capabilities,
        )

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a frame, in batches."""
        answer = answers.in_batches(self._ask, X, info=lambda: self._adapter.info, rows=self._batch_rows)
        with self._counting:
            self.queries += X.height
        return answer

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> HeldModel:
        """Train a copy in this process."""
        if self._trainer:
            if settings:
                raise ModelError("a trainer takes no settings", hint="change them in the trainer itself")
            copy = adapter_for(self._guarded(self._trainer, X, y, seed=seed))
        else:
            copy = self._guarded(self._adapter.refit, X, y, seed=seed, settings=settings)
        return HeldModel(copy, trainer=self._trainer, batch_rows=self._batch_rows)

    def trees(self) -> RawTrees:
        """Read the trees, once."""
        tree_arrays.require(self.info)
        if self._read_trees is None:
            self._read_trees = tree_arrays.checked(self._guarded(cast("TreesAdapter", self._adapter).trees))
        return self._read_trees

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Run the pipeline in front of the trees, in batches."""
        return tree_arrays.in_batches(self._ask_features, X, self.trees(), rows=self._batch_rows)

    def _ask_features(self, X: pl.DataFrame) -> NDArray[np.generic]:
        found: NDArray[np.generic] = self._guarded(cast("TreesAdapter", self._adapter).features, X)
        return found

    def network(self) -> RawNetwork:
        """Read the network, once."""
        network_arrays.require(self.info)
        if self._read_network is None:
            found: RawNetwork = self._guarded(cast("NetworkAdapter", self._adapter).network)
            self._read_network = network_arrays.checked(found)
        return self._read_network

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read what the model keeps."""
        stored_arrays.require(self.info)
        found: Stored = self._guarded(cast("StoringAdapter", self._adapter).stored, X)
        return stored_arrays.checked(found, n_rows=0 if X is None else X.height)

    def close(self) -> None:
        """The object is the caller's: nothing is let go."""

    def _ask(self, X: pl.DataFrame) -> RawPredictions:
        answer: RawPredictions = self._guarded(self._adapter.answer, X)
        return answer

    def _guarded(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """Report whatever the user's model raises as the model's fault."""
        try:
            return function(*arguments, **options)
        except HoldfastError:
            raise
        except (Exception, SystemExit) as error:
            raise ModelError(f"the model failed with {type(error).__name__}: {str(error)[:2000]}") from error
