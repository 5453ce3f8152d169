"""What a model answers beside what the network that was read from it answers."""

from __future__ import annotations

import numpy as np
import onnxruntime
import polars as pl
import torch

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.core.network import RawNetwork
from holdfast.kernels.torch_networks.forward import as_function, as_probabilities, shapes


def frame_of(rows: np.ndarray) -> pl.DataFrame:
    """Lay rows out as columns."""
    flat = rows.reshape(len(rows), -1)
    return pl.DataFrame({f"x{i}": flat[:, i] for i in range(flat.shape[1])})


def assert_answers_alike(
    data: bytes, *, row: tuple[int, ...], n_rows: int = 5, whole: bool = False, atol: float = 1e-5
) -> RawNetwork:
    """Ask the model and the network that was read from it about the same rows, of whole numbers where asked for."""
    opened = HeldModel(load(data), batch_rows=1000)
    rng = np.random.default_rng(7)
    rows = (rng.integers(0, 3, (n_rows, *row)) if whole else rng.uniform(-2, 2, (n_rows, *row))).astype(np.float32)
    network = opened.network()
    assert network.input_shape == row
    shapes(network)
    scores = as_function(network)(torch.from_numpy(rows))
    answer = opened.predict(frame_of(rows))
    if network.link == "values":
        np.testing.assert_allclose(np.asarray(scores)[:, 0], answer.labels, rtol=1e-4, atol=atol)
    else:
        np.testing.assert_allclose(np.asarray(as_probabilities(scores, network.link)), answer.scores, atol=atol)
    return network


def assert_scores_alike(data: bytes, *, row: tuple[int, ...], whole: bool = False) -> RawNetwork:
    """Compare the numbers that come out, before anything is made of them."""
    rng = np.random.default_rng(7)
    rows = (rng.integers(0, 3, (4, *row)) if whole else rng.uniform(-2, 2, (4, *row))).astype(np.float32)
    network = HeldModel(load(data), batch_rows=1000).network()
    shapes(network)
    found = as_function(network)(torch.from_numpy(rows))
    session = onnxruntime.InferenceSession(data)
    parts = [rows] if session.get_inputs()[0].shape[0] != 1 else np.split(rows, len(rows))
    expected = np.concatenate([session.run(None, {"x": part})[0] for part in parts])
    np.testing.assert_allclose(np.asarray(found), expected.reshape(len(rows), -1), rtol=1e-4, atol=2e-5)
    return network
