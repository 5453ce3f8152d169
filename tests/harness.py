"""Run one check on in-memory input, as the runner would, without planning, caching or writing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import polars as pl

from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.materials import Bill
from holdfast.core.provenance import Provenance
from holdfast.core.scan import ScannedFile
from holdfast.core.signature import SignatureRecord
from holdfast.core.subject import Model, ModelInfo, RawPredictions, Table


class SimpleModel:
    """A scikit-learn estimator or a function of a polars frame as a model, in this process."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.queries = 0
        classes = tuple(label.item() if hasattr(label, "item") else label for label in getattr(inner, "classes_", ()))
        kinds = {"scores", "labels"} if classes or not hasattr(inner, "predict") else {"values"}
        self.info = ModelInfo(
            format="sklearn",
            description=type(inner).__name__,
            capabilities=frozenset({*kinds, "query"}),
            classes=classes,
            inputs=tuple(getattr(inner, "feature_names_in_", ())),
        )

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        self.queries += X.height
        if not hasattr(self.inner, "predict"):
            answer = self.inner(X)
            return (
                RawPredictions(labels=answer, scores=None)
                if answer.ndim == 1
                else RawPredictions(labels=None, scores=answer)
            )
        data = X.to_pandas() if hasattr(self.inner, "feature_names_in_") else X.to_numpy()
        scores = self.inner.predict_proba(data) if hasattr(self.inner, "predict_proba") else None
        return RawPredictions(labels=self.inner.predict(data), scores=scores)

    def refit(self, X: pl.DataFrame, y: Any, *, seed: int) -> SimpleModel:
        from sklearn.base import clone

        return SimpleModel(clone(self.inner).fit(X.to_pandas(), y))

    def close(self) -> None:
        """Nothing to let go of."""


def subject_for(
    *,
    model: Any = None,
    train: pl.DataFrame | None = None,
    test: pl.DataFrame | None = None,
    target: str | None = None,
    deployment: Deployment | None = None,
    population: pl.DataFrame | None = None,
    current: pl.DataFrame | None = None,
    decisions: Table | None = None,
    artefacts: tuple[ScannedFile, ...] = (),
    provenance: Provenance | None = None,
    signature: SignatureRecord | None = None,
    materials: Bill | None = None,
) -> AuditSubject:
    deployment = deployment or Deployment()
    tables = {
        name: Table(name=name, frame=frame, digest=name)
        for name, frame in (("train", train), ("test", test), ("population", population), ("current", current))
        if frame is not None
    }
    wrapped: Model | None = model if model is None or isinstance(model, SimpleModel) else SimpleModel(model)
    facts = settle(deployment, target=target, train=tables.get("train"), test=tables.get("test"), model=wrapped)
    return AuditSubject(
        facts=facts,
        deployment=deployment,
        train=tables.get("train"),
        test=tables.get("test"),
        population=tables.get("population"),
        current=tables.get("current"),
        decisions=decisions,
        model=wrapped,
        artefacts=artefacts,
        provenance=provenance,
        signature=signature,
        materials=materials,
    )


def run_check(
    check: str,
    *,
    model: Any = None,
    train: pl.DataFrame | None = None,
    test: pl.DataFrame | None = None,
    target: str | None = None,
    deployment: Deployment | None = None,
    population: pl.DataFrame | None = None,
    current: pl.DataFrame | None = None,
    decisions: Table | None = None,
    artefacts: tuple[ScannedFile, ...] = (),
    provenance: Provenance | None = None,
    signature: SignatureRecord | None = None,
    materials: Bill | None = None,
    effort: str = "default",
    seed: int = 0,
    **parameters: Any,
) -> Outcome:
    entry = entry_for(check)
    subject = subject_for(
        model=model,
        train=train,
        test=test,
        target=target,
        deployment=deployment,
        population=population,
        current=current,
        decisions=decisions,
        artefacts=artefacts,
        provenance=provenance,
        signature=signature,
        materials=materials,
    )
    context = RunContext(check=check, seed=seed, effort=entry.spec.effort.get(effort, {}))  # type: ignore[call-overload]
    return import_module(entry.module).run(subject.view(entry.spec), context, **parameters)
