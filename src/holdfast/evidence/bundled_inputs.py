"""Which bytes went into an audit, as its signed bundle states them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holdfast.core.errors import InputError
from holdfast.evidence.bundle import BUNDLE_NAME, MANIFEST_NAME
from holdfast.evidence.container import ArchiveReader
from holdfast.evidence.manifest import parse_manifest
from holdfast.evidence.verify import LARGEST_MANIFEST, verify_bundle


class BundledInputs(NamedTuple):
    """Digests of the bytes of the inputs, by name, and in words whether the bundle is intact and who signed it."""

    digests: dict[str, str]
    says: str


def read_bundled_inputs(folder: Path) -> BundledInputs:
    """Read the bundle of an audit folder, and compare bundle and folder with what was signed.

    Nothing is said of inputs when either was altered.
    """
    path = folder / BUNDLE_NAME
    if not path.is_file():
        return BundledInputs({}, "none")
    try:
        found = verify_bundle(path, folder=folder)
        if found.status == "altered":
            return BundledInputs({}, f"altered since it was signed: {found.alterations[0].file}")
        with path.open("rb") as file:
            archive = ArchiveReader(file, source=str(path))
            member = archive.members[MANIFEST_NAME]
            if member.size > LARGEST_MANIFEST:
                return BundledInputs({}, "its manifest is too large to read")
            manifest = parse_manifest(archive.read(member), source=str(path))
    except (InputError, OSError) as error:
        return BundledInputs({}, f"its bundle cannot be read: {error}".splitlines()[0])
    key = "ephemeral key" if found.ephemeral else f"key {found.key_id}"
    digests = {entry.name: f"sha256:{entry.sha256}" for entry in manifest.files if entry.role == "input"}
    return BundledInputs(digests, f"intact, {key}")
