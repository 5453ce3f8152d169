"""The detector that users of river know, beside ours, where they have installed it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def adwin_rows(is_wrong: NDArray[np.float64]) -> list[int] | None:
    """Return the rows at which river's ADWIN, at its defaults, sees a change; ``None`` where river is not installed.

    References
    ----------
    Bifet, A. and Gavaldà, R. (2007). Learning from time-changing data with adaptive windowing. SIAM Data Mining.
    """
    if find_spec("river") is None:
        return None
    from river.drift import ADWIN

    detector, rows = ADWIN(), []
    for row, wrong in enumerate(is_wrong.tolist()):
        detector.update(wrong)
        if detector.drift_detected:
            rows.append(row)
    return rows
