"""Verify a bundle offline: is everything as it was signed, who signed it, and if not, which bytes changed."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, Literal

from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.decision import Decision
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.parse import from_json
from holdfast.evidence.bundle import BUNDLE_NAME, GUIDE_NAME, MANIFEST_NAME, OUTPUTS, SIGNATURE_NAME
from holdfast.evidence.container import ArchiveReader, Member
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.manifest import (
    CHUNK,
    PAYLOAD_TYPE,
    Entry,
    Envelope,
    Manifest,
    parse_manifest,
    pieces_of_file,
    signed_bytes,
)
from holdfast.evidence.receipt import RECEIPT_NAME, read_receipt, vouched_for
from holdfast.evidence.statement import Statement

Status = Literal["trusted", "unknown_origin", "altered"]
Where = Literal["bundle", "folder", "input"]
What = Literal["changed", "missing", "extra", "truncated"]
EXIT_CODES: Mapping[Status, int] = {"trusted": 0, "altered": 1, "unknown_origin": 4}
LARGEST_MANIFEST = 1 << 26
LARGEST_SIGNATURE = 1 << 12
HINT = "fetch the bundle again from where it was published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One difference from what was signed.

    Attributes
    ----------
    where
        The copy inside the bundle, the file in the audit folder, or an input.
    file
        Its name.
    start, end
        The bytes concerned, ``end`` not included, exact to 64 KiB; both 0 for an empty file.
    what
        ``changed``: other bytes. ``missing``: no such file. ``extra``: a file or bytes that nobody signed.
        ``truncated``: it ends too early.
    detail
        More, where there is more to say.
    """

    where: Where
    file: str
    start: int
    end: int
    what: What
    detail: str = ""

    def __str__(self) -> str:
        place = {"bundle": "in the bundle", "folder": "in the folder", "input": "input"}[self.where]
        detail = f": {self.detail}" if self.detail else ""
        may_mislead = not self.file.isprintable() or (self.what == "extra" and not self.file.isascii())
        name = ascii(self.file) if may_mislead else self.file
        return f"{name} ({place}): bytes {self.start} to {self.end} {self.what}{detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What verification found.

    Attributes
    ----------
    status
        ``trusted``: intact and signed by a key that the caller trusts. ``unknown_origin``: intact, but signed by an
        ephemeral key or one that the caller did not name. ``altered``: not what was signed.
    key_id, ephemeral
        The key in the bundle, and whether it was made for this bundle only.
    alterations
        Every difference; empty unless altered.
    checked
        Number of files compared: copies in the bundle, files of the folder, inputs.
    inputs_not_checked
        Inputs named in the manifest that the caller did not hand over.
    is_alone
        Whether a folder was given in which no file of the audit lies beside the bundle, so that only the copies in
        the bundle were compared.
    ledger
        What is proved of the ledger that the audit was entered in, in one sentence; empty where it was in none.
    """

    status: Status
    key_id: str
    ephemeral: bool
    alterations: tuple[Alteration, ...]
    checked: int
    inputs_not_checked: tuple[str, ...]
    is_alone: bool = False
    ledger: str = ""

    @property
    def exit_code(self) -> int:
        """0 trusted, 1 altered, 4 intact but of unknown origin."""
        return EXIT_CODES[self.status]

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        if self.status == "altered":
            return f"altered: {len(self.alterations)} difference(s) from what was signed"
        rest = "; no file of the audit lies beside the bundle" if self.is_alone else ""
        if self.inputs_not_checked:
            rest += f"; inputs not compared: {', '.join(self.inputs_not_checked)}"
        if self.status == "trusted":
            return f"intact and signed by the trusted key {self.key_id}{rest}"
        why = "the key was made for this bundle only" if self.ephemeral else "the key is not among those you trust"
        return f"intact, origin unknown: signed by {self.key_id}; {why}{rest}"


def verify_bundle(
    bundle: Path,
    *,
    folder: Path | None = None,
    inputs: Mapping[str, Path] | None = None,
    trusted: Sequence[PublicKey] = (),
) -> Verification:
    """Compare a bundle, and optionally the audit folder and the inputs, with what was signed.

    Parameters
    ----------
    bundle
        A ``bundle.holdfast``, possibly hostile; it is never unpacked to disk.
    folder
        The audit folder, to compare its files as well.
    inputs
        Files to compare with the inputs' digests, by the names in the manifest.
    trusted
        Keys whose signature vouches for the origin.

    Raises
    ------
    InputError
        When the bundle is malformed or absent, or an input's name is not in the manifest.
    """
    try:
        with bundle.open("rb") as file:
            return _verify(file, source=str(bundle), folder=folder, inputs=inputs or {}, trusted=trusted)
    except OSError as error:
        raise InputError(
            f"cannot read {bundle}: {error.strerror}", hint="check the path and its permissions"
        ) from error


def _verify(
    file: BinaryIO, *, source: str, folder: Path | None, inputs: Mapping[str, Path], trusted: Sequence[PublicKey]
) -> Verification:
    archive = ArchiveReader(file, source=source)
    payload = _small_member(archive, MANIFEST_NAME, LARGEST_MANIFEST, source)
    key, faults = _check_signature(archive, payload, source)
    try:
        manifest = _manifest_signed_by(key, payload, source)
    except InputError:
        if not faults:
            raise
        return Verification(
            status="altered",
            key_id=key.key_id,
            ephemeral=False,
            alterations=tuple(faults),
            checked=0,
            inputs_not_checked=(),
        )
    if folder is not None and not folder.is_dir():
        raise InputError(f"expected the audit folder at {folder}, found none", hint="check the path")
    listed = {entry.name: entry for entry in manifest.files if entry.role == "input"}
    for name in inputs:
        if name not in listed:
            raise InputError(f"the bundle records no input {name!r}", hint=did_you_mean(name, listed))
    faults += _compare_bundle(archive, manifest, source)
    outputs = [entry for entry in manifest.files if entry.role == "output"]
    is_alone = folder is not None and not any(os.path.lexists(folder / entry.name) for entry in outputs)
    if folder is not None and not is_alone:
        faults += _compare_folder(folder, outputs)
    for name, path in inputs.items():
        faults += _compare(listed[name], pieces_of_file(path), "input")
    faults += _compare_decision(archive, source) if not faults else []
    ledger, unproved = _compare_ledger(archive, manifest, trusted) if not faults else ("", [])
    faults += unproved
    intact: Status = "trusted" if key in trusted and not manifest.signer.ephemeral else "unknown_origin"
    return Verification(
        status="altered" if faults else intact,
        key_id=key.key_id,
        ephemeral=manifest.signer.ephemeral,
        alterations=tuple(faults),
        checked=len(outputs) * (1 if folder is None or is_alone else 2) + len(inputs),
        inputs_not_checked=tuple(name for name in listed if name not in inputs),
        is_alone=is_alone,
        ledger=ledger,
    )


def _manifest_signed_by(key: PublicKey, payload: bytes, source: str) -> Manifest:
    manifest = parse_manifest(payload, source=f"{MANIFEST_NAME} in {source}")
    if manifest.signer.key_id != key.key_id:
        raise InputError(f"{MANIFEST_NAME} in {source} names another key than {SIGNATURE_NAME}", hint=HINT)
    return manifest


def _small_member(archive: ArchiveReader, name: str, limit: int, source: str) -> bytes:
    member = archive.members.get(name)
    if member is None:
        raise InputError(f"{source} is not a well-formed bundle: it holds no {name}", hint=HINT)
    if member.size > limit:
        raise InputError(f"expected at most {limit} bytes of {name} in {source}, got {member.size}", hint=HINT)
    data = archive.read(member)
    if zlib.crc32(data) != member.crc:
        raise InputError(f"{source} is not a well-formed bundle: the checksum of {name} is wrong", hint=HINT)
    return data


def _check_signature(archive: ArchiveReader, payload: bytes, source: str) -> tuple[PublicKey, list[Alteration]]:
    place = f"{SIGNATURE_NAME} in {source}"
    data = _small_member(archive, SIGNATURE_NAME, LARGEST_SIGNATURE, source)
    envelope = from_json(Envelope, data, source=place)
    try:
        key, signature = PublicKey(bytes.fromhex(envelope.public_key)), bytes.fromhex(envelope.signature)
    except ValueError:
        raise InputError(f"expected hexadecimal digits in {place}", hint=HINT) from None
    expected = Envelope(public_key=key.raw.hex(), signature=signature.hex(), key_id=key.key_id)
    if canonical_json(expected) != data or len(key.raw) != 32:
        raise InputError(f"{place} is not in the form of a bundle's signature", hint=HINT)
    if key.verifies(signature, signed_bytes(PAYLOAD_TYPE, payload)):
        return key, []
    detail = "the signature does not match; the manifest, the signature or the key was replaced"
    whole = Alteration(where="bundle", file=MANIFEST_NAME, start=0, end=len(payload), what="changed", detail=detail)
    return key, [whole]


def _compare_bundle(archive: ArchiveReader, manifest: Manifest, source: str) -> Iterator[Alteration]:
    expected = {_place(entry): entry for entry in manifest.files if entry.role != "input"}
    for place, entry in expected.items():
        member = archive.members.get(place)
        if member is None:
            yield _missing(entry, "bundle")
            continue
        faults = _compare(entry, archive.pieces(member), "bundle")
        if not faults and _checksum(archive, member) != member.crc:
            raise InputError(f"{source} is not a well-formed bundle: the checksum of {place} is wrong", hint=HINT)
        yield from faults
    for place, member in archive.members.items():
        if place not in expected and place not in {MANIFEST_NAME, SIGNATURE_NAME}:
            yield Alteration(where="bundle", file=place, start=0, end=member.size, what="extra")


def _place(entry: Entry) -> str:
    return GUIDE_NAME if entry.role == "guide" else OUTPUTS + entry.name


def _checksum(archive: ArchiveReader, member: Member) -> int:
    value = 0
    for piece in archive.pieces(member):
        value = zlib.crc32(piece, value)
    return value


def _compare_folder(folder: Path, outputs: Sequence[Entry]) -> Iterator[Alteration]:
    expected = {entry.name: entry for entry in outputs}
    for name, entry in expected.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            yield _missing(entry, "folder", "a link stands in its place" if path.is_symlink() else "")
        else:
            yield from _compare(entry, pieces_of_file(path), "folder")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name in expected or name == BUNDLE_NAME or any(part.startswith(".") for part in name.split("/")):
            continue
        if path.is_symlink() or not path.is_dir():
            size = 0 if path.is_symlink() else path.stat().st_size
            yield Alteration(where="folder", file=name, start=0, end=size, what="extra")


def _compare(entry: Entry, pieces: Iterable[bytes], where: Where) -> list[Alteration]:
    """Compare chunk by chunk and join neighbouring differences of one kind."""
    whole = hashlib.sha256()
    size = 0
    found: list[Alteration] = []
    for position, (expected, piece) in enumerate(zip_longest(entry.chunks, pieces)):
        data = piece or b""
        whole.update(data)
        size += len(data)
        if piece is None or hashlib.sha256(piece).hexdigest() != expected:
            start, end, what = _difference(entry, position, data, expected)
            if found and found[-1].end == start and found[-1].what == what:
                start = found.pop().start
            found.append(Alteration(where=where, file=entry.name, start=start, end=end, what=what))
    if not found and (size != entry.size or whole.hexdigest() != entry.sha256):
        found = [Alteration(where=where, file=entry.name, start=0, end=size, what="changed")]
    return found


def _difference(entry: Entry, position: int, data: bytes, expected: str | None) -> tuple[int, int, What]:
    """Say which bytes of a differing chunk are concerned; ``data`` is what stands there now."""
    start = position * CHUNK
    signed = max(0, min(CHUNK, entry.size - start))
    if len(data) < signed:
        return start, start + signed, "truncated"
    if len(data) == signed:
        return start, start + signed, "changed"
    prefix_is_intact = signed == 0 or hashlib.sha256(data[:signed]).hexdigest() == expected
    return start + (signed if prefix_is_intact else 0), start + len(data), "extra"


def _missing(entry: Entry, where: Where, detail: str = "") -> Alteration:
    return Alteration(where=where, file=entry.name, start=0, end=entry.size, what="missing", detail=detail)


def _compare_decision(archive: ArchiveReader, source: str) -> list[Alteration]:
    """Hold the decision against the findings that it names; both are as they were signed when this is called."""
    members = [archive.members.get(OUTPUTS + name) for name in ("findings.json", "decision.json")]
    if members[0] is None or members[1] is None:
        raise InputError(f"{source} is not a well-formed bundle: it lists no findings or no decision", hint=HINT)
    findings, text = archive.read(members[0]), archive.read(members[1])
    decision = from_json(Decision, text, source=f"decision.json in {source}")
    if decision.findings_digest == digest_bytes(findings):
        return []
    detail = "it was made on other findings than those in the bundle"
    return [Alteration(where="bundle", file="decision.json", start=0, end=len(text), what="changed", detail=detail)]


def _compare_ledger(
    archive: ArchiveReader, manifest: Manifest, trusted: Sequence[PublicKey]
) -> tuple[str, list[Alteration]]:
    """Hold the proof that the audit stands in a ledger against its files; all are as they were signed by now."""
    if manifest.ledger is None:
        return "", []
    member = archive.members.get(OUTPUTS + RECEIPT_NAME)
    try:
        receipt = read_receipt(archive.read(member) if member else b"", source=RECEIPT_NAME)
        fault = _unstated(receipt.statements()[0], manifest)
    except InputError as error:
        fault = error.message
    if fault:
        size = member.size if member else 0
        lie = Alteration(where="bundle", file=RECEIPT_NAME, start=0, end=size, what="changed", detail=fault)
        return "", [lie]
    state = receipt.state()
    by = "signed by a trusted key" if vouched_for(receipt, trusted) else "signed by a key that is not among yours"
    return f"entry {receipt.entries[0].index} of the ledger {state.origin}, which held {state.size:,} then; {by}", []


def _unstated(statement: Statement, manifest: Manifest) -> str:
    """What the entry of the audit and the manifest say differently; empty if nothing."""
    stated = statement.predicate.get("files")
    signed = {
        entry.name: f"sha256:{entry.sha256}"
        for entry in manifest.files
        if entry.role == "output" and entry.name != RECEIPT_NAME
    }
    return "" if statement.kind == "audit" and stated == signed else "its entry is about other files than these"
