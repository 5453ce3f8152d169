"""What a bundle states and signs: the digests of every file of an audit and of everything that went into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.evidence.container import is_safe_path

Role = Literal["output", "input", "guide"]
MANIFEST_SCHEMA = "https://holdfast.dev/schema/manifest/1"
ENVELOPE_SCHEMA = "https://holdfast.dev/schema/signature/1"
PAYLOAD_TYPE = "application/vnd.holdfast.manifest+json; version=1"
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file.

    Attributes
    ----------
    name
        Path relative to the audit folder; for an input, the name it goes by.
    role
        ``output`` (a copy is in the bundle), ``input`` (digests only) or ``guide``.
    size
        Bytes.
    sha256
        Digest of the whole, 64 hexadecimal digits.
    chunks
        Digest of each 64 KiB of it, in order.
    """

    name: str
    role: Role
    size: int
    sha256: str
    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed: the id of the key, and whether the key was made for this bundle only."""

    key_id: str
    ephemeral: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of ``manifest.json``: the bytes that are signed.

    Attributes
    ----------
    subject
        Digests of the model and the tables under evaluation, by name, as the findings state them.
    ledger
        Name of the ledger that the audit was entered in, and the number of its entry; the proof is among the outputs.
        ``None``: it was entered in none.
    """

    signer: Signer
    subject: Mapping[str, str]
    files: tuple[Entry, ...]
    ledger: Mapping[str, str] | None = None
    schema: str = MANIFEST_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The content of ``signature.json``: key and signature in hexadecimal."""

    public_key: str
    signature: str
    key_id: str
    payload_type: str = PAYLOAD_TYPE
    schema: str = ENVELOPE_SCHEMA


def describe(name: str, role: Role, pieces: Iterable[bytes]) -> Entry:
    """Digest a file given in pieces of 64 KiB (the last one may be shorter)."""
    whole = hashlib.sha256()
    size = 0
    chunks = []
    for piece in pieces:
        whole.update(piece)
        chunks.append(hashlib.sha256(piece).hexdigest())
        size += len(piece)
    return Entry(name=name, role=role, size=size, sha256=whole.hexdigest(), chunks=tuple(chunks))


def pieces_of_bytes(data: bytes) -> Iterator[bytes]:
    """Cut bytes into pieces of 64 KiB."""
    return (data[position : position + CHUNK] for position in range(0, len(data), CHUNK))


def pieces_of_file(path: Path) -> Iterator[bytes]:
    """Read a file in pieces of 64 KiB.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from error


def digest_of_file(path: Path) -> str:
    """Digest a file: ``sha256:`` and 64 hexadecimal digits.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    whole = hashlib.sha256()
    for piece in pieces_of_file(path):
        whole.update(piece)
    return f"sha256:{whole.hexdigest()}"


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and content with their lengths, so that neither can pass for the other.

    References
    ----------
    Secure Systems Lab (2021), DSSE: Dead Simple Signing Envelope, protocol, pre-authentication encoding.

    Examples
    --------
    >>> signed_bytes("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_manifest(data: bytes, *, source: str) -> Manifest:
    """Read a manifest that may be hostile.

    Raises
    ------
    InputError
        When it is not the canonical form of a manifest, or lists a file twice or under an unsafe path.
    """
    manifest = from_json(Manifest, data, source=source)
    if canonical_json(manifest) != data:
        raise InputError(f"{source} is not in canonical form (RFC 8785)", hint="fetch the bundle again")
    seen: set[tuple[Role, str]] = set()
    for entry in manifest.files:
        fault = _fault(entry, seen)
        if fault:
            raise InputError(f"{source} is not well formed: {fault}", hint="do not unpack this bundle; fetch it again")
        seen.add((entry.role, entry.name))
    return manifest


def _fault(entry: Entry, seen: set[tuple[Role, str]]) -> str:
    if (entry.role, entry.name) in seen:
        return f"the {entry.role} {entry.name!r} is listed twice"
    if not entry.name.isprintable() or (entry.role != "input" and not is_safe_path(entry.name)):
        return f"{entry.name!r} is no safe name"
    if entry.size < 0 or len(entry.chunks) != -(-entry.size // CHUNK):
        return f"size and number of chunks of {entry.name!r} do not fit"
    return ""
