"""What each framework's file offers; the rest of the package only knows this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


class Adapter(Protocol):
    """A loaded model of one framework, in the process that runs it.

    Attributes
    ----------
    info
        What the framework's file knows about the model; who opened it adds digest, confinement and cost.
    """

    @property
    def info(self) -> ModelInfo: ...

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a batch of at least one row; what comes back is checked by the caller."""

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """Train a fresh copy; only called when ``info`` has the ``refit`` capability."""


class TreesAdapter(Adapter, Protocol):
    """An adapter whose ``info`` has the ``trees`` capability."""

    def trees(self) -> RawTrees:
        """Read the trees."""

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what the trees are given for a batch of at least one row."""


class NetworkAdapter(Adapter, Protocol):
    """An adapter whose ``info`` has the ``gradients`` capability."""

    def network(self) -> RawNetwork:
        """Read the network."""


class StoringAdapter(Adapter, Protocol):
    """An adapter whose ``info`` has the ``stored`` capability."""

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read what the model keeps of its training data, compared with these inputs of it."""
