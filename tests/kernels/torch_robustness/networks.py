"""Networks whose closest flips are known, and hostile ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def linear(seed: int, *, n_features: int, n_classes: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """A linear network in double precision, its weights (features by classes) and its intercept."""
    generator = np.random.default_rng(seed)
    W, b = generator.normal(size=(n_features, n_classes)), generator.normal(size=n_classes) / 4
    W -= W.mean(axis=0)
    weights, intercept = torch.as_tensor(W), torch.as_tensor(b)
    return lambda x: x.to(weights).flatten(1) @ weights + intercept, W, b


def most_gained(w: np.ndarray, x: np.ndarray, low: float, high: float, eps: float, norm: str) -> float:
    """Largest rise of ``w . x`` by a move of at most `eps` that stays in the range (closed form)."""
    room = np.where(w > 0, high - x, x - low)
    if norm == "linf":
        return float(np.abs(w) @ np.minimum(room, eps))
    if norm == "l1":
        order = np.argsort(-np.abs(w))
        before = np.cumsum(room[order]) - room[order]
        return float(np.abs(w)[order] @ np.clip(eps - before, 0, room[order]))
    if np.linalg.norm(room) <= eps:
        return float(np.abs(w) @ room)
    below, above = 0.0, float((room / np.abs(w)).max())
    for _ in range(100):
        middle = (below + above) / 2
        below, above = (
            (middle, above) if np.linalg.norm(np.minimum(middle * np.abs(w), room)) < eps else (below, middle)
        )
    return float(np.abs(w) @ np.minimum(below * np.abs(w), room))


def slack(W: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray, eps: float, norm: str) -> np.ndarray:
    """How far above zero the margin to some other class can be brought; negative where no flip exists."""
    out = np.full(len(X), -np.inf)
    for i, x in enumerate(X):
        for t in set(range(W.shape[1])) - {int(y[i])}:
            w = W[:, t] - W[:, y[i]]
            out[i] = max(out[i], w @ x + b[t] - b[y[i]] + most_gained(w, x, 0, 1, eps, norm))
    return out


def small_cnn(seed: int, *, size: int = 8, n_classes: int = 4) -> Any:
    """An untrained convolutional network on one channel."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * (size // 2) ** 2, n_classes),
    ).eval()
