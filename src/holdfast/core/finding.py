"""What one check found: measured numbers and the evidence beside them. No verdict, no rendering, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.core.measurement import Measurement

State = Literal["measured", "not_applicable", "not_run", "error"]
ChartKind = Literal["line", "points", "bars"]
FINDINGS_SCHEMA = "https://holdfast.dev/schema/findings/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture as data: which evidence table, which columns, how to read it. Rendering is the reports' business.

    Attributes
    ----------
    id, title, caption
        ``caption`` says in words what to see; it is the text alternative too.
    kind
        ``line``: y over a numeric or ordered x, with a band from ``low`` to ``high``, one line per ``series``.
        ``points``: one row per category in ``x``, a dot at ``y`` and a bar from ``low`` to ``high``; drawn sideways.
        ``bars``: one bar per ``x`` of height ``y``, grouped by ``series``.
    table
        Name of the evidence table that holds the numbers.
    x, y, low, high, series
        Column names in that table; ``low``, ``high`` and ``series`` may be empty.
    x_title, y_title
        Axis titles with units.
    reference
        A value of y to draw as a line (a target, a baseline), or ``None``.
    diagonal
        Whether to draw the line y = x.
    log
        Whether both axes of a line are logarithmic; points at 0 or below are not drawn, and a band ends at the smallest
        value drawn.
    """

    id: str
    title: str
    caption: str
    kind: ChartKind
    table: str
    x: str
    y: str
    low: str = ""
    high: str = ""
    series: str = ""
    x_title: str = ""
    y_title: str = ""
    reference: float | None = None
    diagonal: bool = False
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check on one subject.

    Attributes
    ----------
    check, title
        Id and title of the check.
    state
        ``measured``, or one of three ways not to have a number: ``not_applicable`` (the question makes no sense here),
        ``not_run`` (something is missing), ``error`` (it was tried and failed).
    reason, needed
        Required unless measured: why, and what would be needed.
    measurements
        The numbers.
    evidence
        Name to path relative to the audit folder: Parquet, JSON for what another program applies, text for a traceback.
    charts
        Pictures as data over the evidence tables.
    evidence_codes
        Codes of the evidence catalogue that this finding contributes to.
    remediation
        What to do about a bad number, in plain words.
    assumptions
        What the numbers lean on; limits of the method at this size.
    parameters
        Parameters the check ran with.
    seed
        Seed of its random generator.
    digests
        Digests of everything that went in; ``key`` is the digest of all of them, under which the finding is reused.
    work
        Work done: queries, points, models.
    versions
        Versions of the numerical libraries used.
    """

    check: str
    title: str
    state: State
    reason: str | None = None
    needed: str | None = None
    measurements: tuple[Measurement, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    evidence_codes: tuple[str, ...] = ()
    remediation: str = ""
    assumptions: tuple[str, ...] = ()
    parameters: Mapping[str, bool | int | float | str | tuple[str, ...] | None] = field(default_factory=dict)
    seed: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    work: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.state != "measured" and not (self.reason and self.needed):
            raise ValueError(f"expected a reason and what is needed for {self.check} in state {self.state!r}")

    def __getitem__(self, key: str) -> Measurement:
        """Look a measurement up by its short id (``"ece"``) or its whole one."""
        for measurement in self.measurements:
            if key in (measurement.key, measurement.id):
                return measurement
        from holdfast.core.errors import did_you_mean

        known = [measurement.key for measurement in self.measurements]
        raise KeyError(f"{self.check} has no measurement {key!r} (state: {self.state}); {did_you_mean(key, known)}")
