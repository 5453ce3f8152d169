"""Signatures of models in the format of the OpenSSF: a Sigstore bundle around an in-toto statement of every file.

A bundle made here is verified by the package ``model-signing`` and the other way round. It names its key by a digest
only: the key itself comes to the verifier by another way. One that was made without a key holds a certificate instead;
:mod:`holdfast.evidence.keyless` checks it.

References
----------
OpenSSF (2025), Model Signing (OMS) Specification, version 1.0, sections 4 to 8. Secure Systems Lab (2021), DSSE.
in-toto Attestation Framework (2023), Statement v1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.core.signature import SignerIdentity
from holdfast.evidence.ec_keys import EcKeyPair, EcPublicKey
from holdfast.evidence.keyless import KeylessTrust, verify_keyless
from holdfast.evidence.manifest import signed_bytes
from holdfast.evidence.statement import STATEMENT_TYPE
from holdfast.kernels.formats.strict_json import JsonError, read_json

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
BUNDLE_TYPES = "application/vnd.dev.sigstore.bundle"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
ITSELF = "."
LARGEST_BUNDLE = 64 << 20
SMALLEST_SHARD = 1 << 12
LENGTHS = {"sha256": 64, "blake2b": 128}
HINT = "ask whoever signed the model for the signature again"

Method = Literal["files", "shards"]
HashType = Literal["sha256", "blake2b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serialization:
    """How files become entries.

    Attributes
    ----------
    method
        ``files``: one entry per file. ``shards``: one per ``shard_size`` bytes of it, none for an empty file.
    hash_type
        Digest of an entry.
    allow_symlinks
        Whether the signer followed links.
    ignore_paths
        What the signer left out, relative to the model: files, and folders with all that is in them.
    """

    method: Method = "files"
    hash_type: HashType = "sha256"
    shard_size: int = 0
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = ()

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Return which bytes of a file of this size make an entry each."""
        if self.method == "files":
            return [(0, size)]
        return [(start, min(start + self.shard_size, size)) for start in range(0, size, self.shard_size)]

    def entries(self, name: str, size: int, digests: Sequence[str]) -> dict[str, str]:
        """Return the digests of a file's entries by their name."""
        if self.method == "files":
            return {name: digests[0]}
        return {f"{name}:{a}:{b}": digest for (a, b), digest in zip(self.ranges(size), digests, strict=True)}

    def file_of(self, entry: str) -> str:
        """Return the name of the file that an entry belongs to."""
        return entry if self.method == "files" else entry.rsplit(":", 2)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedModel:
    """What a signature states.

    Attributes
    ----------
    name
        Name of the model: for people only.
    entries
        Hexadecimal digest by name of the file (or shard), with ``/``; ``.`` is a model that is one file.
    """

    name: str
    entries: dict[str, str]
    serialization: Serialization

    @property
    def root_digest(self) -> str:
        """``sha256:`` and the digest of all digests, in the order of names (section 6.5.1)."""
        joined = b"".join(bytes.fromhex(self.entries[name]) for name in sorted(self.entries))
        return "sha256:" + hashlib.sha256(joined).hexdigest()

    @property
    def is_single_file(self) -> bool:
        """Whether the model is one file, whatever its name."""
        return {self.serialization.file_of(entry) for entry in self.entries} == {ITSELF}


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle whose signature was checked.

    Attributes
    ----------
    model
        What it states; ``None`` when nobody trusted made it.
    key, identity
        The key that made it, or who made it without one.
    root
        What one without a key was checked against.
    problem
        Why there is no such model.
    """

    model: SignedModel | None
    key: EcPublicKey | None = None
    identity: SignerIdentity | None = None
    root: str = ""
    problem: str = ""


def sign_bundle(model: SignedModel, key: EcKeyPair) -> bytes:
    """Write the bundle.

    ECDSA draws a number for each signature, so the bytes differ from call to call; the statement does not.
    """
    payload = model_statement(model)
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, payload))
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return canonical_json(bundle)


def open_bundle(
    data: bytes, keys: Sequence[EcPublicKey], *, source: str, keyless: KeylessTrust | None = None
) -> Opened:
    """Check a bundle that may be hostile against those one trusts, and only then read what it states.

    Parameters
    ----------
    source
        Its path, for messages.
    keyless
        Whom to trust without a key.

    Raises
    ------
    InputError
        When it is no such bundle, was made by a method by which one trusts nobody, or somebody trusted signed something
        that is no statement of a model.
    MissingExtra
        When it was made without a key, and the package ``sigstore`` is not installed.
    """
    bundle = _object(_json(data, source), source)
    kind = bundle.get("mediaType")
    if not (isinstance(kind, str) and kind.startswith(BUNDLE_TYPES)):
        raise InputError(f"expected a Sigstore bundle in {source}, got the media type {kind!r:.80}", hint=HINT)
    material = _object(bundle.get("verificationMaterial"), source)
    envelope = _object(bundle.get("dsseEnvelope"), source)
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise InputError(f"expected the payload {PAYLOAD_TYPE} in {source}, got {envelope.get('payloadType')!r:.80}")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise InputError(f"expected one signature in {source}", hint=HINT)
    payload = _decoded(envelope.get("payload"), source)
    signature = _decoded(_object(signatures[0], source).get("sig"), source)
    if keyless is not None and "publicKey" not in material and "certificate" in material:
        if set(bundle) != {"mediaType", "verificationMaterial", "dsseEnvelope"}:  # other spellings of the same part
            raise InputError(f"{source} is no signature of a model: it holds more than one", hint=HINT)
        return _opened_keyless(data, keyless, source)
    named = _key_named(material, source)
    candidates = [key for key in keys if named in {"", key.hint}]
    if not candidates:
        return Opened(None, problem="it was made by a key that is not among the trusted ones")
    for key in candidates:
        if key.verifies(signature, signed_bytes(PAYLOAD_TYPE, payload)):
            return Opened(_parse(payload, source), key)
    return Opened(None, problem="the signature does not match: what was signed, or the signature, was altered")


def _opened_keyless(data: bytes, trust: KeylessTrust, source: str) -> Opened:
    """Read what the check of Sigstore hands back, and nothing else of the bundle."""
    verified = verify_keyless(data, trust, source=source)
    if verified.signer is None:
        return Opened(None, root=verified.root, problem=verified.problem)
    kind, payload = verified.content
    if kind != PAYLOAD_TYPE:
        raise InputError(f"expected the payload {PAYLOAD_TYPE} in {source}, got {kind!r:.80}")
    return Opened(_parse(payload, source), identity=verified.signer, root=verified.root)


def model_statement(model: SignedModel) -> bytes:
    """Write the in-toto statement of every file, in its canonical form."""
    serialization: dict[str, Any] = {
        "method": model.serialization.method,
        "hash_type": model.serialization.hash_type,
        "allow_symlinks": model.serialization.allow_symlinks,
    }
    if model.serialization.method == "shards":
        serialization["shard_size"] = model.serialization.shard_size
    if model.serialization.ignore_paths:
        serialization["ignore_paths"] = sorted(model.serialization.ignore_paths)
    algorithm = model.serialization.hash_type
    resources = [
        {"name": name, "algorithm": algorithm, "digest": model.entries[name]} for name in sorted(model.entries)
    ]
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": model.name, "digest": {"sha256": model.root_digest.removeprefix("sha256:")}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"serialization": serialization, "resources": resources},
        }
    )


def _parse(payload: bytes, source: str) -> SignedModel:
    """Read a statement that a trusted key signed; what a careless signer may have written is refused here."""
    value = _object(_json(payload, source), source)
    if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != PREDICATE_TYPE:
        got = f"{value.get('predicateType')!r:.80}"
        raise InputError(f"expected a statement of the type {PREDICATE_TYPE} in {source}, got {got}", hint=HINT)
    predicate = _object(value.get("predicate"), source)
    serialization = _serialization(_object(predicate.get("serialization"), source), source)
    resources = predicate.get("resources")
    subjects = value.get("subject")
    if not isinstance(resources, list) or not resources or not isinstance(subjects, list) or len(subjects) != 1:
        raise InputError(f"expected one subject and at least one file in {source}", hint=HINT)
    subject = _object(subjects[0], source)
    entries: dict[str, str] = {}
    for resource in resources:
        name, digest = _entry(_object(resource, source), serialization, source)
        if name in entries:
            raise InputError(f"{source} states the digest of {name!r} twice", hint=HINT)
        entries[name] = digest
    model = SignedModel(name=str(subject.get("name")), entries=entries, serialization=serialization)
    stated = _object(subject.get("digest"), source).get("sha256")
    in_its_order = hashlib.sha256(b"".join(map(bytes.fromhex, entries.values()))).hexdigest()
    if stated not in {in_its_order, model.root_digest.removeprefix("sha256:")}:
        raise InputError(f"the digest of the whole in {source} is not that of its files", hint=HINT)
    return model


def _serialization(value: dict[str, Any], source: str) -> Serialization:
    method, hash_type, links = value.get("method"), value.get("hash_type"), value.get("allow_symlinks")
    ignored, shard_size = value.get("ignore_paths", []), value.get("shard_size", 0)
    if isinstance(shard_size, float) and shard_size.is_integer():  # model-signing writes 4096.0
        shard_size = int(shard_size)
    if hash_type == "blake3":
        hint = "ask for a signature over sha256"
        raise InputError(f"{source} holds BLAKE3 digests, which are not computed here", hint=hint)
    if (
        method not in ("files", "shards")
        or hash_type not in LENGTHS
        or not isinstance(links, bool)
        or not isinstance(ignored, list)
        or not all(isinstance(path, str) and _is_plain(path) for path in ignored)
        or not isinstance(shard_size, int)
        or (shard_size < SMALLEST_SHARD if method == "shards" else shard_size != 0)
    ):
        raise InputError(f"{source} says in no known way how its files were digested", hint=HINT)
    return Serialization(
        method=method, hash_type=hash_type, shard_size=shard_size, allow_symlinks=links, ignore_paths=tuple(ignored)
    )


def _entry(resource: dict[str, Any], serialization: Serialization, source: str) -> tuple[str, str]:
    name, digest, algorithm = resource.get("name"), resource.get("digest"), resource.get("algorithm")
    hash_type = serialization.hash_type
    sharded = f"{hash_type}-sharded-{serialization.shard_size}"  # what model-signing writes for a shard
    if algorithm not in {hash_type, sharded if serialization.method == "shards" else hash_type}:
        raise InputError(f"expected {hash_type} digests in {source}, got {algorithm!r:.80}", hint=HINT)
    is_digest = isinstance(digest, str) and len(digest) == LENGTHS[hash_type] and not set(digest) - set(_HEX)
    if not isinstance(name, str) or not is_digest or not _is_plain(serialization.file_of(name)):
        raise InputError(f"{source} holds an entry that is no file of a model: {name!r:.120}", hint=HINT)
    return name, str(digest)


_HEX = "0123456789abcdef"


def _is_plain(name: str) -> bool:
    """Whether a name is a relative path beneath the model, or the model itself."""
    return name == ITSELF or all(part not in {"", ".", ".."} for part in name.split("/"))


def _key_named(material: dict[str, Any], source: str) -> str:
    """Return the digest by which the bundle names its key; empty where it does not."""
    if "publicKey" not in material:
        known = {"certificate": "Sigstore's certificates", "x509CertificateChain": "certificates"}
        by = next((words for name, words in known.items() if name in material), "an unknown method")
        hint = "ask for a signature by key, or verify it with the package model-signing"
        if "certificate" in material:
            hint = "say whom you trust: --identity and --identity-provider, or trusted_identities in holdfast.yaml"
        raise InputError(f"expected a signature by key in {source}, got one by {by}", hint=hint)
    hint_of_key = _object(material["publicKey"], source).get("hint")
    return hint_of_key if isinstance(hint_of_key, str) else ""


def _json(data: bytes, source: str) -> Any:
    if len(data) > LARGEST_BUNDLE:
        raise InputError(f"expected a signature of at most {LARGEST_BUNDLE >> 20} MiB, {source} is longer")
    try:
        document = read_json(memoryview(data))
        json.dumps(document.value, ensure_ascii=False).encode()  # no half characters in names
    except (JsonError, UnicodeEncodeError) as error:
        raise InputError(f"{source} is no signature of a model: {error}", hint=HINT) from None
    if document.duplicate_keys:
        raise InputError(f"{source} states {document.duplicate_keys[0]!r} twice in one place", hint=HINT)
    return document.value


def _object(value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{source} is no signature of a model: something is missing, or of another kind", hint=HINT)
    return value


def _decoded(value: Any, source: str) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{source} holds something that is no base64 text", hint=HINT) from None
