"""What travels to the place where a check runs: a setup once per process, then one job per check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from holdfast.auditing.catalogue import CheckEntry
from holdfast.auditing.context import MemoryStore, RunContext
from holdfast.auditing.execution import Completed, execute
from holdfast.auditing.journal import JournalledModel
from holdfast.auditing.store import Partial, Store
from holdfast.auditing.subject import AuditSubject, Facts
from holdfast.core.canonical import digest_bytes
from holdfast.core.context import PartialStore
from holdfast.core.deployment import Deployment
from holdfast.core.endpoint import Endpoint
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.materials import Bill
from holdfast.core.network import NetworkSettings, RawNetwork
from holdfast.core.provenance import Provenance
from holdfast.core.scan import ScannedFile
from holdfast.core.signature import SignatureRecord
from holdfast.core.subject import AS_IS, Model, ModelInfo, RawPredictions, RawTrees, Settings, Stored, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.opening import TrustPickle, Voucher


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """How to open the model: a private copy of the scanned bytes, an object of this process, or an endpoint.

    Attributes
    ----------
    path, name, digest
        The copy, the name of the user's file, the digest its content must have.
    content
        What the copy holds, for a process that cannot reach it.
    trust_pickle, vouched
        Whether the user forces a pickle to be loaded; what vouches for these bytes.
    opened
        A model that lives in this process; such a setup does not travel.
    address, endpoint, seed
        URL of an endpoint, how to ask it, and the seed of its waits. Its limits hold for the whole audit, so it does
        not travel either.
    row_shape
        Shape of one row of a neural network that does not state it.
    network, factory_source, allow_code
        What a PyTorch network does not say of itself, the file of its factory, and whether that may run.
    """

    path: Path | None = None
    name: str = ""
    digest: str = ""
    content: bytes | None = field(default=None, repr=False)
    trust_pickle: TrustPickle = False
    vouched: Voucher = ""
    opened: Model | None = None
    address: str = field(default="", repr=False)
    endpoint: Endpoint = field(default_factory=Endpoint, repr=False)
    seed: int = 0
    row_shape: tuple[int, ...] = ()
    network: NetworkSettings = field(default_factory=NetworkSettings)
    factory_source: bytes = field(default=b"", repr=False)
    allow_code: bool = False

    def open(self) -> Model:
        """Open the model in its confined child, from exactly the bytes that were digested, or connect to it."""
        if self.opened is not None:
            return self.opened
        if self.address:
            from holdfast.adapters.models.http import open_endpoint

            return open_endpoint(self.address, self.endpoint, seed=self.seed)
        from holdfast.adapters.models.opening import Limits, open_model

        if self.path is None:
            raise InputError("there is no model to open", hint="give --model")
        data = self.path.read_bytes() if self.content is None else self.content
        if digest_bytes(data) != self.digest:
            raise InputError(f"the private copy of {self.name} changed while the audit ran", hint="run the audit again")
        # One thread: a sum over trees or units must not depend on the number of cores.
        limits = Limits(threads=1)
        return open_model(
            data,
            name=self.name,
            digest=self.digest,
            trust_pickle=self.trust_pickle,
            vouched=self.vouched,
            row_shape=self.row_shape,
            network=self.network,
            factory_source=self.factory_source,
            allow_code=self.allow_code,
            limits=limits,
        )


class LazyModel:
    """A model that is opened when it is first asked; implements :class:`holdfast.core.subject.Model`."""

    def __init__(self, source: ModelSource, info: ModelInfo) -> None:
        self._source = source
        self._info = info
        self._model: Model | None = source.opened

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def queries(self) -> int:
        return self._model.queries if self._model else 0

    @property
    def queries_left(self) -> int | None:
        """How many rows the model may still be asked about."""
        left: int | None = getattr(self._opened(), "queries_left", None)
        return left

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a frame of inputs."""
        return self._opened().predict(X)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Model:
        """Train a fresh copy with the same settings."""
        return self._opened().refit(X, y, seed=seed, settings=settings)

    def trees(self) -> RawTrees:
        """Show its decision trees."""
        return self._opened().trees()

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what its trees are given."""
        return self._opened().features(X)

    def network(self) -> RawNetwork:
        """Show its operators and weights."""
        return self._opened().network()

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Show what it keeps of its training data."""
        return self._opened().stored(X)

    def close(self) -> None:
        """Let go of the process that was opened here."""
        if self._model is not None and self._model is not self._source.opened:
            self._model.close()
            self._model = None

    def _opened(self) -> Model:
        if self._model is None:
            self._model = self._source.open()
        return self._model


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every check of one audit shares.

    Attributes
    ----------
    tables
        Name to (Arrow IPC file, digest, source); read back by memory map. Or what the file holds instead of its path.
    store
        The store for partial results, or ``None``.
    run
        Name of this run, when partial results are of no use to another: the model has no content digest.
    cache
        What was computed about the subject and serves every check that runs in this process.
    artefacts
        What the scan says of the model's files.
    provenance
        What is recorded of where the model comes from.
    signature, materials
        What came of checking the model's signature; what the model is made of.
    threads
        Threads a check may use in ``ctx.map``; numerical libraries always use one, so that sums do not depend on it.
    """

    facts: Facts
    deployment: Deployment
    tables: Mapping[str, tuple[Path | bytes, str, str]]
    model: ModelSource | None
    store: Path | None
    threads: int
    level: float
    deadline: float | None
    artefacts: tuple[ScannedFile, ...] = ()
    provenance: Provenance | None = None
    signature: SignatureRecord | None = None
    materials: Bill | None = None
    run: str = ""
    cache: dict[str, Any] = field(default_factory=dict)

    def partial_key(self, job: Job) -> str:
        """Return the key under which partial results of a job are kept."""
        return job.digests["key"] + self.run

    def with_contents(self) -> Setup:
        """Return the setup with what its files hold, for processes that cannot reach them."""
        tables = {
            name: (file.read_bytes() if isinstance(file, Path) else file, digest, source)
            for name, (file, digest, source) in self.tables.items()
        }
        model = self.model
        if model is not None and model.path is not None and model.content is None:
            model = replace(model, content=model.path.read_bytes())
        return replace(self, tables=tables, model=model)

    def subject(self) -> AuditSubject:
        """Build the subject in the process at hand."""
        import polars as pl

        tables = {
            name: Table(name=name, frame=pl.scan_ipc(path).collect(), digest=digest, source=source)
            for name, (path, digest, source) in self.tables.items()
        }
        model = LazyModel(self.model, self.facts.info) if self.model and self.facts.info else None
        return AuditSubject(
            facts=self.facts,
            deployment=self.deployment,
            train=tables.get("train"),
            test=tables.get("test"),
            population=tables.get("population"),
            current=tables.get("current"),
            decisions=tables.get("decisions"),
            model=model,
            cache=self.cache,
            artefacts=self.artefacts,
            provenance=self.provenance,
            signature=self.signature,
            materials=self.materials,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One check to run."""

    entry: CheckEntry
    digests: Mapping[str, str]
    seed: int
    effort: Mapping[str, int]
    thresholds: Mapping[str, float]
    parameters: Mapping[str, Any]
    findings: Mapping[str, Finding] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)


class Executor(Protocol):
    """The seam for other places to run: a cluster fills it with the same signature."""

    def __call__(
        self, setup: Setup, jobs: Sequence[Job], *, started: Callable[[str], None]
    ) -> Iterator[tuple[Job, Completed, float]]:
        """Yield every job with its completed finding and the seconds it took, in any order."""


def run_job(job: Job, subject: AuditSubject, setup: Setup) -> Completed:
    """Run one job on a subject that is open in this process."""
    store = Store(setup.store) if setup.store else None
    key = setup.partial_key(job)
    partial: PartialStore = Partial(store, key) if store else setup.cache.setdefault(f"partial:{key}", MemoryStore())
    if subject.model is not None and subject.model.info.format == "endpoint" and not job.entry.spec.alone:
        subject = replace(subject, model=JournalledModel(subject.model, partial))
    context = RunContext(
        check=job.entry.id,
        seed=job.seed,
        level=setup.level,
        effort=job.effort,
        thresholds=job.thresholds,
        findings=job.findings,
        files=job.files,
        store=partial,
        threads=setup.threads,
        deadline=setup.deadline,
    )
    try:
        return execute(job.entry, subject, context, job.parameters, job.digests)
    finally:
        if store:
            store.close()
