"""Networks trained side by side: as torch trains each alone, whatever stands beside them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from holdfast.core.network import NetworkLink, RawNetwork, Step
from holdfast.core.training import Adversary

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not trained side by side")

from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402  (needs torch)
from holdfast.kernels.torch_privacy.batched_network import (  # noqa: E402
    initial_weights,
    parameters_of,
    steps_by_patches,
)
from holdfast.kernels.torch_privacy.shadow_training import (  # noqa: E402
    Recipe,
    networks_at_once,
    train_side_by_side,
)

N = 37


def network(link: NetworkLink = "logits", n_outputs: int = 3, *, window: int = 2) -> RawNetwork:
    """A small convolutional network, with windows that overlap little (2) or much (3); its weights do not matter."""
    strides = (2, 2) if window == 2 else (1, 1)
    grouped = {"strides": strides, "pads": (1, 1, 1, 1), "group": 2}
    steps = [
        Step(op="Conv", inputs=("input", "W1", "b1"), output="c", attributes={"strides": (2, 2)}),
        Step(op="Relu", inputs=("c",), output="r"),
        Step(op="Conv", inputs=("r", "W3", "b3"), output="d", attributes=grouped),
        Step(op="Relu", inputs=("d",), output="e"),
        Step(op="Flatten", inputs=("e",), output="f"),
        Step(op="Gemm", inputs=("f", "W2", "b2"), output="z"),
    ]
    last = {"probabilities": "Softmax", "probability": "Sigmoid"}.get(link)
    if last:
        steps.append(Step(op=last, inputs=("z",), output="p"))
    shapes = {
        "W1": (4, 1, 2, 2), "b1": (4,), "W3": (4, 2, window, window), "b3": (4,), "W2": (16, n_outputs),
        "b2": (n_outputs,),
    }  # fmt: skip
    constants = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return RawNetwork(
        steps=tuple(steps), constants=constants, input_shape=(1, 4, 4), output=steps[-1].output, link=link
    )


def records(n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, N)
    return (rng.normal(size=(N, 1, 4, 4)) + y[:, None, None, None]).astype(np.float32), y


def unequal_halves() -> np.ndarray:
    """Networks of 15 to 23 of 37 records, so that passes end at different batches."""
    is_in = np.zeros((N, 5), dtype=bool)
    for column, size in enumerate((15, 23, 18, 17, 16)):
        is_in[np.random.default_rng(column).permutation(N)[:size], column] = True
    return is_in


def trained_by_torch(raw: RawNetwork, members: np.ndarray, seed: int, recipe: Recipe) -> dict[str, Any]:
    """Train one network alone with torch's own layers, optimisers and losses."""
    X, y = records()
    start = initial_weights(parameters_of(raw), [np.random.default_rng([seed, 0])], rule=recipe.initial)
    weights = {name: torch.tensor(value[0], requires_grad=True) for name, value in start.items()}
    settings = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    optimiser = (
        torch.optim.Adam(weights.values(), **settings)
        if recipe.optimiser == "adam"
        else torch.optim.SGD(weights.values(), momentum=recipe.momentum, **settings)
    )
    order, ends = np.random.default_rng([seed, 1]), []
    for _ in range(recipe.epochs):
        for batch in torch.as_tensor(members[order.permutation(members.size)]).split(recipe.batch_size):
            x = torch.as_tensor(X)[batch]
            hidden = torch.relu(torch.nn.functional.conv2d(x, weights["W1"], weights["b1"], stride=2))
            stride = 2 if weights["W3"].shape[-1] == 2 else 1
            hidden = torch.nn.functional.conv2d(hidden, weights["W3"], weights["b3"], stride, padding=1, groups=2)
            hidden = torch.relu(hidden).flatten(1)
            loss = torch.nn.functional.cross_entropy(
                hidden @ weights["W2"] + weights["b2"], torch.as_tensor(y)[batch],
                label_smoothing=recipe.label_smoothing,
            )  # fmt: skip
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        ends.append({name: value.detach().numpy().copy() for name, value in weights.items()})
    averaged = ends[-max(1, int(np.ceil(recipe.averaging * recipe.epochs))) :]
    return {name: np.mean([each[name] for each in averaged], axis=0) for name in weights}


@pytest.mark.parametrize(
    ("recipe", "window"),
    [
        (Recipe(epochs=4, learning_rate=0.05, batch_size=5, momentum=0.9, weight_decay=0.01), 2),
        (Recipe(epochs=4, learning_rate=0.05, batch_size=5, momentum=0.9), 3),
        (Recipe(epochs=4, learning_rate=0.02, batch_size=5, optimiser="adam", weight_decay=0.01, initial="glorot"), 2),
        (Recipe(epochs=5, learning_rate=0.05, batch_size=5, label_smoothing=0.2, averaging=0.5), 3),
    ],
)
def test_each_network_is_as_torch_trains_it_alone(recipe: Recipe, window: int) -> None:
    X, y = records()
    is_in, raw = unequal_halves(), network(window=window)
    assert ("d" in steps_by_patches(raw)) == (window == 2)

    together = list(train_side_by_side(raw, X, y, is_in, seeds=range(10, 15), recipe=recipe))

    for column, found in enumerate(together):
        alone = trained_by_torch(raw, np.flatnonzero(is_in[:, column]), 10 + column, recipe)
        for name, value in alone.items():
            np.testing.assert_allclose(found.constants[name], value, rtol=1e-4, atol=1e-5)


ADVERSARY = Adversary(norm="l2", distance=2.0, unit=(1.0,) * 16, low=(-9,) * 16, high=(9,) * 16, direction=(0,) * 16)


@pytest.mark.parametrize("adversary", [None, ADVERSARY])
def test_chunks_by_memory_change_nothing(adversary: Adversary | None) -> None:
    X, y = records()
    raw, recipe = network(), Recipe(epochs=2, learning_rate=0.05, batch_size=5, adversary=adversary)
    assert networks_at_once(raw, parameters_of(raw), recipe, most_mb=0) == 1
    assert networks_at_once(raw, parameters_of(raw), recipe, most_mb=1024) > 5
    large = network(n_outputs=100_000)
    at_once = partial(networks_at_once, large, parameters_of(large), recipe, most_mb=4096)
    assert at_once() == 8
    assert at_once(device="cuda") > 8

    both = [
        list(train_side_by_side(raw, X, y, unequal_halves(), seeds=range(5), recipe=recipe, most_mb=most_mb))
        for most_mb in (0, 1024)
    ]

    for one, other in zip(*both, strict=True):
        for name, value in one.constants.items():
            np.testing.assert_allclose(value, other.constants[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("link", "n_outputs", "n_classes"),
    [("logits", 3, 3), ("probabilities", 3, 3), ("sigmoid", 1, 2), ("probability", 1, 2), ("values", 1, 3)],
)
def test_what_separates_is_learnt_whatever_the_scores_are(link: NetworkLink, n_outputs: int, n_classes: int) -> None:
    X, y = records(n_classes)
    raw = network(link, n_outputs)
    outcomes = y.astype(np.float64) if link == "values" else y
    recipe = Recipe(epochs=25, learning_rate=0.05, batch_size=8, optimiser="adam")

    (found,) = train_side_by_side(raw, X, outcomes, np.ones((N, 1), bool), seeds=[1], recipe=recipe)

    scores = as_function(found)(torch.as_tensor(X)).numpy()
    column = scores[:, 0]
    guess = {"sigmoid": column > 0, "probability": column > 0.5, "values": np.rint(column)}
    assert np.mean(guess.get(link, scores.argmax(axis=1)) == y) > 0.9


@pytest.mark.parametrize(
    ("before", "after", "n_outputs"), [("logits", "probabilities", 3), ("sigmoid", "probability", 1)]
)
def test_smoothed_outcomes_teach_the_same_on_either_side_of_the_link(
    before: NetworkLink, after: NetworkLink, n_outputs: int
) -> None:
    X, y = records(max(n_outputs, 2))
    recipe = Recipe(epochs=5, learning_rate=0.05, batch_size=8, label_smoothing=0.2)
    (one,), (other,) = (
        train_side_by_side(network(link, n_outputs), X, y, np.ones((N, 1), bool), seeds=[1], recipe=recipe)
        for link in (before, after)
    )
    for name, value in one.constants.items():
        np.testing.assert_allclose(value, other.constants[name], rtol=1e-3, atol=1e-4)


def test_a_network_that_learnt_moved_rows_answers_moved_rows() -> None:
    """The first cell tells all but is moved away; fifteen others tell less and stay."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = (rng.normal(size=(200, 16)) + np.where(y, 0.5, -0.5)[:, None]).astype(np.float32)
    X[:, 0] = np.where(y, 1, -1)
    line = RawNetwork(
        steps=(Step(op="Gemm", inputs=("input", "W", "b"), output="z"),), input_shape=(16,), output="z", link="logits",
        constants={"W": np.zeros((16, 2), np.float32), "b": np.zeros(2, np.float32)},
    )  # fmt: skip
    adversary = replace(ADVERSARY, norm="linf", unit=(1.0,) + (0.0,) * 15)
    moved = X.copy()
    moved[:, 0] *= -1
    rightly = []
    for each in (None, adversary):
        recipe = Recipe(epochs=20, learning_rate=0.05, optimiser="adam", adversary=each)
        (found,) = train_side_by_side(line, X, y, np.ones((200, 1), bool), seeds=[0], recipe=recipe)
        rightly.append(np.mean(as_function(found)(torch.as_tensor(moved)).numpy().argmax(axis=1) == y))
    assert rightly[0] < 0.9
    assert rightly[1] > 0.95


def test_shares_and_smoothing_that_make_no_sense_are_refused() -> None:
    X, y = records()
    for link, change, message in (
        ("logits", {"label_smoothing": 1.0}, "label smoothing"), ("logits", {"averaging": 1.5}, "averaging"),
        ("values", {"label_smoothing": 0.1}, "of a regression"),
    ):  # fmt: skip
        recipe = Recipe(epochs=1, learning_rate=0.1)._replace(**change)
        with pytest.raises(ValueError, match=message):
            list(train_side_by_side(network(link, 3), X, y, unequal_halves(), seeds=range(5), recipe=recipe))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((N, 16), np.float32)}, r"network's shape \(1, 4, 4\), got \(16,\)"),
        ({"y": np.full(N, 3)}, "classes from 0 to 2"),
        ({"seeds": [1]}, "a seed for each of 5"),
        ({"is_in": np.zeros((N, 5), bool)}, "network 0 gets no record"),
        ({"is_in": np.zeros((N - 1, 5), bool)}, "lines of is_in"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], message: str) -> None:
    X, y = records()
    given = {"X": X, "y": y, "is_in": unequal_halves(), "seeds": range(5)} | change
    with pytest.raises(ValueError, match=message):
        list(train_side_by_side(network(), recipe=Recipe(epochs=1, learning_rate=0.1), **given))


def test_training_that_diverges_is_no_result() -> None:
    X, y = records()
    recipe = Recipe(epochs=30, learning_rate=1e30)
    with pytest.raises(ValueError, match="smaller learning rate"):
        list(train_side_by_side(network(), X, y, unequal_halves(), seeds=range(5), recipe=recipe))
