"""A small drawing of one interval on a scale: a whisker, a dot, and a tick at the threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.core.measurement import Measurement
from holdfast.reports.text import format_exact

WIDTH = 120
HEIGHT = 16
EDGE = 5
SHARE_SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Both ends of a scale that several measurements of one unit share."""

    low: float
    high: float
    unit: str

    @property
    def words(self) -> str:
        """The ends, written out."""
        return f"{format_exact(self.low, self.unit)} … {format_exact(self.high, self.unit)}"

    def place(self, value: float) -> float:
        """Where a value falls, in the drawing's units."""
        inside = min(max(value, self.low), self.high)
        return round(EDGE + (WIDTH - 2 * EDGE) * (inside - self.low) / (self.high - self.low), 1)


def scales(measurements: Sequence[Measurement], limits: Iterable[tuple[str, float]] = ()) -> dict[str, Scale]:
    """Choose one scale per unit that holds every value, interval and threshold."""
    numbers: dict[str, list[float]] = {}
    for measurement in measurements:
        ends = (measurement.value, measurement.low, measurement.high)
        numbers.setdefault(measurement.unit, []).extend(end for end in ends if end is not None)
    for unit, limit in limits:
        numbers.setdefault(unit, []).append(limit)
    return {unit: _scale(unit, values) for unit, values in numbers.items()}


def interval_bar(measurement: Measurement, scale: Scale, limit: float | None = None) -> str:
    """Draw a measurement as an inline SVG; the numbers beside it say the same in text."""
    middle = HEIGHT / 2
    parts = [f'<path class="axis" d="M{EDGE} {middle:g}H{WIDTH - EDGE}"/>']
    if scale.low < 0 < scale.high:
        parts.append(f'<path class="axis" d="M{scale.place(0):g} 4V{HEIGHT - 4}"/>')
    if measurement.interval is not None:
        low = scale.low if measurement.low is None else measurement.low
        high = scale.high if measurement.high is None else measurement.high
        parts.append(f'<path class="range" d="M{scale.place(low):g} {middle:g}H{scale.place(high):g}"/>')
    parts.append(f'<circle class="dot" cx="{scale.place(measurement.value):g}" cy="{middle:g}" r="3.5"/>')
    if limit is not None:
        parts.append(f'<path class="limit" d="M{scale.place(limit):g} 1V{HEIGHT - 1}"/>')
    frame = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg class="bar" {frame} aria-hidden="true" focusable="false">{"".join(parts)}</svg>'


def _scale(unit: str, values: Sequence[float]) -> Scale:
    top, bottom = max(values), min(values)
    high = _round_up(top, unit)
    low = -_round_up(-bottom, unit) if bottom < 0 else 0.0
    return Scale(low, high if high > low else low + 1.0, unit)


def _round_up(value: float, unit: str) -> float:
    if value <= 0:
        return 0.0
    if unit == "share" and value <= 1:
        return next(end for end in SHARE_SCALES if end >= value)
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12))
