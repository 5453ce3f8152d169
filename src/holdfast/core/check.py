"""What a check says about itself, and what its function hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from holdfast.core.finding import Chart
from holdfast.core.measurement import Bound, Direction, Interval

if TYPE_CHECKING:
    import polars as pl

Need = Literal[
    "train",
    "test",
    "current",
    "decisions",
    "provenance",
    "target",
    "predictions",
    "scores",
    "query",
    "refit",
    "internals",
    "gradients",
    "model_file",
    "artefacts",
    "signature",
    "materials",
]
Task = Literal["binary", "multiclass", "regression"]
Effort = Literal["quick", "default", "thorough"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpec:
    """A measurement that a check may produce; ``id`` may end in ``.*`` for one per group or column."""

    id: str
    name: str
    unit: str
    direction: Direction
    bound: Bound = "estimate"
    range: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """The literal ``SPEC`` of a check file, read without importing it.

    Attributes
    ----------
    title, question
        The title, and the question it answers for the owner of a model.
    needs
        What must be there: tables (``train``, ``test``, ``current``), a ``target`` column, ``predictions`` (labels or
        values on the test table), ``scores`` (class probabilities), ``query`` (the model answers new inputs),
        ``refit``, ``internals`` (the model shows how it computes: as decision trees, or as the operators of a neural
        network), ``gradients`` (it does so as a network), ``model_file``, ``artefacts`` (the model's file, or files
        beside it, were scanned), ``decisions`` (a log of decisions that were taken), ``provenance`` (a training
        manifest of the model), ``signature`` (a signature or keys of signers were given), ``materials`` (a bill of
        materials or advisories were given).
    tasks
        Tasks it makes sense for.
    measures
        What it measures.
    uses
        Ids of checks whose findings it reads when they exist.
    reads
        Fields of the deployment that it reads; it cannot see others, and they are part of the key of its finding.
    thresholds
        Measurements whose limit in the policy it reads (``ctx.threshold``) to stop when that is settled; part of the
        key of its finding.
    evidence_codes, references
        Codes of the evidence catalogue; literature.
    cost
        Rough cost class.
    effort
        Work limits at each effort, by name (``points``, ``queries``, ``resamples``); read as ``ctx.effort``.
    alone
        Whether it measures time and so must run with nothing beside it.
    on_request
        Whether it takes so long that it runs only when it is named, or at thorough effort when that is asked for.
    """

    title: str
    question: str
    needs: tuple[Need, ...]
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    measures: tuple[MeasureSpec, ...]
    takes: tuple[Need, ...] = ()
    uses: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()
    evidence_codes: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    cost: Literal["light", "medium", "heavy"] = "light"
    effort: Mapping[Effort, Mapping[str, int]] = field(default_factory=dict)
    alone: bool = False
    on_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number as a check hands it back; name, unit, direction and bound come from the check's spec.

    Give either ``interval`` or ``no_interval_reason``; ``exact`` says that the number was counted over everything it
    speaks of.
    """

    id: str
    value: float
    interval: Interval | None = None
    no_interval_reason: str | None = None
    exact: bool = False
    n: int | None = None
    plain: str = ""
    bound: Bound | None = None


def counted(id: str, count: int, *, of: str, n: int, plain: str) -> Measured:
    """Return a number that was counted over all ``n`` things it speaks of, and so needs no interval.

    Parameters
    ----------
    of
        What was counted over, in words, such as ``the files given``.
    """
    reason = f"a complete count of {of}, not an estimate"
    return Measured(id=id, value=count, no_interval_reason=reason, exact=True, n=n, plain=plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What ``run`` of a check returns; the runner adds provenance and makes it a finding.

    Attributes
    ----------
    tables
        Evidence tables by name, written as Parquet. ``affected_rows`` (columns ``table``, ``row``, ``reason``) holds
        positions of rows in the user's own tables. No whole rows of personal data.
    documents
        Texts by name, written beside the tables as JSON: what another program applies. No rows of data.
    lost_endpoint
        Whether the model's endpoint stopped answering, so that the numbers are of what was finished until then.
    is_timed
        Whether the numbers depend on how fast the machine was, so that no later run may reuse them.
    parameters
        What was in force where that differs from the parameters that were given.
    """

    measurements: tuple[Measured, ...]
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    remediation: str = ""
    assumptions: tuple[str, ...] = ()
    work: Mapping[str, int] = field(default_factory=dict)
    lost_endpoint: bool = False
    is_timed: bool = False
    parameters: Mapping[str, float | str] = field(default_factory=dict)


Parameters = Mapping[str, Any]
