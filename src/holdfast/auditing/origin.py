"""Find what is recorded of where a model comes from: ``provenance`` in ``holdfast.yaml``, or beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.adapters.tables.reading import read_table
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.core.provenance import EarlierAudit, FileState, Provenance, ProvenanceSettings, TrainingManifest
from holdfast.core.record import Findings
from holdfast.evidence.fingerprints import file_state
from holdfast.evidence.record_store import default_records, manifest_beside, read_data_records, read_manifest
from holdfast.evidence.record_store import working_folder as folder_of

TABLES = (".csv", ".tsv", ".parquet", ".pq")


def read_provenance(
    settings: ProvenanceSettings,
    *,
    model: Path | None,
    digests: Mapping[str, str],
    tables: tuple[str, ...],
    allow_code: bool,
) -> Provenance | None:
    """Read the manifest of the run that wrote the model, the registered data sets, and an earlier audit.

    Parameters
    ----------
    model
        The model's file, beside which a manifest is looked for when none is named.
    digests
        Of the audit's inputs, by name; ``tables`` names those that are tables.

    Returns
    -------
    Provenance or None
        ``None`` when no manifest was named and none lies beside the model.

    Raises
    ------
    InputError
        When something that was named cannot be read or was edited by hand.
    """
    manifest, folder = _manifest(settings, model, digests.get("model"))
    if manifest is None:
        return None
    records = Path(settings.records) if settings.records is not None else default_records()
    return Provenance(
        manifest=manifest,
        model=digests.get("model"),
        tables={name: digests[name] for name in tables},
        records=read_data_records(records),
        now=_today(manifest, folder),
        since=_earlier(Path(settings.since)) if settings.since is not None else None,
        folder=str(folder) if folder is not None else "",
        allow_code=allow_code,
    )


def _manifest(
    settings: ProvenanceSettings, model: Path | None, digest: str | None
) -> tuple[TrainingManifest | None, Path | None]:
    if settings.manifest is not None:
        path = Path(settings.manifest)
        manifest = read_manifest(path)
        return manifest, folder_of(manifest, path)
    found = manifest_beside(model, digest) if model is not None and digest is not None else None
    return (found[0], folder_of(*found)) if found is not None else (None, None)


def _today(manifest: TrainingManifest, folder: Path | None) -> dict[str, tuple[str, ...]]:
    """Say what lies today where the inputs lay: the digests it is known by, none when it is gone."""
    now: dict[str, tuple[str, ...]] = {}
    for one in manifest.inputs:
        place = Path(one.path)
        if place.is_absolute() or folder is not None:
            now[one.path] = _digests(place if folder is None else folder / place, one.before)
    return now


def _digests(path: Path, before: FileState) -> tuple[str, ...]:
    state = file_state(path)
    found = [state.digest] if state.digest else []
    if before.content is not None and state.digest not in (None, before.digest) and path.suffix.lower() in TABLES:
        with suppress(InputError):  # another file may hold the same table
            found.append(read_table(path, name="table").digest)
    return tuple(found)


def _earlier(folder: Path) -> EarlierAudit:
    path = folder / "findings.json"
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the earlier audit {path}: {error.strerror}", hint="name the folder of an audit under since"
        ) from None
    subject = from_json(Findings, body, source=str(path)).subject
    return EarlierAudit(
        model=subject.model_digest, tables={name: table.digest for name, table in subject.tables.items()}
    )
