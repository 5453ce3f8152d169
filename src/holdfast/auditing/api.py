"""The Python interface: ``holdfast.audit`` and its result."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.adapters.models.opening import Trainer, TrustPickle
from holdfast.auditing.config import AuditConfig, load_config, override
from holdfast.auditing.folder import cache_for, prepare_folder, read_audit, write_audit
from holdfast.auditing.running import Observer, Options, check_jobs, run_audit
from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.finding import Finding
from holdfast.core.parse import from_mapping
from holdfast.core.record import Audit
from holdfast.evidence.entering import ledger_place


class Result:
    """A finished audit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> import holdfast as hf
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> y = (X[:, 0] + rng.normal(size=400) > 0).astype(int)
    >>> model = LogisticRegression().fit(X[:200], y[:200])
    >>> test = {"x0": X[200:, 0], "x1": X[200:, 1], "y": y[200:]}
    >>> import polars as pl
    >>> result = hf.audit(model, test=pl.DataFrame(test), target="y", check=["performance.predictive"])
    >>> result["performance.predictive"]["accuracy"].n
    200
    """

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self._by_id = {finding.check: finding for finding in audit.findings.findings}

    @property
    def decision(self) -> Decision:
        """The policy applied to the findings."""
        return self.audit.decision

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, whatever their state, sorted by check."""
        return self.audit.findings.findings

    @property
    def folder(self) -> Path:
        """Where the files of the audit are."""
        return Path(self.audit.folder)

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.folder / "report.html"

    def __getitem__(self, check: str) -> Finding:
        """Look a finding up by the id of its check."""
        if check not in self._by_id:
            raise KeyError(f"no finding of {check!r}; {did_you_mean(check, self._by_id)}")
        return self._by_id[check]

    def __repr__(self) -> str:
        return (
            f"<holdfast audit of {self.audit.findings.subject.name}: {self.decision.outcome}; {self.decision.summary}>"
        )

    def _repr_html_(self) -> str:
        from holdfast.reports.notebook import render_notebook_html

        return render_notebook_html(self.audit)


def audit(
    model: Any = None,
    *,
    test: Any = None,
    train: Any = None,
    target: str | None = None,
    population: Any = None,
    current: Any = None,
    decisions: Any = None,
    config: str | Path | Mapping[str, Any] | AuditConfig | None = None,
    deployment: Deployment | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    jobs: int = 1,
    ray: str = "",
    cache: str | Path | bool = True,
    trust_pickle: TrustPickle = False,
    allow_code: bool = False,
    trainer: Trainer | None = None,
    observer: Observer | None = None,
    ledger: str = "",
    **settings: Any,
) -> Result:
    """Evaluate a model and decide.

    Parameters
    ----------
    model
        A fitted scikit-learn estimator or pipeline, a LightGBM or XGBoost model, a PyTorch module (``network={...}``
        says what it does not say of itself), a function of an array or frame, or the path of a model file. ``None``
        with ``predictions=PATH``.
    test, train
        Tables: a path (CSV, Parquet, a folder of images, ``.npz``), a pandas, polars or pyarrow frame, or an array.
    target
        Name of the column with the true outcome.
    population
        A table that stands for the people the model is for, given like the others.
    current
        A table of what the model meets today, with or without outcomes, given like the others.
    decisions
        A frame that logs the decisions that were taken, in place of the table that the configuration names.
    config
        A ``holdfast.yaml`` or its parsed form; everything else given here overrides it.
    deployment
        Where and for whom the model runs.
    out
        Folder for the files; a temporary one that lives as long as the result otherwise.
    jobs
        Checks side by side; more than one needs a model file, because an object of this process does not travel.
    ray
        Address of a Ray cluster to run checks on; the same holds there.
    cache
        Where finished findings are kept for the next run; ``False`` keeps nothing.
    trust_pickle
        Whether a pickled model file is loaded, in a confined process, although its scan did not pass; ``"unconfined"``
        loads it also where the platform does not keep that process from the network.
    allow_code
        Whether the command of the model's training manifest may run again, as you and unconfined, to see whether it
        gives the same model; and whether the factory of a PyTorch network may run, in the model's process.
    trainer
        ``trainer(X, y, seed=...)``, with a polars frame of inputs and an array of outcomes, returns a model like
        ``model`` that was trained on them: for attacks that train copies of a model which cannot be fitted again by
        itself.
    ledger
        Ledger to enter the audit in; the one of this folder when there is one, ``"none"`` for none.
    settings
        Any other field of :class:`holdfast.auditing.config.AuditConfig`: ``policy``, ``seed``, ``check``, ...

    Raises
    ------
    InputError
        When something given cannot be used.
    """
    start = _start(config)
    given = {"model": model, "test": test, "train": train, "population": population, "current": current}
    paths, objects = _split(given)
    objects |= {"decisions": decisions} if decisions is not None else {}
    if trainer is not None and "model" not in objects:
        raise InputError("expected a trainer beside a model of this process", hint="give the model itself, not a path")
    objects |= {"trainer": trainer} if trainer else {}
    named = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    if isinstance(deployment, Mapping):
        deployment = from_mapping(Deployment, dict(deployment), source="deployment")
    chosen = override(start, {**named, **paths, "target": target, "deployment": deployment})
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="holdfast-audit-"))
    log = ledger_place(ledger)
    prepare_folder(folder, ledger=log)
    kept = None if cache is False else cache_for(folder) if cache is True else Path(cache)
    options = Options(
        jobs=check_jobs(jobs),
        ray=ray,
        cache=kept,
        trust_pickle=trust_pickle,
        allow_code=allow_code,
        command=("holdfast.audit",),
    )
    finished = run_audit(chosen, options, objects=objects, observer=observer)
    result = Result(write_audit(finished, folder, cache=kept, ledger=log))
    if out is None:
        weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
    return result


def load(folder: str | Path) -> Result:
    """Read a finished audit from its folder."""
    return Result(read_audit(Path(folder)))


def _start(config: str | Path | Mapping[str, Any] | AuditConfig | None) -> AuditConfig:
    if config is None or isinstance(config, AuditConfig):
        return config or AuditConfig()
    if isinstance(config, (str, Path)):
        return load_config(Path(config))
    return from_mapping(AuditConfig, config, source="config")


def _split(given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    paths = {name: str(value) for name, value in given.items() if isinstance(value, (str, Path))}
    return paths, {name: value for name, value in given.items() if value is not None and name not in paths}
