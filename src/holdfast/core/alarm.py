"""What watching a stream found: which columns changed, when, and by how much."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAlarm:
    """One alarm.

    Attributes
    ----------
    column
        Name of the column; of the column of errors for the model's error rate.
    what
        What changed most clearly: ``location``, ``spread``, ``skew``, ``shoulders``, ``low tail``, ``high tail``,
        ``missing``, ``error rate``, or the level whose share changed.
    window, raised
        Window after which it was raised, and when that ended.
    since, since_low, since_high
        When the change most probably began, and the first and last likely time.
    since_window, since_low_window, since_high_window
        The windows of these.
    log10_evidence
        Decimal logarithm of the evidence when it was raised.
    size, low, high, level
        How large the change is, in the unit that `unit` says, with its interval; ``None`` where it cannot be told.
    unit, before, after
        What `size` is, and what is compared.
    """

    column: str
    what: str
    window: int
    raised: str
    since: str
    since_low: str
    since_high: str
    since_window: int
    since_low_window: int
    since_high_window: int
    log10_evidence: float
    unit: str
    size: float | None
    low: float | None
    high: float | None
    level: float
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedColumn:
    """One column that was watched.

    Attributes
    ----------
    name, kind
        ``numbers``, ``levels`` or ``errors``.
    log10_evidence
        After each window (``errors``: empty); an alarm is raised where it reaches the threshold.
    """

    name: str
    kind: str
    log10_evidence: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of the stream: when it begins and ends, and its rows."""

    begin: str
    end: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReport:
    """What was watched and what was found.

    Attributes
    ----------
    reference, current
        Where the tables came from.
    budget, windows_per_year
        Probability of any false alarm in so many windows, over everything that was watched.
    log10_threshold
        Evidence at which a column raises an alarm.
    windows, columns, alarms
        In order; alarms by time.
    not_watched
        Column and reason.
    assumptions, notes
        What the guarantee leans on; what was found about the input.
    """

    reference: str
    current: str
    budget: float
    windows_per_year: int
    log10_threshold: float
    windows: tuple[Window, ...]
    columns: tuple[WatchedColumn, ...]
    alarms: tuple[ColumnAlarm, ...]
    not_watched: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
