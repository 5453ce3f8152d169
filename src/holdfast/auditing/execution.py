"""Run one check and make a finding of its outcome. What happens in here happens in a worker process, or in ours."""

from __future__ import annotations

import hashlib
import io
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING

from holdfast.auditing.catalogue import CheckEntry
from holdfast.auditing.context import RunContext
from holdfast.auditing.keys import library_versions
from holdfast.auditing.subject import AuditSubject
from holdfast.core.canonical import canonical_json
from holdfast.core.check import Measured, MeasureSpec, Outcome, Parameters
from holdfast.core.errors import (
    BudgetError,
    EndpointError,
    HoldfastError,
    InputError,
    ModelError,
    NotApplicable,
    NotRun,
    did_you_mean,
)
from holdfast.core.finding import Chart, Finding
from holdfast.core.measurement import Measurement

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A finding, its evidence files by name, and whether it may be reused.

    ``lost_endpoint`` says that it ended because the model's endpoint could not be asked.
    """

    finding: Finding
    files: Mapping[str, bytes] = field(default_factory=dict)
    reusable: bool = True
    lost_endpoint: bool = False


def execute(
    entry: CheckEntry, subject: AuditSubject, context: RunContext, parameters: Parameters, digests: Mapping[str, str]
) -> Completed:
    """Run one check; whatever it raises becomes the state of its finding."""
    asked_before = subject.queries
    blank = unmeasured(entry, "error", "not run yet", "-", parameters=parameters, seed=context.seed, digests=digests)
    try:
        outcome: Outcome = import_module(entry.module).run(subject.view(entry.spec), context, **parameters)
        finding, files = _finding(entry, outcome, blank)
        asked = subject.queries - asked_before
        work = {name: int(count) for name, count in outcome.work.items()} | ({"queries": asked} if asked else {})
        finding = replace(finding, work=work)
        canonical_json(finding)  # what cannot be written is this check's fault, and must not end the audit later
        is_whole = not (context.out_of_time() or outcome.lost_endpoint or outcome.is_timed)
        return Completed(finding=finding, files=files, reusable=is_whole, lost_endpoint=outcome.lost_endpoint)
    except NotApplicable as error:
        return Completed(
            finding=replace(blank, state="not_applicable", reason=error.message, needed=error.hint or "another subject")
        )
    except BudgetError as error:
        finding = replace(blank, state="not_run", reason=error.message, needed=error.hint or "give a larger --budget")
        return Completed(finding=finding, reusable=False)
    except NotRun as error:
        return Completed(
            finding=replace(blank, state="not_run", reason=error.message, needed=error.hint or "see the reason")
        )
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # one check's failure, sys.exit and panics of polars included, must not end the audit
        return failed(blank, error)


def unmeasured(
    entry: CheckEntry,
    state: str,
    reason: str,
    needed: str,
    *,
    parameters: Parameters | None = None,
    seed: int | None = None,
    digests: Mapping[str, str] | None = None,
) -> Finding:
    """Return the finding of a check that produced no numbers."""
    return Finding(
        check=entry.id,
        title=entry.title,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        needed=needed,
        evidence_codes=entry.spec.evidence_codes,
        parameters=dict(parameters or {}),
        seed=seed,
        digests=dict(digests or {}),
        versions=library_versions() if digests else {},
    )


def failed(blank: Finding, error: BaseException) -> Completed:
    """Return the finding of a check that raised; never reused, so that a mended cause is noticed."""
    text = "".join(traceback.format_exception(error))
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    reason = first_line if isinstance(error, HoldfastError) else f"{type(error).__name__}: {first_line}"
    reason = reason.encode("utf-8", "replace").decode("utf-8")
    whose = "ask the model the same rows yourself" if isinstance(error, ModelError) else "report a fault of Holdfast"
    needed = getattr(error, "hint", "") or f"read the traceback in the evidence; {whose}"
    finding = replace(
        blank,
        state="error",
        reason=reason[:500],
        needed=needed,
        evidence={"traceback": f"evidence/{blank.check}/traceback.txt"},
    )
    files = {"traceback.txt": text.encode("utf-8", "replace")}
    lost = isinstance(error, EndpointError)
    return Completed(finding=finding, files=files, reusable=False, lost_endpoint=lost)


def _finding(entry: CheckEntry, outcome: Outcome, blank: Finding) -> tuple[Finding, dict[str, bytes]]:
    if not outcome.measurements:
        raise ValueError(f"{entry.id} returned no measurement; a check that has none raises NotRun or NotApplicable")
    files = {f"{name}.parquet": parquet_bytes(table) for name, table in outcome.tables.items()}
    files |= {f"{name}.json": text.encode() for name, text in outcome.documents.items()}
    if twice := outcome.tables.keys() & outcome.documents.keys():
        raise ValueError(f"{entry.id} returned both a table and a document named {min(twice)!r}")
    for chart in outcome.charts:
        _require_columns(entry, chart, outcome)
    ids = [measured.id for measured in outcome.measurements]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"{entry.id} measured {repeated[0]!r} twice")
    finding = replace(
        blank,
        state="measured",
        reason=None,
        needed=None,
        measurements=tuple(qualified(entry, measured) for measured in outcome.measurements),
        evidence={name.partition(".")[0]: f"evidence/{entry.id}/{name}" for name in files},
        charts=outcome.charts,
        remediation=outcome.remediation,
        assumptions=outcome.assumptions,
        parameters={**blank.parameters, **outcome.parameters},
    )
    return finding, files


def _require_columns(entry: CheckEntry, chart: Chart, outcome: Outcome) -> None:
    if chart.table not in outcome.tables:
        raise ValueError(f"{entry.id} draws a chart of the table {chart.table!r}, which it did not return")
    columns = outcome.tables[chart.table].columns
    for name in (chart.x, chart.y, chart.low, chart.high, chart.series):
        if name and name not in columns:
            raise ValueError(f"{entry.id} draws the column {name!r}, which its table {chart.table!r} does not have")


def qualified(entry: CheckEntry, measured: Measured) -> Measurement:
    """Join a number with what the spec says about it."""
    spec = _measure_spec(entry, measured.id)
    interval = measured.interval
    return Measurement(
        id=f"{entry.id}.{measured.id}",
        name=spec.name if "*" not in spec.id else f"{spec.name}: {measured.id.split('.', 1)[-1]}",
        value=float(measured.value),
        low=_plain(interval.low) if interval else None,
        high=_plain(interval.high) if interval else None,
        level=float(interval.level) if interval else None,
        method=interval.method if interval else None,
        no_interval_reason=measured.no_interval_reason,
        exact=measured.exact,
        n=None if measured.n is None else int(measured.n),
        unit=spec.unit,
        direction=spec.direction,
        bound=measured.bound or spec.bound,
        plain=measured.plain,
    )


def _plain(end: float | None) -> float | None:
    return None if end is None else float(end)


def _measure_spec(entry: CheckEntry, measurement: str) -> MeasureSpec:
    for spec in entry.spec.measures:
        if fnmatchcase(measurement, spec.id):
            return spec
    known = [spec.id for spec in entry.spec.measures]
    raise InputError(
        f"{entry.id} measured {measurement!r}, which its SPEC does not name", hint=did_you_mean(measurement, known)
    )


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """Write a table as Parquet with settings that give the same bytes for the same table."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd", compression_level=3, statistics=False, row_group_size=1 << 20)
    return buffer.getvalue()


def seed_of(base: int, check: str) -> int:
    """Derive the seed of one check, so that its numbers do not depend on which other checks run."""
    return int.from_bytes(hashlib.sha256(f"{base}/{check}".encode()).digest()[:6], "big")
