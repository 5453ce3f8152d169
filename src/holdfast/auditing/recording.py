"""What is said of a finished run: the subject, the decision, the record of the run."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from holdfast import __version__
from holdfast.auditing.execution import Completed
from holdfast.auditing.inputs import Inputs
from holdfast.auditing.preparing import Prepared
from holdfast.core.decision import Decision
from holdfast.core.record import Attempt, Findings, Run, SubjectCard, TableCard
from holdfast.policy.deciding import decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished audit that is not written yet: what stands in the JSON files, and the evidence files by path."""

    findings: Findings
    decision: Decision
    run: Run
    evidence: Mapping[str, bytes]
    inputs: Inputs
    lost_endpoint: bool = False

    @property
    def exit_code(self) -> int:
        """That of the decision, unless it passed what was cut short."""
        is_whole = not (self.run.cancelled or self.lost_endpoint)
        return self.decision.exit_code or (0 if is_whole else 3)


def finish(
    prepared: Prepared,
    completed: Mapping[str, Completed],
    attempts: Sequence[Attempt],
    *,
    begin: datetime,
    command: tuple[str, ...],
    jobs: int,
    cancelled: bool,
) -> Finished:
    """Put findings, decision and the record of the run together."""
    in_order = [completed[check] for check in sorted(completed)]
    findings = Findings(subject=subject_card(prepared), findings=tuple(item.finding for item in in_order))
    lost = [check for check in sorted(completed) if completed[check].lost_endpoint]
    end = datetime.now(UTC)
    info = prepared.facts.info
    run = Run(
        started=begin.isoformat(timespec="milliseconds"),
        finished=end.isoformat(timespec="milliseconds"),
        seconds=round((end - begin).total_seconds(), 3),
        command=command,
        version=__version__,
        host=host(),
        confinement=dict(info.confinement) if info else {},
        seed=prepared.seed,
        seed_derived=prepared.config.seed is None,
        effort=prepared.effort,
        budget_s=prepared.budget_s,
        jobs=jobs,
        plan=prepared.plan,
        attempts=tuple(attempts),
        cancelled=cancelled,
        notes=(f"The endpoint stopped answering; not finished: {', '.join(lost)}.",) if lost else (),
    )
    return Finished(
        findings=findings,
        decision=decide(prepared.policy, findings, today=date.today()),
        run=run,
        evidence={
            f"evidence/{item.finding.check}/{name}": body for item in in_order for name, body in item.files.items()
        },
        inputs=prepared.inputs,
        lost_endpoint=bool(lost),
    )


def subject_card(prepared: Prepared) -> SubjectCard:
    """Describe the subject for ``findings.json``."""
    facts, inputs = prepared.facts, prepared.inputs
    tables = {
        name: TableCard(
            rows=table.frame.height, columns=table.frame.width, digest=table.digest, source=Path(table.source).name
        )
        for name, table in inputs.tables.items()
    }
    return SubjectCard(
        name=inputs.name,
        task=facts.task,
        target=facts.target,
        classes=facts.classes,
        positive=facts.classes[facts.positive] if facts.classes else None,
        features=facts.features,
        model_format=facts.info.format if facts.info else None,
        model_description=facts.info.description if facts.info else None,
        model_digest=inputs.digests.get("model"),
        capabilities=tuple(sorted(facts.info.capabilities)) if facts.info else (),
        tables=tables,
        deployment=prepared.config.deployment,
        assumptions=(*facts.assumptions, *inputs.notes, *prepared.guesses),
    )


def host() -> dict[str, str | int | float]:
    """Describe the machine, without naming it."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count() or 0,
        "python": sys.version.split()[0],
    }
