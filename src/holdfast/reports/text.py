"""The words and the numbers that all reports share: how a value, an interval and a verdict are said."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from holdfast.core.check import Task
from holdfast.core.decision import Decision, DecisionKind, Verdict, VerdictKind
from holdfast.core.finding import Finding, State
from holdfast.core.measurement import Bound, Measurement

VERDICT_WORDS: dict[VerdictKind, str] = {
    "pass": "Pass",
    "fail": "Fail",
    "not_broken": "Not broken by the attacks tried",
    "inconclusive": "Inconclusive",
    "could_not_evaluate": "Could not evaluate",
    "not_applicable": "Not applicable",
    "waived": "Waived",
}
OUTCOME_WORDS: dict[DecisionKind, str] = {
    "pass": "Passed",
    "fail": "Failed",
    "inconclusive": "Inconclusive",
    "could_not_evaluate": "Could not evaluate",
}
STATE_WORDS: dict[State, str] = {
    "measured": "Measured",
    "not_applicable": "Not applicable",
    "not_run": "Not run",
    "error": "Stopped by an error",
}
BOUND_WORDS: dict[Bound, str] = {
    "estimate": "estimate",
    "lower": "the true risk is at least this",
    "upper": "the true risk is at most this",
}
TASK_WORDS: dict[Task, str] = {
    "binary": "Binary classification",
    "multiclass": "Multiclass classification",
    "regression": "Regression",
}
MOST_PLACES = {"share": 4}
LARGEST_GROWTH = 1000
# Controls, lone surrogates, line separators and bidirectional overrides: they break XML or reorder what one sees.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def printable(text: str) -> str:
    """Replace characters that break XML, or that reorder the text around them, by their visible code point.

    Examples
    --------
    >>> printable("a\\x00b")
    'a⟨U+0000⟩b'
    """
    return UNPRINTABLE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def shorten(text: str, length: int) -> str:
    """Cut the middle out of a long name, because names differ at both ends."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return f"{text[: length - 1 - tail].rstrip()}…{text[-tail:].lstrip()}"


def format_number(value: float, unit: str = "", *, beside: Iterable[float | None] = ()) -> str:
    """Write one number with its unit, with enough decimals to tell it from the numbers ``beside`` it.

    Examples
    --------
    >>> format_number(0.1234, "share"), format_number(12345, "rows"), format_number(3.14159, "ms")
    ('12.3 %', '12,345 rows', '3.14 ms')
    >>> format_number(0.05004, "share", beside=[0.05])
    '5.004 %'
    """
    places = _places([value, *beside], unit)
    return _with_unit(_digits(value, unit, places), unit)


def format_exact(number: float, unit: str = "") -> str:
    """Write a number that somebody chose, such as a threshold, without decimals that say nothing.

    Examples
    --------
    >>> format_exact(0.05, "share"), format_exact(2.5, "ms")
    ('5 %', '2.5 ms')
    """
    scaled = number * (100 if unit == "share" else 1)
    return _with_unit(f"{scaled:,.12g}" if abs(scaled) < 1e12 else f"{scaled:.3g}", unit)


def format_value(measurement: Measurement, *, limit: float | None = None) -> str:
    """Write the value of a measurement, as precise as its interval, and a limit beside it, ask for."""
    return format_number(measurement.value, measurement.unit, beside=(measurement.low, measurement.high, limit))


def format_interval(measurement: Measurement, *, limit: float | None = None) -> str:
    """Write the interval, for example ``10.1 to 14.6 %``; empty where there is none."""
    if measurement.interval is None:
        return ""
    return format_range(measurement.low, measurement.high, measurement.unit, beside=(measurement.value, limit))


def format_range(low: float | None, high: float | None, unit: str = "", *, beside: Iterable[float | None] = ()) -> str:
    """Write an interval whose ends may be open.

    Examples
    --------
    >>> format_range(0.101, 0.146, "share"), format_range(None, 5.0, "ms"), format_range(3.0, None)
    ('10.1 to 14.6 %', 'at most 5 ms', 'at least 3')
    """
    places = _places([low, high, *beside], unit)
    if low is None and high is None:
        return "unbounded"
    if low is None:
        return "at most " + _with_unit(_digits(high or 0.0, unit, places), unit)
    if high is None:
        return "at least " + _with_unit(_digits(low, unit, places), unit)
    return f"{_digits(low, unit, places)} to {_with_unit(_digits(high, unit, places), unit)}"


def format_estimate(measurement: Measurement, *, limit: float | None = None) -> str:
    """Write value and interval together: ``12.3 % (10.1 to 14.6 %)``."""
    interval = format_interval(measurement, limit=limit)
    return format_value(measurement, limit=limit) + (f" ({interval})" if interval else "")


def format_level(level: float) -> str:
    """Write a confidence level: ``95 %``."""
    return f"{100 * level:.6g} %"


def format_seconds(seconds: float) -> str:
    """Write a duration as a person would say it.

    Examples
    --------
    >>> format_seconds(0.0421), format_seconds(75.2), format_seconds(7325)
    ('42 ms', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def plain_sentence(measurement: Measurement) -> str:
    """Say a measurement to somebody who knows no statistics: the check's own words, else name, value and interval."""
    if measurement.plain:
        return measurement.plain
    level = measurement.level
    said = f"{measurement.name}: {format_estimate(measurement)}"
    if level is not None:
        return f"{said}, at {format_level(level)} confidence."
    return f"{said}; no interval, because {measurement.no_interval_reason}."


def limit_words(verdict: Verdict, unit: str) -> str:
    """Write the threshold of a rule: ``at most 5 %``."""
    word = "at most" if verdict.comparison == "max" else "at least"
    return f"{word} {format_exact(verdict.limit, unit)}"


def verdict_reason(verdict: Verdict) -> str:
    """Give the reason of a verdict; the policy's own sentence, or the rule of verdicts in words."""
    if verdict.reason:
        return verdict.reason
    return {
        "pass": "the whole interval is on the good side of the threshold",
        "fail": "the whole interval is on the bad side of the threshold",
        "not_broken": "the attacks tried did not cross the threshold; others might",
        "inconclusive": "the interval holds the threshold",
        "could_not_evaluate": "there is no number to compare",
        "not_applicable": "the question makes no sense for this subject",
        "waived": "accepted by a waiver",
    }[verdict.verdict]


def settling(verdict: Verdict, measurement: Measurement | None) -> str:
    """Say what would settle an inconclusive verdict, from the square-root law of interval widths."""
    growth = _growth(verdict)
    if growth is None or measurement is None or not measurement.n:
        return "More test rows would settle it."
    if growth > LARGEST_GROWTH:
        return "The value lies on the threshold: no amount of data in reach would settle it."
    needed = math.ceil(_two_digits(max(growth, 1.1) * measurement.n))
    return (
        "More test rows would settle it: if the value stays and the interval narrows with the square root of "
        f"their number, about {needed:,} instead of {measurement.n:,}."
    )


def outcome_sentence(decision: Decision) -> str:
    """Sum the decision up in one sentence; the policy's own words where it has some."""
    if decision.summary:
        return decision.summary
    if not decision.verdicts:
        return f"No rule of the policy {decision.policy} matched a measurement, so nothing was decided."
    counts = [(word, sum(v.verdict == kind for v in decision.verdicts)) for kind, word in VERDICT_WORDS.items()]
    told = ", ".join(f"{count} {word.lower()}" for word, count in counts if count)
    return f"Of {len(decision.verdicts)} rules in the policy {decision.policy}: {told}."


def measurements_by_id(findings: Sequence[Finding]) -> dict[str, Measurement]:
    """Index every measurement of an audit."""
    return {measurement.id: measurement for finding in findings for measurement in finding.measurements}


def join_words(words: Sequence[str], most: int) -> str:
    """List at most so many words and count the rest."""
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"


def _growth(verdict: Verdict) -> float | None:
    """How many times more data until the interval leaves the threshold; ``None`` without an end on that side."""
    if verdict.value is None:
        return None
    distance = abs(verdict.value - verdict.limit)
    end = verdict.low if verdict.value > verdict.limit else verdict.high
    if end is None:
        return None
    width = abs(end - verdict.value)
    return math.inf if distance <= width / math.sqrt(LARGEST_GROWTH) else (width / distance) ** 2


def _two_digits(number: float) -> float:
    unit = 10.0 ** max(math.floor(math.log10(number)) - 1, 0)
    return math.ceil(number / unit) * unit


def _places(numbers: Iterable[float | None], unit: str) -> int:
    """Decimals that tell apart the numbers which differ, within reason."""
    scale = 100.0 if unit == "share" else 1.0
    given = sorted({number * scale for number in numbers if number is not None})
    if not given:
        return 0
    least = 1 if unit == "share" else _least_places(given)
    most = max(MOST_PLACES.get(unit, least + 3), least)
    if unit == "share":  # 99.97 % must not read as 100 %
        given = sorted({*given, 0.0, 100.0})
    for places in range(least, most):
        if len({f"{number:.{places}f}" for number in given}) == len(given):
            return places
    return most


def _least_places(numbers: Sequence[float]) -> int:
    if all(number == round(number) and abs(number) < 1e15 for number in numbers):
        return 0
    largest = max(abs(number) for number in numbers)
    return min(max(2 - math.floor(math.log10(largest)), 0), 12)


def _digits(value: float, unit: str, places: int) -> str:
    if value == 0 and unit != "share":
        return "0"
    scaled = value * (100 if unit == "share" else 1)
    if abs(scaled) >= 1e15 or 0 < abs(scaled) < 1e-9:
        return f"{scaled:.3g}"
    written = f"{scaled:,.{places}f}"
    is_lost = scaled > 0 and not written.strip("0.")
    return (
        f"<{10**-places:.{places}f}" if is_lost else written.replace("-0", "0") if not written.strip("-0.") else written
    )


def _with_unit(digits: str, unit: str) -> str:
    if unit == "share":
        return f"{digits} %"
    return f"{digits} {unit}" if unit else digits
