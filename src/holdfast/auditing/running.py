"""Run a whole audit: prepare, run the checks in waves, finish."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from holdfast.adapters.models.opening import TrustPickle
from holdfast.auditing.catalogue import CheckEntry, catalogue
from holdfast.auditing.config import AuditConfig, validated
from holdfast.auditing.execution import Completed, seed_of, unmeasured
from holdfast.auditing.executors.local import one_by_one, side_by_side
from holdfast.auditing.inputs import read_inputs
from holdfast.auditing.jobs import Executor, Job, Setup
from holdfast.auditing.keys import finding_digests
from holdfast.auditing.planning import policy_limits, why_not
from holdfast.auditing.preparing import Prepared, prepare
from holdfast.auditing.recording import Finished, finish
from holdfast.auditing.store import Store, read_back
from holdfast.core.canonical import canonical_json, digest_of
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.record import Attempt, PlanItem
from holdfast.policy.presets import load_policy
from holdfast.policy.verdicts import judge


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
    """How to run; none of it may change a finding but ``allow_code``, which is part of what it depends on.

    Attributes
    ----------
    jobs
        Checks side by side.
    ray
        Address of a Ray cluster to run checks on; empty for this machine.
    cache
        Folder of the durable store, or ``None`` to keep nothing.
    trust_pickle
        Whether a pickled model is loaded, confined, although its scan did not pass; ``"unconfined"`` also where nothing
        keeps it from the network.
    allow_code
        Whether the command of the model's training manifest may run again.
    command
        The command line, for the record.
    """

    jobs: int = 1
    ray: str = ""
    cache: Path | None = None
    trust_pickle: TrustPickle = False
    allow_code: bool = False
    command: tuple[str, ...] = ()


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
    begin, clock = datetime.now(UTC), time.monotonic()
    config = validated(config)
    policy = load_policy(config.policy)
    # A rule about a check that does not exist is said before an hour of work, not after.
    judge(policy.rules, [unmeasured(entry, "not_run", "not run yet", "-") for entry in catalogue().values()])
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-") as folder,
        _open_store(options) as store,
        _cluster(options) as cluster,
    ):
        scratch = Path(folder)
        inputs = read_inputs(
            config,
            scratch=scratch,
            objects=objects or {},
            policy=policy,
            trust_pickle=options.trust_pickle,
            allow_code=options.allow_code,
        )
        prepared = prepare(config, policy, inputs, store)
        try:
            setup = _setup(prepared, options, store, scratch, clock)
            running = _Running(prepared, options, setup, store, observer or Silent(), cluster)
            running.run()
        finally:
            if prepared.model is not None and prepared.model.opened is not None:
                prepared.model.opened.close()
    return finish(
        prepared,
        running.completed,
        running.attempts,
        begin=begin,
        command=options.command,
        jobs=options.jobs,
        cancelled=running.cancelled,
    )


def _open_store(options: Options) -> AbstractContextManager[Store | None]:
    return closing(Store(options.cache / "store.sqlite")) if options.cache else nullcontext()


@contextmanager
def _cluster(options: Options) -> Iterator[Executor | None]:
    if not options.ray:
        yield None
        return
    from holdfast.auditing.executors.ray import connected, on_workers

    with connected(options.ray):
        yield on_workers


def _setup(prepared: Prepared, options: Options, store: Store | None, scratch: Path, clock: float) -> Setup:
    tables: dict[str, tuple[Path | bytes, str, str]] = {}
    for name, table in prepared.inputs.tables.items():
        path = scratch / f"{name}.arrow"
        table.frame.write_ipc(path, compression="uncompressed")
        tables[name] = (path, table.digest, table.source)
    return Setup(
        facts=prepared.facts,
        deployment=prepared.config.deployment,
        tables=tables,
        model=prepared.model,
        store=store.path if store else None,
        threads=max(1, (os.cpu_count() or 1) // max(1, options.jobs)),
        level=prepared.config.level,
        deadline=clock + prepared.budget_s if prepared.budget_s else None,
        run="" if prepared.inputs.has_content_digest else f"/{uuid4()}",
        artefacts=prepared.inputs.artefacts,
        provenance=prepared.inputs.provenance,
        signature=prepared.inputs.signature,
        materials=prepared.inputs.materials,
    )


class _Running:
    """The checks of one audit while they run: what is completed, and the attempts it took."""

    def __init__(
        self,
        prepared: Prepared,
        options: Options,
        setup: Setup,
        store: Store | None,
        observer: Observer,
        cluster: Executor | None,
    ) -> None:
        self.cluster = cluster
        self.prepared, self.options, self.setup, self.observer = prepared, options, setup, observer
        self.store = store if prepared.inputs.has_content_digest else None
        self.partials = store
        self.completed: dict[str, Completed] = {}
        self.attempts: list[Attempt] = []
        self.cancelled = False

    def run(self) -> None:
        """Run all waves; when the user cancels, what is finished stays."""
        self.observer.planned(self.prepared.plan)
        try:
            for wave in self._waves():
                jobs = [job for check in wave if (job := self._job(self.prepared.entries[check])) is not None]
                self._run_wave(jobs)
                lost = [job for job in jobs if self.completed[job.entry.id].lost_endpoint]
                self._run_wave(lost)  # once more, from their partial results: an endpoint may have come back
                self._forget_partial(jobs)
        except KeyboardInterrupt:
            self.cancelled = True
        for check, entry in self.prepared.entries.items():
            if check not in self.completed:
                finding = unmeasured(entry, "not_run", "the run was cancelled", "run the same command again")
                self.completed[check] = Completed(finding=finding, reusable=False)

    def _run_wave(self, jobs: Sequence[Job]) -> None:
        together = [job for job in jobs if not job.entry.spec.alone]
        alone = [job for job in jobs if job.entry.spec.alone]
        for results in (self._together(together), self._alone(alone)):
            for job, completed, seconds in results:
                self._keep(job, completed, seconds)

    def _forget_partial(self, jobs: Sequence[Job]) -> None:
        """Drop what no later run may use, because the model may be another by then."""
        for job in jobs if self.setup.run else ():
            self.setup.cache.pop(f"partial:{self.setup.partial_key(job)}", None)
            if self.partials is not None:
                self.partials.drop("partial", self.setup.partial_key(job))

    def _waves(self) -> Iterator[list[str]]:
        """Group checks so that each wave reads only findings of earlier ones; timing checks come last in theirs."""
        entries = self.prepared.entries
        done: set[str] = set()
        waiting = [item.check for item in self.prepared.plan]
        while waiting:
            wave = [check for check in waiting if set(entries[check].spec.uses) & set(entries) <= done]
            yield wave
            done |= set(wave)
            waiting = [check for check in waiting if check not in done]

    def _job(self, entry: CheckEntry) -> Job | None:
        """Return the job of a check, or ``None`` when its finding is known without running it."""
        obstacle = why_not(entry, self.prepared.facts, self.prepared.offered, self.prepared.config)
        if obstacle is not None:
            finding = unmeasured(entry, *obstacle)
            self.completed[entry.id] = Completed(finding=finding)
            return None
        job = self._ready(entry)
        kept = self.store.get("finding", job.digests["key"]) if self.store else {}
        earlier = read_back(Finding, kept.pop("finding.json", None))
        if earlier is None:
            return job
        self._note(entry, Completed(finding=earlier, files=kept), 0.0, reused=True)
        return None

    def _ready(self, entry: CheckEntry) -> Job:
        prepared = self.prepared
        used = {check: self.completed[check].finding for check in entry.spec.uses if check in self.completed}
        parameters = {**entry.parameters, **prepared.config.parameters.get(entry.id, {})}
        thresholds = policy_limits(prepared.policy, entry)
        effort = dict(entry.spec.effort.get(prepared.effort, {}))
        seed = seed_of(prepared.seed, entry.id)
        digests = finding_digests(
            entry,
            subject=prepared.digests_for(entry),
            deployment=prepared.config.deployment,
            parameters=parameters,
            thresholds=thresholds,
            effort=effort,
            seed=seed,
            level=prepared.config.level,
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
            files={check: self.completed[check].files for check in used},
        )

    def _together(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Completed, float]]:
        travels = self.setup.model is None or self.setup.model.path is not None
        if travels and jobs and (self.cluster or (self.options.jobs > 1 and len(jobs) > 1)):
            model = replace(self.setup.model, opened=None) if self.setup.model else None
            setup = replace(self.setup, model=model, cache={})
            if self.cluster:
                return self.cluster(setup, jobs, started=self.observer.started)
            return side_by_side(setup, jobs, started=self.observer.started, processes=self.options.jobs)
        return self._alone(jobs)

    def _alone(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Completed, float]]:
        return one_by_one(self.setup, jobs, started=self.observer.started) if jobs else iter(())

    def _keep(self, job: Job, completed: Completed, seconds: float) -> None:
        if self.store and completed.reusable:
            body = {"finding.json": canonical_json(completed.finding), **completed.files}
            self.store.put("finding", job.digests["key"], body)
            self.store.drop("partial", self.setup.partial_key(job))
        self._note(job.entry, completed, seconds, reused=False)

    def _note(self, entry: CheckEntry, completed: Completed, seconds: float, *, reused: bool) -> None:
        self.completed[entry.id] = completed
        started = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        self.attempts.append(
            Attempt(
                check=entry.id,
                started=started,
                seconds=round(seconds, 3),
                reused=reused,
                outcome=completed.finding.state,
            )
        )
        self.observer.finished(completed.finding, seconds=seconds, reused=reused)


def default_cache(folder: Path | None = None) -> Path:
    """Return the folder of the store: ``$HOLDFAST_CACHE``, else ``.holdfast`` in the working folder."""
    named = os.environ.get("HOLDFAST_CACHE")
    return Path(named) if named else (folder or Path.cwd()) / ".holdfast"


def check_jobs(jobs: int) -> int:
    """Return the number of processes to use; 0 asks for one per core."""
    if not isinstance(jobs, int) or jobs < 0:
        raise InputError(f"expected 0 (one per core) or more jobs, got {jobs!r}")
    return jobs or os.cpu_count() or 1
