"""Ways of training a neural network that may make its answers harder to flip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from holdfast.core.training import Adversary
from holdfast.kernels.robustness.constraints import NumericLimits

if TYPE_CHECKING:
    from holdfast.core.subject import Settings
    from holdfast.kernels.robustness.limits import Rules

ADVERSARIAL = "adversarial training"
SMOOTHING = 0.1
AVERAGED = 0.5
DECAY = 0.005


def adversary_of(rules: Rules, names: tuple[str, ...]) -> Adversary | None:
    """Say how rows are moved in training, as the threat allows; nothing where no number may move, or by any distance.

    Parameters
    ----------
    rules
        What may change and how far.
    names
        The columns that the network is given, in its order. Categories and one-hot groups stay as they are.

    Examples
    --------
    >>> from holdfast.kernels.robustness.constraints import Budget
    >>> from holdfast.kernels.robustness.limits import Rules
    >>> rules = Rules({"a": NumericLimits(2.0, 0.0, 9.0, is_whole=False, cost=4.0)}, Budget(0.2, 1))
    >>> adversary = adversary_of(rules, ("a", "b"))
    >>> adversary.unit, adversary.high
    ((0.5, 0.0), (9.0, 0.0))
    """
    found = [rules.limits.get(name) for name in names]
    moving = [one if isinstance(one, NumericLimits) and not one.is_derived else None for one in found]
    if not any(moving) or not 0 < rules.budget.distance < math.inf:
        return None
    return Adversary(
        norm=rules.budget.norm,
        distance=rules.budget.distance,
        unit=tuple(one.scale / one.cost if one and one.cost > 0 else one.scale if one else 0.0 for one in moving),
        low=tuple(float(one.low) if one else 0.0 for one in moving),
        high=tuple(float(one.high) if one else 0.0 for one in moving),
        direction=tuple(one.direction if one else 0 for one in moving),
    )


def network_remedies(rules: Rules, names: tuple[str, ...]) -> list[tuple[str, str, tuple[Settings, ...]]]:
    """List remedies for a network: name, what it does, and the settings of its training.

    Parameters
    ----------
    rules, names
        As for :func:`adversary_of`.

    References
    ----------
    Madry, A. et al. (2018). Towards deep learning models resistant to adversarial attacks. ICLR.
    Szegedy, C. et al. (2016). Rethinking the Inception architecture for computer vision. CVPR, section 7.
    Izmailov, P. et al. (2018). Averaging weights leads to wider optima and better generalization. UAI.
    """
    found: list[tuple[str, str, tuple[Settings, ...]]] = [
        ("label smoothing", f"{SMOOTHING:g} of each outcome is spread over all classes",
         ({"label_smoothing": SMOOTHING},)),
        ("weight averaging", "the weights at the ends of the last half of the passes are averaged",
         ({"averaging": AVERAGED},)),
        ("weight decay", f"{DECAY:g} of the weights is added to their gradients", ({"weight_decay": DECAY},)),
    ]  # fmt: skip
    adversary = adversary_of(rules, names)
    if adversary is not None:
        what = (
            f"each batch is moved by up to {adversary.distance:g} units, {adversary.steps} steps up the loss, "
            "before the network learns from it"
        )
        found.insert(0, (ADVERSARIAL, what, ({"adversary": adversary},)))
    return found
