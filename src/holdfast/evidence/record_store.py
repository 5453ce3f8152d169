"""Records of data sets and manifests of training runs as files that say their own digest.

A record names the digest of its content inside and in its file name, so that an edit by hand is noticed. Whoever edits
and digests anew is found by what holds the digest elsewhere: other records, bundles, the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from holdfast.core.canonical import canonical_json, digest_of
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.parse import from_json
from holdfast.core.provenance import DATA_RECORD_SCHEMA, MANIFEST_SCHEMA, DataRecord, TrainingManifest
from holdfast.evidence.writing import write_durably, writing_error

Document = TypeVar("Document", DataRecord, TrainingManifest)
DATA, RUNS, SALTS = "data", "runs", "salts"
BESIDE = ".training.json"
LARGEST = 1 << 26
MOST_BESIDE = 1_000
FEWEST_DIGITS = 6
_EDITED = "take it from where it was kept, or record anew; an edit by hand is never accepted"


def default_records() -> Path:
    """Return the folder of records: ``$HOLDFAST_RECORDS``, else ``.holdfast/records`` in the working folder."""
    named = os.environ.get("HOLDFAST_RECORDS")
    return Path(named) if named else Path(".holdfast") / "records"


def seal(document: Document) -> Document:
    """Return a record or manifest with its own digest in it."""
    return replace(document, record=digest_of(replace(document, record="")))


def short(digest: str) -> str:
    """Return the first twelve digits of a digest, as file names hold them."""
    return digest.removeprefix("sha256:")[:12]


def make_folder(folder: Path) -> None:
    """Make a folder for records.

    Raises
    ------
    InputError
        When it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from None


def write_data_record(record: DataRecord, folder: Path) -> Path:
    """Write a sealed record under ``data`` in the folder of records."""
    path = folder / DATA / f"{record.name}-{short(record.record)}.json"
    make_folder(path.parent)
    write_durably(path, canonical_json(record))
    return path


def read_data_records(folder: Path) -> tuple[DataRecord, ...]:
    """Read all records of data sets in a folder of records, the oldest first.

    Raises
    ------
    InputError
        When one of them was edited by hand or cannot be read.
    """
    paths = sorted((folder / DATA).glob("*.json")) if (folder / DATA).is_dir() else []
    return tuple(sorted((read_data_record(path) for path in paths), key=lambda one: (one.registered, one.record)))


def read_data_record(path: Path) -> DataRecord:
    """Read one record and compare it with its digest.

    Raises
    ------
    InputError
        When it was edited by hand or cannot be read.
    """
    record = _read(DataRecord, path, DATA_RECORD_SCHEMA)
    if not path.stem.endswith(f"-{short(record.record)}"):
        raise InputError(f"{path} holds another record than its name says: {short(record.record)}", hint=_EDITED)
    return record


def in_force(records: Iterable[DataRecord]) -> tuple[DataRecord, ...]:
    """Return the records that no other one replaces."""
    every = tuple(records)
    replaced = {record.replaces for record in every}
    return tuple(record for record in every if record.record not in replaced)


def find_data_record(name: str, records: Sequence[DataRecord]) -> DataRecord:
    """Return the record in force by the name of its data set, or any record by the beginning of a digest of its.

    Raises
    ------
    InputError
        When there is none, or several begin so.
    """
    for record in in_force(records):
        if record.name == name:
            return record
    digits = name.removeprefix("sha256:")
    found = [
        record
        for record in records
        if len(digits) >= FEWEST_DIGITS
        and any(one.removeprefix("sha256:").startswith(digits) for one in (record.record, record.digest))
    ]
    if len({one.record for one in found}) > 1:
        found = [one for one in in_force(records) if one in found] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} records begin with {name!r}", hint="give more digits, or the name")
    hint = did_you_mean(name, [record.name for record in records]) if records else "holdfast data register TABLE"
    raise InputError(f"there is no data set {name!r} among {len(records)} records", hint=hint)


def write_manifest(manifest: TrainingManifest, path: Path) -> None:
    """Write a sealed manifest."""
    make_folder(path.parent)
    write_durably(path, canonical_json(manifest))


def read_manifest(path: Path) -> TrainingManifest:
    """Read a training manifest and compare it with its digest.

    Raises
    ------
    InputError
        When it was edited by hand, is no manifest or cannot be read.
    """
    return _read(TrainingManifest, path, MANIFEST_SCHEMA)


def read_manifests(folder: Path) -> tuple[TrainingManifest, ...]:
    """Read all manifests in a folder of records, the oldest first.

    Raises
    ------
    InputError
        When one of them was edited by hand or cannot be read.
    """
    paths = sorted((folder / RUNS).glob("*.json")) if (folder / RUNS).is_dir() else []
    return tuple(sorted((read_manifest(path) for path in paths), key=lambda one: (one.started, one.run)))


def manifest_beside(model: Path, digest: str) -> tuple[TrainingManifest, Path] | None:
    """Find the manifest of the run that wrote a model, beside it or one folder up, by the model's digest.

    Files that are no sealed manifests, or of other models, are passed over.
    """
    for folder in (model.absolute().parent, model.absolute().parent.parent):
        paths = [path for path, _ in zip(sorted(folder.glob(f"*{BESIDE}")), range(MOST_BESIDE), strict=False)]
        for path in paths:
            try:
                manifest = read_manifest(path)
            except InputError:
                continue
            if digest in manifest.written().values():
                return manifest, path
    return None


def working_folder(manifest: TrainingManifest, path: Path) -> Path | None:
    """Return the folder in which the command of a manifest ran, going by where the manifest lies; ``None`` if moved."""
    parts = Path(manifest.beside).parts
    place = path.absolute()
    if not parts or ".." in parts or Path(manifest.beside).is_absolute() or place.parts[-len(parts) :] != parts:
        return None
    return Path(*place.parts[: -len(parts)])


def _read(kind: type[Document], path: Path, schema: str) -> Document:
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise InputError(f"expected at most {LARGEST:,} bytes in {path}, got {path.stat().st_size:,}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from None
    if schema.encode() not in data:
        raise InputError(f"{path} is no document of the form {schema}", hint="check the path")
    document = from_json(kind, data, source=str(path))
    if document.record != seal(document).record or canonical_json(document) != data:
        raise InputError(f"{path} does not have the digest that it states: it was altered", hint=_EDITED)
    return document
