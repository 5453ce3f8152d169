"""Run a whole audit: inputs, plan, findings in waves, decision."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from holdfast import __version__
from holdfast.auditing.catalogue import CheckEntry, catalogue
from holdfast.auditing.config import AuditConfig, seconds_of, validated
from holdfast.auditing.execution import Completed, seed_of, unmeasured
from holdfast.auditing.executors.local import one_by_one, side_by_side
from holdfast.auditing.guessing import apply_guesses, guess_roles
from holdfast.auditing.inputs import Inputs, read_inputs
from holdfast.auditing.jobs import Job, ModelSource, Setup
from holdfast.auditing.keys import adapters_digest, finding_digests, library_versions
from holdfast.auditing.planning import available_needs, choose_effort, make_plan, why_not
from holdfast.auditing.settling import settle
from holdfast.auditing.store import Store
from holdfast.auditing.subject import Facts
from holdfast.core.canonical import canonical_json, digest_bytes, digest_of
from holdfast.core.check import Effort
from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.parse import from_json
from holdfast.core.record import Attempt, Findings, PlanItem, Run, SubjectCard, TableCard
from holdfast.policy.deciding import decide
from holdfast.policy.presets import load_policy
from holdfast.policy.rules import Policy
from holdfast.policy.verdicts import judge

GUESSED = {
    "sensitive": "protected attributes, going by their names",
    "immutable": "inputs that people cannot change, going by their names",
    "text": "free text, going by the cells",
}


class Observer(Protocol):
    """Hears what happens, for progress; does nothing to it."""

    def planned(self, plan: Sequence[PlanItem]) -> None: ...
    def started(self, check: str) -> None: ...
    def finished(self, finding: Finding, *, seconds: float, reused: bool) -> None: ...


class Silent:
    """An observer that says nothing."""

    def planned(self, plan: Sequence[PlanItem]) -> None:
        """Hear the plan."""

    def started(self, check: str) -> None:
        """Hear that a check starts."""

    def finished(self, finding: Finding, *, seconds: float, reused: bool) -> None:
        """Hear that a check is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run, none of which may change a finding.

    Attributes
    ----------
    jobs
        Checks side by side.
    cache
        Folder of the durable store, or ``None`` to keep nothing.
    trust_pickle
        Whether a pickled model may be loaded, confined.
    command
        The command line, for the record.
    """

    jobs: int = 1
    cache: Path | None = None
    trust_pickle: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished audit that is not written yet: what stands in the JSON files, and the evidence files by path."""

    findings: Findings
    decision: Decision
    run: Run
    evidence: Mapping[str, bytes]
    inputs: Inputs
    policy: Policy


@dataclass
class _Progress:
    """What is known so far; filled wave by wave."""

    completed: dict[str, Completed] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    cancelled: bool = False


def run_audit(
    config: AuditConfig, options: Options, *, objects: Mapping[str, Any] | None = None, observer: Observer | None = None
) -> Finished:
    """Run an audit.

    Parameters
    ----------
    config
        What to evaluate.
    options
        How to run.
    objects
        Model and tables as objects of this process; see :func:`holdfast.auditing.inputs.read_inputs`.
    observer
        Hears about progress.

    Raises
    ------
    InputError
        When the input cannot be used. A check that fails does not raise: it becomes an ``error`` finding.
    """
    begin = datetime.now(UTC)
    clock = time.monotonic()
    config = validated(config)
    policy = load_policy(config.policy)
    # A rule about a check that does not exist is said before an hour of work, not after.
    judge(policy.rules, [unmeasured(entry, "not_run", "not run yet", "-") for entry in catalogue().values()])
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder, _open_store(options) as store:
        scratch = Path(folder)
        inputs = read_inputs(config, scratch=scratch, objects=objects or {}, trust_pickle=options.trust_pickle)
        config, guesses = _with_guesses(config, inputs)
        facts, model = _settled(config, inputs, store)
        try:
            audit = _Audit(config, options, policy, inputs, facts, model, store, scratch, observer or Silent(), clock)
            progress = audit.run()
        finally:
            if model is not None and model.opened is not None:
                model.opened.close()
    return _finish(audit, progress, begin, guesses)


def _with_guesses(config: AuditConfig, inputs: Inputs) -> tuple[AuditConfig, tuple[str, ...]]:
    """Where the user described no deployment, guess the roles that change no input of the model, and say so."""
    if config.deployment != Deployment():
        return config, ()
    table = inputs.tables.get("test") or inputs.tables["train"]
    guesses = [guess for guess in guess_roles(table, target=config.target) if guess.role in GUESSED]
    deployment = apply_guesses(config.deployment, guesses, roles=tuple(GUESSED))
    columns = {role: [guess.column for guess in guesses if guess.role == role] for role in GUESSED}
    notes = [f"Taken to be {GUESSED[role]}: {', '.join(names)}." for role, names in columns.items() if names]
    return replace(config, deployment=deployment), tuple(notes)


def _open_store(options: Options) -> AbstractContextManager[Store | None]:
    return closing(Store(options.cache / "store.sqlite")) if options.cache else nullcontext()


def _settled(config: AuditConfig, inputs: Inputs, store: Store | None) -> tuple[Facts, ModelSource | None]:
    """Settle the subject, from the store when the same inputs were settled before: then no model is opened."""
    deployment = replace(config.deployment, ignore=(*config.deployment.ignore, *inputs.reserved))
    settings = (deployment, config.target, config.label_column, config.score_column)
    key = digest_of([dict(inputs.digests), settings, adapters_digest(), library_versions()])
    kept = store.get("settled", key).get("facts") if store and inputs.has_content_digest else None
    if kept is not None:
        return from_json(Facts, kept, source="the store"), inputs.model
    source = replace(inputs.model, opened=inputs.model.open()) if inputs.model else None
    tables = inputs.tables
    facts = settle(
        deployment,
        target=config.target,
        train=tables.get("train"),
        test=tables.get("test"),
        model=source.opened if source else None,
    )
    if store and inputs.has_content_digest:
        store.put("settled", key, {"facts": canonical_json(facts)})
    return facts, source


class _Audit:
    """One audit in progress: everything that the steps share."""

    def __init__(
        self,
        config: AuditConfig,
        options: Options,
        policy: Policy,
        inputs: Inputs,
        facts: Facts,
        model: ModelSource | None,
        store: Store | None,
        scratch: Path,
        observer: Observer,
        clock: float,
    ) -> None:
        self.config, self.options, self.policy, self.inputs, self.facts = config, options, policy, inputs, facts
        self.store, self.observer, self.clock = store, observer, clock
        self.budget_s = seconds_of(config.budget)
        self.offered = available_needs(facts, tables=inputs.tables, model_file=inputs.model_file is not None)
        chosen, why = choose_effort(config.deployment, budget_s=self.budget_s)
        self.effort: Effort = config.effort or chosen
        why = f"{config.effort} effort, as asked" if config.effort else why
        self.entries = catalogue()
        self.plan = make_plan(self.entries, facts, config, offered=self.offered, effort=self.effort, why=why)
        subject_digests = {**inputs.digests, "facts": _facts_digest(facts), "adapters": adapters_digest()}
        self.subject_digests = subject_digests
        self.seed = config.seed if config.seed is not None else _derived_seed(inputs, config)
        self.setup = self._setup(model, scratch)

    def _setup(self, model: ModelSource | None, scratch: Path) -> Setup:
        tables: dict[str, tuple[Path, str, str]] = {}
        for name, table in self.inputs.tables.items():
            path = scratch / f"{name}.arrow"
            table.frame.write_ipc(path, compression="uncompressed")
            tables[name] = (path, table.digest, table.source)
        return Setup(
            facts=self.facts,
            deployment=self.config.deployment,
            tables=tables,
            model=model,
            store=self.store.path if self.store else None,
            threads=max(1, (os.cpu_count() or 1) // max(1, self.options.jobs)),
            level=self.config.level,
            deadline=self.clock + self.budget_s if self.budget_s else None,
        )

    def run(self) -> _Progress:
        """Run all waves; when the user cancels, what is finished stays."""
        progress = _Progress()
        self.observer.planned(self.plan)
        try:
            for wave in self._waves():
                jobs = [job for check in wave if (job := self._job(self.entries[check], progress)) is not None]
                together = [job for job in jobs if not job.entry.spec.alone]
                alone = [job for job in jobs if job.entry.spec.alone]
                for results in (self._together(together), self._alone(alone)):
                    for job, completed, seconds in results:
                        self._keep(job, completed, seconds, progress)
        except KeyboardInterrupt:
            progress.cancelled = True
        for item in self.plan:
            if item.check not in progress.completed:
                finding = unmeasured(
                    self.entries[item.check], "not_run", "the run was cancelled", "run the same command again"
                )
                progress.completed[item.check] = Completed(finding=finding, reusable=False)
        return progress

    def _waves(self) -> Iterator[list[str]]:
        """Group checks so that each wave reads only findings of earlier ones; timing checks come last in theirs."""
        done: set[str] = set()
        waiting = [item.check for item in self.plan]
        while waiting:
            wave = [check for check in waiting if set(self.entries[check].spec.uses) & set(self.entries) <= done]
            yield wave
            done |= set(wave)
            waiting = [check for check in waiting if check not in done]

    def _job(self, entry: CheckEntry, progress: _Progress) -> Job | None:
        """Return the job of a check, or ``None`` when its finding is known without running it."""
        obstacle = why_not(entry, self.facts, self.offered, self.config)
        if obstacle is not None:
            finding = unmeasured(entry, *obstacle)
            progress.completed[entry.id] = Completed(finding=finding)
            return None
        job = self._prepared(entry, progress)
        kept = self.store.get("finding", job.digests["key"]) if self.store and self.inputs.has_content_digest else {}
        if "finding.json" not in kept:
            return job
        finding = from_json(Finding, kept.pop("finding.json"), source="the store")
        completed = Completed(finding=finding, files=kept)
        self._note(entry, completed, 0.0, progress, reused=True)
        return None

    def _prepared(self, entry: CheckEntry, progress: _Progress) -> Job:
        used = {check: progress.completed[check].finding for check in entry.spec.uses if check in progress.completed}
        parameters = {**entry.parameters, **self.config.parameters.get(entry.id, {})}
        thresholds = {
            rule.measurement: limit
            for rule in self.policy.rules
            if rule.measurement.startswith(f"{entry.id}.")
            and (limit := rule.max if rule.max is not None else rule.min) is not None
        }
        effort = dict(entry.spec.effort.get(self.effort, {}))
        seed = seed_of(self.seed, entry.id)
        digests = finding_digests(
            entry,
            subject=self.subject_digests,
            deployment=self.config.deployment,
            parameters=parameters,
            thresholds=thresholds,
            effort=effort,
            seed=seed,
            level=self.config.level,
            used={check: digest_of(finding) for check, finding in used.items()},
        )
        return Job(
            entry=entry,
            digests=digests,
            seed=seed,
            effort=effort,
            thresholds=thresholds,
            parameters=parameters,
            findings=used,
        )

    def _together(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Completed, float]]:
        travels = self.setup.model is None or self.setup.model.path is not None
        if self.options.jobs > 1 and len(jobs) > 1 and travels:
            model = replace(self.setup.model, opened=None) if self.setup.model else None
            setup = replace(self.setup, model=model)
            return side_by_side(setup, jobs, started=self.observer.started, processes=self.options.jobs)
        return self._alone(jobs)

    def _alone(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Completed, float]]:
        return one_by_one(self.setup, jobs, started=self.observer.started) if jobs else iter(())

    def _keep(self, job: Job, completed: Completed, seconds: float, progress: _Progress) -> None:
        if self.store and completed.reusable and self.inputs.has_content_digest:
            body = {"finding.json": canonical_json(completed.finding), **completed.files}
            self.store.put("finding", job.digests["key"], body)
            self.store.drop("partial", job.digests["key"])
        self._note(job.entry, completed, seconds, progress, reused=False)

    def _note(
        self, entry: CheckEntry, completed: Completed, seconds: float, progress: _Progress, *, reused: bool
    ) -> None:
        progress.completed[entry.id] = completed
        started = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        progress.attempts.append(
            Attempt(
                check=entry.id,
                started=started,
                seconds=round(seconds, 3),
                reused=reused,
                outcome=completed.finding.state,
            )
        )
        self.observer.finished(completed.finding, seconds=seconds, reused=reused)


def _facts_digest(facts: Facts) -> str:
    """Digest what was settled, without what a clock or the machine said while the model was loaded."""
    if facts.info is not None:
        facts = replace(facts, info=replace(facts.info, load_s=None, memory_mb=None, confinement={}))
    return digest_of(facts)


def _derived_seed(inputs: Inputs, config: AuditConfig) -> int:
    """Derive the seed from the inputs, so that nobody shops for a lucky one."""
    digest = digest_bytes(canonical_json([dict(inputs.digests), config.target]))
    return int(digest.removeprefix("sha256:")[:12], 16)


def subject_card(audit: _Audit, guesses: Sequence[str]) -> SubjectCard:
    """Describe the subject for ``findings.json``."""
    facts, inputs = audit.facts, audit.inputs
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
        deployment=audit.config.deployment,
        assumptions=(*facts.assumptions, *guesses),
    )


def _finish(audit: _Audit, progress: _Progress, begin: datetime, guesses: Sequence[str]) -> Finished:
    completed = [progress.completed[check] for check in sorted(progress.completed)]
    findings = Findings(subject=subject_card(audit, guesses), findings=tuple(item.finding for item in completed))
    decision = decide(audit.policy, findings, today=date.today())
    end = datetime.now(UTC)
    info = audit.facts.info
    run = Run(
        started=begin.isoformat(timespec="milliseconds"),
        finished=end.isoformat(timespec="milliseconds"),
        seconds=round((end - begin).total_seconds(), 3),
        command=audit.options.command,
        version=__version__,
        host=host(),
        confinement=dict(info.confinement) if info else {},
        seed=audit.seed,
        seed_derived=audit.config.seed is None,
        effort=audit.effort,
        budget_s=audit.budget_s,
        jobs=audit.options.jobs,
        plan=audit.plan,
        attempts=tuple(progress.attempts),
        cancelled=progress.cancelled,
    )
    evidence = {
        f"evidence/{item.finding.check}/{name}": body for item in completed for name, body in item.files.items()
    }
    return Finished(
        findings=findings, decision=decision, run=run, evidence=evidence, inputs=audit.inputs, policy=audit.policy
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


def default_cache(folder: Path | None = None) -> Path:
    """Return the folder of the store: ``$HOLDFAST_CACHE``, else ``.holdfast`` in the working folder."""
    named = os.environ.get("HOLDFAST_CACHE")
    return Path(named) if named else (folder or Path.cwd()) / ".holdfast"


def check_jobs(jobs: int) -> int:
    """Return the number of processes to use; 0 asks for one per core."""
    if jobs < 0:
        raise InputError(f"expected 0 (one per core) or more jobs, got {jobs}")
    return jobs or os.cpu_count() or 1
