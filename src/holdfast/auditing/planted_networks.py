"""Faults of a neural network that knows people by their pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdfast.auditing.credit import Twin
from holdfast.core.deployment import Deployment

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Images = NDArray[np.float64]

SIDE, PEOPLE = 16, 30
TRAINED_ON, OTHERS = 2, 8
TARGET = "person"
# Of the pictures that the network of others was trained on.
OF_OTHERS = 20_261
DEPLOYMENT = Deployment(
    purpose="open a door to those who work behind it",
    affected="employees",
    task="multiclass",
    modality="image",
    sensitivity="internal",
    image_shape=(1, SIDE, SIDE),
)


def pictures_twin(seed: int) -> Twin:
    """Draw people as glyphs, two training pictures of each, and a network trained on as many other pictures of them.

    So the network is as good as one trained on the training table, and can have nothing to give away about its rows.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    people = np.stack([_strokes(rng, 3) for _ in range(PEOPLE)])
    train, test, others = (_table(people, rng, each) for each in (TRAINED_ON, OTHERS, TRAINED_ON))
    return Twin(train, test, _trained(others, seed), target=TARGET, deployment=DEPLOYMENT)


def pictures_by_heart(twin: Twin) -> Twin:
    """Train the network on the training pictures until it knows them by heart."""
    return replace(twin, model=_trained(twin.train, 0))


def _table(people: Images, rng: np.random.Generator, each: int) -> pl.DataFrame:
    """Draw pictures: the glyph of a person, moved, of some strength, crossed by a stroke of the moment, with noise."""
    import numpy as np
    import polars as pl
    from scipy.ndimage import shift

    lines = []
    for person, glyph in enumerate(people):
        for _ in range(each):
            seen = np.maximum(shift(glyph, rng.uniform(-1, 1, 2), order=1), _strokes(rng, 1)) * rng.uniform(0.7, 1.0)
            lines.append((person, *np.clip(seen + rng.normal(0, 0.05, seen.shape), 0, 1).ravel().round(3).tolist()))
    return pl.DataFrame(lines, schema=[TARGET, *(f"p{at}" for at in range(SIDE * SIDE))], orient="row")


def _strokes(rng: np.random.Generator, n: int) -> Images:
    """Draw curves of Bezier through three points each."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    picture, t = np.zeros((SIDE, SIDE)), np.linspace(0, 1, 40)[:, None]
    for _ in range(n):
        first, middle, last = rng.uniform(2, SIDE - 2, (3, 2))
        curve = (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last
        picture[tuple(curve.round().astype(int).T)] = 1
    return np.asarray(np.clip(1.8 * gaussian_filter(picture, 0.7), 0, 1))


def _trained(table: pl.DataFrame, seed: int) -> Any:
    """Train a network of one hidden layer far beyond the point where it knows its pictures."""
    import torch
    from torch import nn

    X = torch.tensor(table.drop(TARGET).to_numpy(), dtype=torch.float32)
    y = torch.tensor(table[TARGET].to_numpy())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, PEOPLE))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(X), y).backward()
        optimiser.step()
    return network.eval()
