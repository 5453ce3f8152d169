"""A network that we trained, as a model in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast.adapters.models import columns
from holdfast.core.errors import ModelError
from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, Capability, ModelInfo, RawPredictions, Settings

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


class TrainedNetwork:
    """Implements the adapter of a network whose scores stand in the order of the subject's classes; needs torch."""

    def __init__(self, network: RawNetwork) -> None:
        from holdfast.kernels.torch_networks.forward import as_function

        self._network = network
        self._scores = as_function(network)
        kinds: tuple[Capability, ...] = ("values",) if network.link == "values" else ("labels", "scores")
        self.info = ModelInfo(
            format="onnx",
            description="copy of the network, trained by the stated recipe",
            capabilities=frozenset({"query", "gradients", *kinds}),
        )

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Compute scores, or values of a regression."""
        import torch

        from holdfast.kernels.torch_networks.forward import as_probabilities

        rows = rows_of(X, self._network)
        with torch.no_grad():
            found = self._scores(torch.as_tensor(rows))
            if self._network.link == "values":
                return RawPredictions(labels=found[:, 0].numpy().astype(np.float64), scores=None)
            scores = as_probabilities(found, self._network.link).numpy().astype(np.float64)
        return RawPredictions(labels=None, scores=scores / scores.sum(axis=1, keepdims=True))

    def network(self) -> RawNetwork:
        """Show it."""
        return self._network

    def refit(
        self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS
    ) -> TrainedNetwork:
        """A copy is not trained again."""
        raise ModelError("a trained copy of a network is not trained again", hint="train another copy of the network")


def rows_of(X: pl.DataFrame, network: RawNetwork) -> NDArray[np.float32]:
    """Lay the columns of a table out as rows of a network.

    Raises
    ------
    ModelError
        When a column holds no numbers, or a cell is missing.
    """
    rows = columns.numeric_matrix(X).astype(np.float32).reshape(-1, *network.input_shape)
    if not np.isfinite(rows).all():
        raise ModelError("a network cannot be given missing cells", hint="fill them, or leave these rows out")
    return rows
