"""Write the signed bundle of a finished audit.

``bundle.holdfast`` holds a manifest with the digests of every file of the audit folder and of every input, an Ed25519
signature over it, the public key, copies of the audit's files and a guide in plain text. Inputs (the model, the tables)
enter as digests only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.resources import files as package_files
from pathlib import Path

from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.decision import Decision
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.core.record import SubjectCard
from holdfast.evidence.container import ArchiveReader, ArchiveWriter, is_safe_path
from holdfast.evidence.keys import KeyPair
from holdfast.evidence.manifest import (
    PAYLOAD_TYPE,
    Entry,
    Envelope,
    Manifest,
    Signer,
    describe,
    parse_manifest,
    pieces_of_bytes,
    pieces_of_file,
    signed_bytes,
)
from holdfast.evidence.receipt import RECEIPT_NAME, read_receipt
from holdfast.evidence.writing import open_durably

BUNDLE_NAME = "bundle.holdfast"
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "signature.json"
GUIDE_NAME = "VERIFY.txt"
OUTPUTS = "outputs/"


def write_bundle(folder: Path, *, inputs: Mapping[str, Path | bytes], key: KeyPair, subject: SubjectCard) -> Path:
    """Write ``bundle.holdfast`` into an audit folder and sign it.

    Parameters
    ----------
    folder
        Holds ``findings.json``, ``decision.json`` and whatever else the audit wrote; hidden files are left out.
    inputs
        What went into the audit, by name: a file, or bytes. Only digests are kept.
    key
        Signs; an ephemeral one lets a reader check that nothing changed, not who wrote it.
    subject
        The subject as it stands in ``findings.json``.

    Returns
    -------
    Path
        The bundle. The same folder, inputs and key give the same bytes.

    Raises
    ------
    InputError
        When a file cannot be read or written, the folder holds a link, or ``decision.json`` decides on other findings.
    """
    listed = tuple(_describe_input(name, source) for name, source in sorted(inputs.items()))
    return _write(folder, listed, key, subject_digests(subject))


def sign_again(folder: Path, *, key: KeyPair) -> Path:
    """Write the bundle of an audit folder once more, after a file was added to it; what is said of the inputs stays.

    Raises
    ------
    InputError
        When there is no bundle, or it is malformed.
    """
    path = folder / BUNDLE_NAME
    try:
        with path.open("rb") as file:
            archive = ArchiveReader(file, source=str(path))
            member = archive.members.get(MANIFEST_NAME)
            data = archive.read(member) if member else b""
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="run `holdfast audit` again") from error
    former = parse_manifest(data, source=f"{MANIFEST_NAME} in {path}")
    inputs = tuple(entry for entry in former.files if entry.role == "input")
    return _write(folder, inputs, key, former.subject)


def _write(folder: Path, inputs: tuple[Entry, ...], key: KeyPair, subject: Mapping[str, str]) -> Path:
    outputs = {name: _read(folder / name) for name in output_names(folder)}
    _check_decision(outputs, folder)
    guide = guide_text()
    entries = [describe(name, "output", pieces_of_bytes(data)) for name, data in outputs.items()]
    entries += [*inputs, describe(GUIDE_NAME, "guide", pieces_of_bytes(guide))]
    manifest = canonical_json(
        Manifest(
            signer=Signer(key_id=key.key_id, ephemeral=key.ephemeral),
            subject=subject,
            files=tuple(entries),
            ledger=_entered(outputs),
        )
    )
    path = folder / BUNDLE_NAME
    with open_durably(path) as file:
        archive = ArchiveWriter(file)
        archive.add(MANIFEST_NAME, manifest)
        archive.add(SIGNATURE_NAME, canonical_json(_sign(manifest, key)))
        archive.add(GUIDE_NAME, guide)
        for name, data in outputs.items():
            archive.add(OUTPUTS + name, data)
        archive.finish()
    return path


def _entered(outputs: Mapping[str, bytes]) -> dict[str, str] | None:
    """Where the audit stands in a ledger, by the receipt among its files."""
    if RECEIPT_NAME not in outputs:
        return None
    receipt = read_receipt(outputs[RECEIPT_NAME], source=RECEIPT_NAME)
    return {"origin": receipt.state().origin, "entry": str(receipt.entries[0].index)}


def output_names(folder: Path) -> list[str]:
    """List the files of an audit folder by relative path, sorted; not the bundle, not hidden files.

    Raises
    ------
    InputError
        On a link, a device, or a name that cannot be the same on every system.
    """
    return sorted(_walk(folder, folder))


def subject_digests(subject: SubjectCard) -> dict[str, str]:
    """Digests of a subject by name: ``model`` where there is one, and each table."""
    digests = {name: table.digest for name, table in subject.tables.items()}
    return {"model": subject.model_digest, **digests} if subject.model_digest else digests


def guide_text() -> bytes:
    """Return the guide that stands in every bundle."""
    return package_files("holdfast.evidence").joinpath(GUIDE_NAME).read_bytes()


def _walk(folder: Path, top: Path) -> Iterator[str]:
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except OSError as error:
        raise InputError(
            f"cannot list {folder}: {error.strerror}", hint="check the path and its permissions"
        ) from error
    for child in children:
        name = Path(child.path).relative_to(top).as_posix()
        if child.name.startswith(".") or name == BUNDLE_NAME:
            continue
        if child.is_dir(follow_symlinks=False):
            yield from _walk(Path(child.path), top)
        elif not child.is_file(follow_symlinks=False):
            raise InputError(
                f"expected only files and folders in {top}, got a link or device: {name!r}", hint="remove it"
            )
        elif not is_safe_path(name):
            raise InputError(f"the name {name!r} in {top} is not portable", hint='rename it without \\ : * ? " < > |')
        else:
            yield name


def _check_decision(outputs: Mapping[str, bytes], folder: Path) -> None:
    for name in ("findings.json", "decision.json"):
        if name not in outputs:
            raise InputError(f"expected {name} in {folder}, found none", hint="run `holdfast audit` first")
    decision = from_json(Decision, outputs["decision.json"], source=str(folder / "decision.json"))
    if decision.findings_digest != digest_bytes(outputs["findings.json"]):
        hint = "run `holdfast audit` again, so that the decision is about these findings"
        raise InputError(f"the decision in {folder} was made on other findings than findings.json", hint=hint)


def _describe_input(name: str, source: Path | bytes) -> Entry:
    return describe(name, "input", pieces_of_bytes(source) if isinstance(source, bytes) else pieces_of_file(source))


def _read(path: Path) -> bytes:
    return b"".join(pieces_of_file(path))


def _sign(manifest: bytes, key: KeyPair) -> Envelope:
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, manifest))
    return Envelope(public_key=key.public.raw.hex(), signature=signature.hex(), key_id=key.key_id)
