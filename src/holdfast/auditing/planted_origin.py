"""Faults in where a model comes from: an input exchanged after training, a model of other people than was said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.adapters.tables.reading import read_table
from holdfast.auditing.credit import TARGET, Twin, clean_twin, logistic, train_model
from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.provenance import Artefact, Code, Environment, FileState, Machine, TrainingManifest
from holdfast.core.version import __version__
from holdfast.evidence.record_store import BESIDE, seal

if TYPE_CHECKING:
    import polars as pl

INPUT, MODEL = "train.csv", "model.bin"
OTHERS = 400


def recorded_twin(seed: int) -> Twin:
    """Draw the clean twin with its training table as a file, and the manifest of a run that read it."""
    twin = clean_twin(seed)
    table = _csv(twin.train)
    before = FileState(
        kind="file",
        digest=digest_bytes(table),
        content=read_table(twin.train, name="train").digest,
        n_bytes=len(table),
        n_files=1,
    )
    written = FileState(kind="file", digest=digest_bytes(b"a model of this process"), n_bytes=1, n_files=1)
    manifest = TrainingManifest(
        run="00000000-0000-4000-8000-000000000000",
        state="finished",
        command=("python", "train.py"),
        inputs=(Artefact(path=INPUT, before=before, after=before),),
        outputs=(Artefact(path=MODEL, before=FileState(kind="absent"), after=written),),
        seeds=(0,),
        code=Code(commit="0" * 40),
        environment=Environment(note="generated"),
        machine=Machine(system="", release="", machine="", processor="", cpus=1, memory_mb=None),
        variables={},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:01:00+00:00",
        exit_code=0,
        beside=MODEL + BESIDE,
        version=__version__,
    )
    return replace(twin, files={INPUT: table, MODEL + BESIDE: canonical_json(seal(manifest))})


def exchanged_input(twin: Twin) -> Twin:
    """Turn one outcome in a hundred in the file after the model was trained on it."""
    import polars as pl

    is_turned = pl.int_range(pl.len()) % 100 == 0
    turned = pl.when(is_turned).then(1 - pl.col(TARGET)).otherwise(TARGET).alias(TARGET)
    return replace(twin, files={**twin.files, INPUT: _csv(twin.train.with_columns(turned))})


def rewritten_input(twin: Twin) -> Twin:
    """Write the same rows with another separator."""
    return replace(twin, files={**twin.files, INPUT: twin.train.write_csv(separator=";").encode()})


def model_of_others(twin: Twin) -> Twin:
    """Put a model in its place that was trained on a few hundred other people."""
    return replace(twin, model=train_model(clean_twin(twin.train.height).train.head(OTHERS)))


def model_of_another_seed(twin: Twin) -> Twin:
    """Put a model in its place that was trained with another seed, which plays no part in how it is fitted."""
    return replace(twin, model=train_model(twin.train, logistic(99)))


def _csv(table: pl.DataFrame) -> bytes:
    return table.write_csv().encode()
