"""A finished audit as data: what reports, diffs and evidence read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.core.check import Effort, Task
from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.finding import FINDINGS_SCHEMA, Finding
from holdfast.core.subject import Label

RUN_SCHEMA = "https://holdfast.dev/schema/run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCard:
    """One table of the subject: size and digests, no rows."""

    rows: int
    columns: int
    digest: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectCard:
    """The subject as it stands in ``findings.json``."""

    name: str
    task: Task
    target: str | None
    classes: tuple[Label, ...]
    positive: Label | None
    features: tuple[str, ...]
    model_format: str | None
    model_description: str | None
    model_digest: str | None
    capabilities: tuple[str, ...]
    tables: Mapping[str, TableCard]
    deployment: Deployment
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The content of ``findings.json``."""

    subject: SubjectCard
    findings: tuple[Finding, ...]
    schema: str = FINDINGS_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """What the planner decided about one check, and what became of it."""

    check: str
    title: str
    action: Literal["run", "skip"]
    effort: Effort
    reason: str
    needed: str = ""
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of a check: when, how long, reused or computed."""

    check: str
    started: str
    seconds: float
    reused: bool
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The content of ``run.json``: everything that may differ between two runs with the same findings."""

    started: str
    finished: str
    seconds: float
    command: tuple[str, ...]
    version: str
    host: Mapping[str, str | int | float]
    confinement: Mapping[str, str]
    seed: int
    seed_derived: bool
    effort: Effort
    budget_s: float | None
    jobs: int
    plan: tuple[PlanItem, ...]
    attempts: tuple[Attempt, ...]
    cancelled: bool = False
    notes: tuple[str, ...] = field(default=())
    schema: str = RUN_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A finished audit; ``folder`` is where its evidence paths start."""

    findings: Findings
    decision: Decision
    run: Run
    folder: str
