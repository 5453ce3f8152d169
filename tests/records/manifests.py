"""A finished training run, and records of data sets, made up for tests."""

from __future__ import annotations

from typing import Any

from holdfast.core.canonical import digest_bytes
from holdfast.core.provenance import (
    Artefact,
    Code,
    ColumnRecord,
    DataRecord,
    DataStatement,
    Environment,
    FileState,
    Machine,
    TrainingManifest,
)
from holdfast.evidence.record_store import seal

TRAIN, CONTENT, MODEL = (digest_bytes(name.encode()) for name in ("train.csv", "rows of train", "model.onnx"))
EMPTY = FileState(kind="absent")


def file(digest: str, content: str | None = None) -> FileState:
    """State of a file of one kilobyte."""
    return FileState(kind="file", digest=digest, content=content, n_bytes=1024, n_files=1)


def manifest(**changes: Any) -> TrainingManifest:
    """A run that read ``train.csv`` and wrote ``model.onnx``."""
    usual: dict[str, Any] = {
        "run": "3b452093-782c-4ef2-9c0c-aafe2aa6f34d",
        "state": "finished",
        "command": ("python", "train.py"),
        "inputs": (Artefact(path="train.csv", before=file(TRAIN, CONTENT), after=file(TRAIN, CONTENT)),),
        "outputs": (Artefact(path="model.onnx", before=EMPTY, after=file(MODEL)),),
        "seeds": (7,),
        "code": Code(commit="a" * 40),
        "environment": Environment(implementation="CPython", python="3.11.7"),
        "machine": Machine(system="Linux", release="6", machine="x86_64", processor="", cpus=2, memory_mb=1024),
        "variables": {},
        "started": "2026-03-01T10:00:00.000+00:00",
        "ended": "2026-03-01T10:05:00.000+00:00",
        "exit_code": 0,
        "beside": "model.onnx.training.json",
        "version": "0.1.0",
    }
    return seal(TrainingManifest(**{**usual, **changes}))


def record(**changes: Any) -> DataRecord:
    """The record of what ``train.csv`` holds."""
    usual: dict[str, Any] = {
        "name": "train",
        "statement": DataStatement(licence="CC-BY-4.0", lawful_basis="consent", origin="a register"),
        "digest": CONTENT,
        "file": "train.csv",
        "file_digest": TRAIN,
        "n_bytes": 1024,
        "rows": 100,
        "columns": (ColumnRecord(name="age", type="Int64", missing=0, distinct=60),),
        "id_column": None,
        "schema_digest": digest_bytes(b"columns"),
        "profile_digest": digest_bytes(b"profile"),
        "row_root": digest_bytes(b"rows"),
        "made_from": (),
        "registered": "2026-02-01T00:00:00+00:00",
        "replaces": None,
        "version": "0.1.0",
    }
    return seal(DataRecord(**{**usual, **changes}))
