"""Say, before anything is attacked, that a network is not asked as it should be: wrong scaling, wrong class order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from holdfast.auditing.matching import encode_target, match_predictions
from holdfast.auditing.subject import Facts, inputs_of
from holdfast.core.errors import InputError
from holdfast.core.subject import Model, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST = "Look at this first"
ASKED_ROWS = 2000
# a model that is asked rightly is doubted this seldom
LEVEL = 1e-3
# on fewer rows a network that is good for something may look as if it guessed
FEWEST = 100
# what is stated was measured on other rows: so much less is no contradiction
ALLOWED = 0.05
CAUSES = (
    "Usual reasons are inputs that are scaled otherwise than in training (0 to 255 instead of 0 to 1, no mean and "
    "deviation), channels or pixels in another order, and another order of the classes. Whatever is measured below is "
    "about the model as it was asked here."
)


def doubts(facts: Facts, test: Table, model: Model, *, stated: float | None) -> tuple[str, ...]:
    """Return what is wrong with the accuracy of a network on the test table; nothing where all is well.

    It is doubted when no more rows are right than chance alone would give, fewer than the stated accuracy allows
    (exact binomial tests), or fewer than with the classes in another order (Hoeffding's inequality over all orders).

    Raises
    ------
    InputError
        When the stated accuracy is no share.
    """
    from scipy.stats import binom

    if stated is not None and not 0 < stated <= 1:
        raise InputError(f"expected network.accuracy in (0, 1], got {stated}", hint="0.93 stands for 93 %")
    is_network = facts.info is not None and "gradients" in facts.info.capabilities
    if facts.task == "regression" or (not is_network and stated is None):
        return ()
    inputs = inputs_of(test, facts).head(ASKED_ROWS)
    found = match_predictions(model.predict(inputs), facts).labels.astype(int)
    truth = encode_target(test, facts.target or "", facts)[: found.size].astype(int)
    n, right = found.size, int((found == truth).sum())
    said = f"the network labels {right} of the first {n} test rows rightly ({right / n:.1%})"
    notes = []
    if stated is not None and binom.cdf(right, n, max(0.0, stated - ALLOWED)) < LEVEL:
        notes.append(f"{FIRST}: {said}, far less than the stated accuracy of {stated:.1%}. {CAUSES}")
    elif binom.cdf(right, n, 1 / len(facts.classes)) < LEVEL:
        notes.append(f"{FIRST}: {said}, fewer than guessing would. {CAUSES}")
    elif n >= FEWEST and binom.sf(right - 1, n, 1 / len(facts.classes)) > LEVEL:
        notes.append(f"{FIRST}: {said}, no more than guessing would. {CAUSES}")
    order = _better_order(truth, found, len(facts.classes))
    if order is not None:
        names = [facts.classes[place] for place in order]
        agreeing = int((order[found] == truth).sum())
        notes.append(
            f"{FIRST}: {said}; {agreeing} would be right if its outputs stood for the classes in the order "
            f"{names[:20]}. Is the order of the classes right?"
        )
    return tuple(notes)


def _better_order(truth: NDArray[np.int64], found: NDArray[np.int64], n_classes: int) -> NDArray[np.int64] | None:
    """Return the class that each output should stand for, where that agrees better than luck over all orders does."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (found, truth), 1)
    _, order = linear_sum_assignment(-counts)
    gained = int(counts[np.arange(n_classes), order].sum() - np.trace(counts))
    orders_log = math.lgamma(n_classes + 1)
    allowed = math.sqrt(2 * found.size * (orders_log - math.log(LEVEL)))
    return order if gained > allowed else None
