"""Compare what was read of a neural network with what the model itself answers, before anything is done with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from holdfast.core.errors import MissingExtra, NotRun
from holdfast.core.network import RawNetwork

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.auditing.subject import AuditSubject

COMPARED_ROWS = 64
# a large network takes memory for each row of a batch
AT_ONCE = 8
# single precision over many layers, summed in another order
TOLERANCE = 1e-3
# half precision; and whole numbers of few digits, which runtimes add with errors that differ from machine to machine
HALF_TOLERANCE, QUANTISED_TOLERANCE = 1e-2, 0.25
TO_HALF = (10, 16)
HINT = "the attacks that only ask for answers do not need it; please report the model's operators"


def confirm_network(network: RawNetwork, subject: AuditSubject) -> None:
    """Compute rows of the test table (of the training table without one) and compare them with the model's answers.

    Raises
    ------
    NotRun
        When labels or scores differ, saying by how much; when the network does not take the table's columns.
    MissingExtra
        Without torch.
    """
    import numpy as np

    from holdfast.adapters.models.columns import numeric_matrix
    from holdfast.auditing.subject import inputs_of

    table = subject.test or subject.train
    if table is None:
        raise NotRun("there are no rows to compare the network with the model on", hint="give --test")
    if len(subject.features) != math.prod(network.input_shape):
        raise NotRun(
            f"the network takes {math.prod(network.input_shape)} numbers for each row, the table has "
            f"{len(subject.features)} columns of inputs",
            hint="leave out columns that are no inputs: id, time, group or `ignore` in holdfast.yaml",
        )
    chosen = np.unique(np.linspace(0, table.frame.height - 1, COMPARED_ROWS).astype(int))
    rows = inputs_of(table, subject.facts)[chosen.tolist()]
    found = _answers(network, numeric_matrix(rows))
    answered, tolerance = subject.predict(rows), _tolerance(network)
    if subject.task == "regression":
        scale = max(1.0, float(np.abs(answered.labels).max()))
        _refuse_if_apart(
            np.abs(found[:, 0] - answered.labels) / scale, tolerance, what="values, as a share of the largest,"
        )
        return
    if network.link == "values" or found.shape[1] != len(subject.classes):
        raise NotRun(f"the network gives {found.shape[1]} {network.link} for {len(subject.classes)} classes", hint=HINT)
    if answered.scores is not None:
        _refuse_if_apart(np.abs(found - answered.scores).max(axis=1), tolerance, what="scores")
    best = np.sort(found, axis=1)
    is_clear = best[:, -1] - best[:, -2] > tolerance
    differ = np.flatnonzero(is_clear & (found.argmax(axis=1) != answered.labels))
    if differ.size:
        raise NotRun(
            f"the network as read labels {differ.size} of {chosen.size} rows otherwise than the model does", hint=HINT
        )


def _tolerance(network: RawNetwork) -> float:
    """How far scores may lie apart, by the arithmetic that the model computes in."""
    if "QuantizeLinear" in network.operators:
        return QUANTISED_TOLERANCE
    is_half = any(step.op == "Cast" and step.attributes["to"] in TO_HALF for step in network.steps)
    return HALF_TOLERANCE if is_half else TOLERANCE


def _answers(network: RawNetwork, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute probabilities, or values of a regression."""
    import numpy as np

    try:
        import torch
    except ImportError:
        raise MissingExtra("working with the gradients of a neural network", "torch") from None
    from holdfast.kernels.torch_networks.forward import NetworkError, as_function, as_probabilities, shapes

    try:
        shapes(network)
        with torch.no_grad():
            function = as_function(network)
            x = torch.tensor(rows.reshape(-1, *network.input_shape), dtype=torch.float32)
            scores = torch.cat([function(part) for part in x.split(AT_ONCE)])
            found = scores if network.link == "values" else as_probabilities(scores, network.link)
    except NetworkError as error:
        raise NotRun(f"the model cannot be differentiated: {error}", hint=HINT) from None
    return np.asarray(found, dtype=np.float64)


def _refuse_if_apart(distance: NDArray[np.float64], tolerance: float, *, what: str) -> None:
    import numpy as np

    distance = np.nan_to_num(distance, nan=np.inf)
    n_apart = int((distance > tolerance).sum())
    if n_apart:
        raise NotRun(
            f"the network as read does not answer as the model does: {what} differ by up to "
            f"{distance.max():.2g}, and by more than {tolerance:g} in {n_apart} of {distance.size} rows",
            hint=HINT,
        )
