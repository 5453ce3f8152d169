"""A finished audit of the model that the run of ``manifests`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdfast.core.canonical import digest_bytes, digest_of
from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.record import Findings, SubjectCard, TableCard
from holdfast.evidence.bundled_inputs import BundledInputs
from holdfast.records.known import KnownAudit
from tests.records.manifests import CONTENT, MODEL

TEST = digest_bytes(b"rows of test")


def audit(*, model: str | None = MODEL, is_decided: bool = True, folder: str = "audit", **tables: str) -> KnownAudit:
    """An audit of a model on the tables given by name and digest; on those of the run otherwise."""
    given = tables or {"train": CONTENT, "test": TEST}
    subject: dict[str, Any] = {
        "name": "model.onnx", "task": "binary", "target": "y", "classes": (0, 1), "positive": 1, "features": ("a",),
        "model_format": "onnx", "model_description": "onnx", "capabilities": (), "deployment": Deployment(),
    }  # fmt: skip
    cards = {name: TableCard(rows=9, columns=2, digest=digest, source=f"{name}.csv") for name, digest in given.items()}
    findings = Findings(subject=SubjectCard(model_digest=model, tables=cards, **subject), findings=())
    digest = digest_of(findings)
    decision = Decision(
        outcome="pass", exit_code=0, policy="baseline", policy_digest=digest_bytes(b"policy"), date="2026-03-02",
        findings_digest=digest,
    )  # fmt: skip
    return KnownAudit(
        folder=Path(folder),
        findings=findings,
        digest=digest,
        decision=decision if is_decided else None,
        inputs=BundledInputs({}, "none"),
    )
