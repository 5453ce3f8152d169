"""How large a change is that raised an alarm, in words and numbers for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from holdfast.kernels.drift.effects import Effect
    from holdfast.kernels.drift.error_stream import RateChange

LEVEL = 0.95


def described_change(what: str, kind: str, before: Any, later: Sequence[Any]) -> dict[str, Any]:
    """Return unit, size, interval, and what is compared, for the fields of a ``ColumnAlarm``.

    Parameters
    ----------
    what, kind
        Bet and kind of the column.
    before
        Values of the reference.
    later
        Values from the first likely start of the change on, from the most probable one, and from the last likely one.
    """
    from holdfast.kernels.drift.effects import over_starts

    unit, measure = _number_effect(what, before) if kind == "numbers" else _level_effect(what, before)
    return {"unit": unit, **_fields(over_starts([measure(before, rows) for rows in later], 1))}


def described_rate(change: RateChange) -> dict[str, Any]:
    """Return the fields for a change of the rate of errors."""
    from holdfast.kernels.drift.effects import Effect

    return {
        "unit": "change of the share of wrong answers",
        **_fields(Effect(change.before, change.after, change.difference)),
    }


def _number_effect(what: str, before: Any) -> tuple[str, Any]:
    from holdfast.kernels.drift import effects

    match what:
        case "location":
            return "chance that a row is larger than one of the reference", effects.location_effect
        case "spread":
            return "chance that a row lies further from the reference's median", effects.spread_effect
        case "missing":
            return "change of the share of missing values", lambda old, new: _share(np.isnan(old), np.isnan(new))
        case "low tail" | "high tail":
            known = before[~np.isnan(before)]
            low = what == "low tail"
            edge = float(np.quantile(known, 0.01 if low else 0.99, method="lower")) if known.size else float("nan")
            words = f"change of the share {'below' if low else 'above'} {edge:.4g}"
            if low:
                return words, lambda old, new: _share(old < edge, new < edge)
            return words, lambda old, new: _share(old > edge, new > edge)
    return "largest difference of cumulative shares", effects.shape_effect


def _level_effect(what: str, before: Any) -> tuple[str, Any]:
    from holdfast.kernels.drift.sequential import MISSING, NEW, OTHER

    seen = set(before)
    if what in (NEW, OTHER):
        common = {repr(level) for level in seen}
        new = what == NEW
        words = (
            "change of the share of values that the reference lacks" if new else "change of the share of rare values"
        )
        if new:
            return words, lambda old, rows: _share(
                np.zeros(len(old), dtype=np.bool_), np.array([row is not None and row not in seen for row in rows])
            )
        frequent = _frequent(before, len(common))
        return words, lambda old, rows: _share(
            np.array([row is not None and row not in frequent for row in old]),
            np.array([row is not None and row in seen and row not in frequent for row in rows]),
        )
    if what == MISSING:
        return "change of the share of missing values", lambda old, rows: _share(
            np.array([row is None for row in old]), np.array([row is None for row in rows])
        )
    return f"change of the share of {what}", lambda old, rows: _share(
        np.array([repr(row) == what for row in old]), np.array([repr(row) == what for row in rows])
    )


def _frequent(before: Any, n: int) -> set[str]:
    from collections import Counter

    from holdfast.kernels.drift.sequential import MOST_LEVELS

    count = Counter(row for row in before if row is not None)
    return {level for level, _ in count.most_common(min(MOST_LEVELS, n))}


def _share(old: Any, new: Any) -> Effect:
    from holdfast.kernels.drift.effects import share_effect

    return share_effect(int(np.sum(old)), len(old), int(np.sum(new)), len(new), level=LEVEL)


def _fields(effect: Effect) -> dict[str, Any]:
    size = effect.size
    return {
        "size": _number(size.value),
        "low": _number(size.low),
        "high": _number(size.high),
        "level": LEVEL,
        "before": _number(effect.before),
        "after": _number(effect.after),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
