"""Train many networks of one architecture side by side, each on its own part of the records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from holdfast.kernels.torch_networks.forward import shapes
from holdfast.kernels.torch_privacy.batched_network import (
    Computed,
    Initial,
    Parameter,
    as_matrices,
    initial_weights,
    parameters_of,
    product_weights,
    side_by_side,
    steps_by_patches,
)
from holdfast.kernels.torch_robustness.moving_rows import Mover

if TYPE_CHECKING:
    from holdfast.core.network import NetworkLink, RawNetwork
    from holdfast.core.training import Adversary

Weights = dict[str, Tensor]
SMALLEST_PROBABILITY = 1e-12
CACHE_MB, FEWEST = 8, 8


class Recipe(NamedTuple):
    """How a network is trained.

    Attributes
    ----------
    epochs, batch_size
        Passes over the records, in a new random order each; the last batch of a pass may be smaller.
    learning_rate
        Constant.
    optimiser
        ``sgd`` or ``adam`` (with 0.9, 0.999 and 1e-8).
    momentum
        Of ``sgd``.
    weight_decay
        Times the weights, added to their gradients.
    initial
        How weights begin: see :func:`holdfast.kernels.torch_privacy.batched_network.initial_weights`.
    label_smoothing
        Share of each outcome that is spread over all classes, in [0, 1) (Szegedy et al. 2016, section 7).
    averaging
        The weights at the ends of this last share of the passes are averaged (Izmailov et al. 2018).
    adversary
        Moves the rows of every batch to where the network is worst, before it learns from them (Madry et al. 2018).
    """

    epochs: int
    learning_rate: float
    batch_size: int = 32
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    initial: Initial = "lecun"
    label_smoothing: float = 0.0
    averaging: float = 0.0
    adversary: Adversary | None = None


def train_side_by_side(
    network: RawNetwork,
    X: NDArray[np.float32],
    y: NDArray[np.int64] | NDArray[np.float64],
    is_in: NDArray[np.bool_],
    *,
    seeds: Sequence[int],
    recipe: Recipe,
    device: str = "cpu",
    most_mb: int = 1024,
) -> Iterator[RawNetwork]:
    """Train one network for each column of ``is_in``, from new random weights.

    Every network comes out as if it had been trained alone, but for rounding: its weights and the order of its records
    are drawn from its own seed, and no operation mixes networks.

    Parameters
    ----------
    network
        The architecture; of its weights nothing is used but their shapes.
    X : ndarray of float32, shape (n_records, *input_shape)
    y : ndarray, shape (n_records,)
        Classes as int64, or numbers for the link ``values``.
    is_in : ndarray of bool, shape (n_records, n_networks)
        Which records each is trained on, at least one.
    seeds : sequence of int, length n_networks
    recipe
        How.
    device
        ``cpu``, ``cuda``, …; start and orders are the same on each.
    most_mb
        As many networks are trained at once as this many megabytes hold, at least one.

    Yields
    ------
    RawNetwork
        In the order of the columns.

    Raises
    ------
    NetworkError
        When it is not known what training finds: see
        :func:`holdfast.kernels.torch_privacy.batched_network.parameters_of`.
    ValueError
        When the arrays do not fit each other, a network gets no record, or training diverges.

    Notes
    -----
    Losses are means over a batch: cross-entropy, or the squared error for the link ``values``. A network with fewer
    records than others sits out the last batches of a pass.

    Examples
    --------
    >>> from holdfast.core.network import RawNetwork, Step
    >>> line = RawNetwork(
    ...     steps=(Step(op="Gemm", inputs=("input", "W", "b"), output="z"),),
    ...     constants={"W": np.zeros((1, 2), np.float32), "b": np.zeros(2, np.float32)},
    ...     input_shape=(1,), output="z", link="logits",
    ... )
    >>> X, y = np.array([[-1.0], [1.0]], np.float32), np.array([0, 1])
    >>> recipe = Recipe(epochs=100, learning_rate=0.5)
    >>> trained = list(train_side_by_side(line, X, y, np.ones((2, 3), bool), seeds=[0, 1, 2], recipe=recipe))
    >>> [bool((each.constants["W"] @ [-1, 1] > 1).all()) for each in trained]
    [True, True, True]
    """
    _require_fitting(network, X, y, is_in, seeds)
    _require_sensible(network, recipe)
    parameters = parameters_of(network)
    n_networks = is_in.shape[1]
    most = networks_at_once(network, parameters, recipe, most_mb=most_mb, device=device)
    size = math.ceil(n_networks / math.ceil(n_networks / most))  # groups of one size
    forward = side_by_side(network, device=device)
    rows = torch.tensor(X, dtype=torch.float32, device=device)
    outcomes = torch.tensor(y, dtype=torch.int64 if y.dtype.kind == "i" else torch.float32, device=device)
    mover = Mover(recipe.adversary, network.input_shape, device=device) if recipe.adversary else None
    train = _Training(forward, product_weights(network), network.link, recipe, rows, outcomes, mover)
    for begin in range(0, n_networks, size):
        columns = np.arange(begin, min(begin + size, n_networks))
        # the largest first: those that still have records in a batch are then always the first ones
        ranked = columns[np.argsort(-is_in[:, columns].sum(axis=0), kind="stable")]
        starts = [np.random.default_rng([seeds[column], 0]) for column in ranked]
        begun = initial_weights(parameters, starts, rule=recipe.initial)
        weights = {name: torch.as_tensor(value, device=device) for name, value in begun.items()}
        for name in train.in_products:
            if weights[name].dim() == 3:
                # outputs before inputs in memory, as torch's layers have them: the product of gradients is faster so
                weights[name] = weights[name].mT.contiguous().mT
        members = [np.flatnonzero(is_in[:, column]) for column in ranked]
        train.run(weights, members, [np.random.default_rng([seeds[column], 1]) for column in ranked])
        found = {name: value.cpu().numpy() for name, value in weights.items()}
        _require_finite(found)
        for place in np.argsort(ranked):
            own = {name: value[place].copy() for name, value in found.items()}
            yield dataclasses.replace(network, constants={**network.constants, **own})


def networks_at_once(
    network: RawNetwork, parameters: Mapping[str, Parameter], recipe: Recipe, *, most_mb: int, device: str = "cpu"
) -> int:
    """Return how many networks are trained at once: as many as the memory holds, at least one.

    On a CPU no more than have their weights and what the optimiser keeps in its cache, which every step passes through;
    yet :data:`FEWEST`, so that calls do not cost more than the arithmetic.
    """
    weights = sum(math.prod(parameter.shape) for parameter in parameters.values())
    cells = sum(math.prod(shape) for shape in shapes(network).values()) + math.prod(network.input_shape)
    cells += sum(steps_by_patches(network).values())
    # weights, gradients and the state of the optimiser; results of a batch and their gradients
    states = (4 if recipe.optimiser == "adam" else 3) + (1 if recipe.averaging else 0)
    numbers = weights * states + (4 if recipe.adversary else 2) * recipe.batch_size * cells
    held = most_mb * 2**20 // (4 * numbers)
    cached = CACHE_MB * 2**20 // (4 * weights * (states - 1)) if device == "cpu" else held
    return max(1, min(held, max(cached, FEWEST)))


class _Gradient(NamedTuple):
    """A gradient, written out or as a product, still to be taken, of a layer's inputs with that by its outputs.

    Taken in place it saves a pass over memory as large as all weights, which costs as much as the arithmetic.
    """

    written: Tensor
    outer: Tensor | None = None

    def like(self, weights: Tensor) -> Tensor:
        """Write it out in the shape of the weights."""
        if self.outer is None:
            return self.written
        found = torch.empty_like(weights)
        self.add_to(found, keeping=0.0)
        return found

    def add_to(self, moving: Tensor, *, keeping: float) -> None:
        """Add to a moving sum of which a share is kept."""
        if self.outer is None:
            moving.mul_(keeping).add_(self.written)
        else:
            as_matrices(moving, len(self.outer)).mT.baddbmm_(self.outer.mT, self.written, beta=keeping)


@dataclasses.dataclass(frozen=True)
class _Training:
    """What all networks are trained with."""

    forward: Callable[[Mapping[str, Tensor], Tensor], Computed]
    in_products: frozenset[str]
    link: NetworkLink
    recipe: Recipe
    rows: Tensor
    outcomes: Tensor
    mover: Mover | None = None

    def run(self, weights: Weights, members: list[NDArray[np.int64]], rngs: list[np.random.Generator]) -> None:
        """Train networks in place; those with more records stand first."""
        optimiser = (_Sgd if self.recipe.optimiser == "sgd" else _Adam)(weights, self.recipe)
        sizes = np.array([len(each) for each in members])
        batches = list(self._batches(sizes))
        average = _Average(weights, math.ceil(self.recipe.averaging * self.recipe.epochs))
        width = min(self.recipe.batch_size, int(sizes[0]))
        room = self.rows.new_empty((sizes.size * width, *self.rows.shape[1:]))
        for epoch in range(self.recipe.epochs):
            order = np.zeros((sizes.size, sizes[0]), dtype=np.int64)
            for line, positions, rng in zip(order, members, rngs, strict=True):
                line[: positions.size] = positions[rng.permutation(positions.size)]
            placed = torch.as_tensor(order, device=self.rows.device)
            for begin, n_active, shares in batches:
                active = {name: value[:n_active] for name, value in weights.items()}
                batch = placed[:n_active, begin : begin + self.recipe.batch_size]
                taken = torch.index_select(self.rows, 0, batch.reshape(-1), out=room[: batch.numel()])
                x = taken.view(*batch.shape, *taken.shape[1:])
                if self.mover is not None:
                    left = np.clip(sizes[:n_active] - begin, 0, self.recipe.batch_size)
                    x = self._moved(self.mover, active, x, batch, left, rngs, epoch / self.recipe.epochs)
                optimiser.step(active, self._gradients(active, x, batch, shares))
            if epoch >= self.recipe.epochs - average.most:
                average.add(weights)
        average.put(weights)

    def _batches(self, sizes: NDArray[np.int64]) -> Iterator[tuple[int, int, Tensor]]:
        """Yield where each batch of a pass begins, how many networks have one, and what each record of it weighs.

        The first records of a batch are real, and their weights add up to 1 for each network.
        """
        for begin in range(0, int(sizes[0]), self.recipe.batch_size):
            left = np.clip(sizes - begin, 0, self.recipe.batch_size)
            left = left[left > 0]
            shares = (np.arange(left[0]) < left[:, None]) / left[:, None]
            yield begin, left.size, torch.tensor(shares.reshape(-1), dtype=torch.float32, device=self.rows.device)

    def _moved(
        self, mover: Mover, weights: Weights, x: Tensor, batch: Tensor, sizes: NDArray[np.int64],
        rngs: list[np.random.Generator], progress: float,
    ) -> Tensor:  # fmt: skip
        """Move the rows of a batch to where each network is worst."""
        outcomes = self.outcomes.index_select(0, batch.reshape(-1))
        uniform = np.zeros(x.shape)
        for line, size, rng in zip(uniform, sizes, rngs, strict=False):
            line[:size] = rng.random(line[:size].shape)

        def losses(rows: Tensor) -> Tensor:
            return _losses(self.link, self.forward(weights, rows.view_as(x)).scores.flatten(0, 1), outcomes)

        return mover.move(losses, x.flatten(0, 1), uniform.reshape(-1, *x.shape[2:]), progress=progress).view(x.shape)

    def _gradients(self, weights: Weights, x: Tensor, batch: Tensor, shares: Tensor) -> dict[str, _Gradient]:
        given = {
            name: value if name in self.in_products else value.detach().requires_grad_()
            for name, value in weights.items()
        }
        leaves = {name: value for name, value in given.items() if name not in self.in_products}
        scores, products = self.forward(given, x)
        outcomes = self.outcomes.index_select(0, batch.reshape(-1))
        losses = _losses(self.link, scores.flatten(0, 1), outcomes, smoothing=self.recipe.label_smoothing)
        wanted = [*[product.outputs for product in products], *leaves.values()]
        found: list[Tensor] = list(torch.autograd.grad((losses * shares).sum(), wanted))
        gradients = {name: _Gradient(gradient) for name, gradient in zip(leaves, found[len(products) :], strict=True)}
        for product, outer in zip(products, found, strict=False):
            gradients[product.names[0]] = _Gradient(product.inputs.detach(), outer)
            for bias in product.names[1:]:
                gradients[bias] = _Gradient(outer.sum(1).view_as(given[bias]))
        return gradients


def _losses(link: NetworkLink, scores: Tensor, outcomes: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the loss of each row; of smoothed outcomes, a share is spread over all classes."""
    if link == "logits":
        return F.cross_entropy(scores, outcomes, reduction="none", label_smoothing=smoothing)
    if link == "probabilities":
        logs = scores.clamp_min(SMALLEST_PROBABILITY).log()
        own = F.nll_loss(logs, outcomes, reduction="none")
        return own if not smoothing else (1 - smoothing) * own - smoothing * logs.mean(1)
    column, wanted = scores[:, 0], outcomes.to(scores.dtype)
    if link != "values":
        wanted = wanted * (1 - smoothing) + smoothing / 2
    if link == "sigmoid":
        return F.binary_cross_entropy_with_logits(column, wanted, reduction="none")
    if link == "probability":
        return F.binary_cross_entropy(column, wanted, reduction="none")
    return (column - wanted) ** 2


class _Average:
    """The mean of weights at the ends of several passes; of none, the weights stay as they are."""

    def __init__(self, weights: Weights, most: int) -> None:
        self.most, self._n = most, 0
        self._mean = {name: torch.zeros_like(value) for name, value in weights.items()} if most else {}

    def add(self, weights: Weights) -> None:
        self._n += 1
        for name, mean in self._mean.items():
            mean.lerp_(weights[name], 1.0 / self._n)

    def put(self, weights: Weights) -> None:
        for name, mean in self._mean.items():
            weights[name].copy_(mean)


class _Sgd:
    """Stochastic gradient descent with momentum, in place; gradients of fewer networks are those of the first ones."""

    def __init__(self, weights: Weights, recipe: Recipe) -> None:
        self._recipe = recipe
        self._moving = {name: torch.zeros_like(value) for name, value in weights.items()}

    def step(self, weights: Weights, gradients: Mapping[str, _Gradient]) -> None:
        for name, own in weights.items():
            velocity = self._moving[name][: len(own)]
            gradients[name].add_to(velocity, keeping=self._recipe.momentum)
            if self._recipe.weight_decay:
                velocity.add_(own, alpha=self._recipe.weight_decay)
            own.add_(velocity, alpha=-self._recipe.learning_rate)


class _Adam:
    """Kingma and Ba (2015), algorithm 1, in place; networks that sit out a batch do not count it."""

    def __init__(self, weights: Weights, recipe: Recipe) -> None:
        self._recipe = recipe
        self._first, self._second = ({name: torch.zeros_like(each) for name, each in weights.items()} for _ in range(2))
        self._counts = np.zeros(len(next(iter(weights.values()))))

    def step(self, weights: Weights, gradients: Mapping[str, _Gradient]) -> None:
        n_active = len(next(iter(weights.values())))
        self._counts[:n_active] += 1
        counts = self._counts[:n_active]
        rates = self._recipe.learning_rate / (1.0 - 0.9**counts)
        roots = np.sqrt(1.0 - 0.999**counts)
        for name, own in weights.items():
            gradient = gradients[name].like(own)
            if self._recipe.weight_decay:
                gradient = gradient.add(own, alpha=self._recipe.weight_decay)
            mean, square = self._first[name][:n_active], self._second[name][:n_active]
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            like = (n_active, *(1,) * (own.dim() - 1))
            rate, root = (
                torch.as_tensor(each.astype(np.float32).reshape(like)).to(own.device) for each in (rates, roots)
            )
            own.sub_(rate * mean / (square.sqrt() / root + 1e-8))


def _require_fitting(
    network: RawNetwork,
    X: NDArray[np.float32],
    y: NDArray[np.int64] | NDArray[np.float64],
    is_in: NDArray[np.bool_],
    seeds: Sequence[int],
) -> None:
    if X.shape[1:] != tuple(network.input_shape):
        raise ValueError(f"expected rows of the network's shape {tuple(network.input_shape)}, got {X.shape[1:]}")
    if is_in.ndim != 2 or is_in.dtype != np.bool_ or not len(X) == len(y) == len(is_in):
        raise ValueError(
            f"expected as many outcomes and lines of is_in (bool) as the {len(X)} rows, got {y.shape} and "
            f"{is_in.dtype} {is_in.shape}"
        )
    if len(seeds) != is_in.shape[1]:
        raise ValueError(f"expected a seed for each of {is_in.shape[1]} networks, got {len(seeds)}")
    if not is_in.any(axis=0).all():
        raise ValueError(f"network {int(np.argmin(is_in.any(axis=0)))} gets no record to be trained on")
    if network.link != "values":
        n_outputs = math.prod(shapes(network)[network.output])
        n_classes = max(n_outputs, 2)
        if y.dtype.kind != "i" or y.min() < 0 or y.max() >= n_classes:
            raise ValueError(
                f"expected classes from 0 to {n_classes - 1} as whole numbers, got {y.dtype} "
                f"from {y.min()} to {y.max()}"
            )


def _require_sensible(network: RawNetwork, recipe: Recipe) -> None:
    if not 0 <= recipe.label_smoothing < 1 or not 0 <= recipe.averaging <= 1:
        raise ValueError(
            f"expected shares in [0, 1) of label smoothing and in [0, 1] of averaging, got {recipe.label_smoothing} "
            f"and {recipe.averaging}"
        )
    if recipe.label_smoothing and network.link == "values":
        raise ValueError("label smoothing is for classes, and this is the network of a regression")


def _require_finite(weights: Mapping[str, NDArray[np.float32]]) -> None:
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise ValueError("training diverged: weights are no longer finite; give a smaller learning rate")
