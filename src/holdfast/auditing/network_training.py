"""Train copies of a network by the recipe that the user states, many side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError, MissingExtra, ModelError, NotRun
from holdfast.core.subject import Model, ModelInfo, Settings
from holdfast.core.training import NetworkTraining

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.subject import AuditSubject

LIMITS = {
    "epochs": (1, 2**31),
    "batch_size": (1, 2**31),
    "learning_rate": (1e-12, 1e6),
    "momentum": (0.0, 1.0),
    "weight_decay": (0.0, 1e6),
    "label_smoothing": (0.0, 0.99),
    "averaging": (0.0, 1.0),
}


def _require_in_range(training: NetworkTraining) -> None:
    for name, (low, high) in LIMITS.items():
        value = getattr(training, name)
        if not low <= value <= high:
            raise InputError(f"training.{name} is {value}, expected a number from {low:g} to {high:g}")


def with_recipe(info: ModelInfo, model: Model, training: NetworkTraining) -> tuple[ModelInfo, NetworkTraining | None]:
    """Say what the recipe makes possible: copies are trained by it, or why not; then there is none.

    Raises
    ------
    InputError
        When a number of the recipe is out of range.
    """
    _require_in_range(training)
    reason = _obstacle(info, model)
    if reason:
        return replace(info, notes=(*info.notes, f"The stated training is not used: {reason}.")), None
    stated = ", ".join(f"{field.name} {getattr(training, field.name)}" for field in fields(training))
    note = f"Copies of the network are trained by the stated recipe ({stated}); nothing confirms that it was its own."
    return replace(info, capabilities=info.capabilities | {"refit"}, notes=(*info.notes, note)), training


def _obstacle(info: ModelInfo, model: Model) -> str:
    if "refit" in info.capabilities:
        return "the model can be trained again by itself"
    if "gradients" not in info.capabilities:
        return "the model is no neural network that can be read"
    if find_spec("torch") is None:
        return "the package torch is not installed (pip install 'holdfast[torch]')"
    from holdfast.kernels.torch_networks.forward import NetworkError
    from holdfast.kernels.torch_privacy.batched_network import parameters_of

    try:
        parameters_of(model.network())
    except (NotRun, ModelError, MissingExtra) as error:
        return error.message
    except NetworkError as error:
        return str(error)
    return ""


def trained_networks(
    subject: AuditSubject,
    X: pl.DataFrame,
    y: NDArray[np.int64] | NDArray[np.float64],
    parts: Sequence[NDArray[np.int64]],
    *,
    seeds: Sequence[int],
    settings: Settings,
) -> Iterator[Model]:
    """Train a copy of the subject's network on each part of the rows, as many at once as memory holds.

    Raises
    ------
    NotRun
        When the network is not what the model answers.
    ModelError
        When a setting is none of the recipe, a cell is missing, or training diverges.
    """
    import numpy as np

    from holdfast.adapters.models.opening import DEFAULT_LIMITS, HeldModel
    from holdfast.adapters.models.trained_network import TrainedNetwork, rows_of
    from holdfast.kernels.torch_networks.forward import NetworkError
    from holdfast.kernels.torch_privacy.shadow_training import Recipe, train_side_by_side

    assert subject.facts.training is not None
    recipe = {field.name: getattr(subject.facts.training, field.name) for field in fields(NetworkTraining)}
    if unknown := sorted(set(settings) - set(Recipe._fields)):
        raise ModelError(f"the training of a network has no setting {unknown[0]!r}")
    network = subject.network()
    is_in = np.zeros((X.height, len(parts)), dtype=bool)
    for column, rows in zip(is_in.T, parts, strict=True):
        column[rows] = True
    try:
        trained = train_side_by_side(
            network, rows_of(X, network), y, is_in, seeds=seeds, recipe=Recipe(**{**recipe, **settings})
        )
        for each in trained:
            yield HeldModel(TrainedNetwork(each), batch_rows=DEFAULT_LIMITS.batch_rows)
    except (NetworkError, ValueError) as error:
        raise ModelError(f"the network could not be trained: {error}") from None
