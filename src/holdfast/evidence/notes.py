"""Sign checkpoints, and check the signatures under them.

A verifier key is a name, a type and a public key in one line of text, to be handed to auditors. The type byte leaves
room for other algorithms (ML-DSA has one already); this version makes and checks Ed25519.

References
----------
C2SP (2024), signed-note (Ed25519: type 1) and tlog-cosignature (cosignature/v1: type 4).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from holdfast.core.errors import InputError
from holdfast.evidence.keys import KeyPair, PublicKey
from holdfast.kernels.merkle.note import (
    Checkpoint,
    Note,
    Signature,
    is_key_name,
    read_note,
    write_checkpoint,
    write_note,
)

ED25519, COSIGNATURE = 1, 4
_KNOWN = {ED25519: "Ed25519", COSIGNATURE: "Ed25519 cosignature"}


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name; ``kind`` is 1 for a log and 4 for a witness."""

    name: str
    key: PublicKey
    kind: int = ED25519

    @property
    def hint(self) -> bytes:
        """The 4 bytes by which a signature says which key is meant."""
        return sha256(b"%b\n%c%b" % (self.name.encode(), self.kind, self.key.raw)).digest()[:4]

    def __str__(self) -> str:
        """The line to hand to auditors."""
        return f"{self.name}+{self.hint.hex()}+{b64encode(bytes([self.kind]) + self.key.raw).decode()}"


def read_verifier_key(text: str, *, source: str) -> VerifierKey:
    """Read a verifier key.

    Raises
    ------
    InputError
        When it has another form, or another algorithm than this version knows.
    """
    name, _, rest = text.strip().partition("+")
    _digits, _, encoded = rest.partition("+")
    try:
        data = b64decode(encoded, validate=True)
    except ValueError:
        data = b""
    if not is_key_name(name) or not data:
        raise InputError(
            f"expected NAME+HASH+KEY in {source}, got {text!r:.80}", hint="ask the keeper of the log for its key"
        )
    if data[0] not in _KNOWN or len(data) != 33:
        known = ", ".join(f"{kind} ({word})" for kind, word in _KNOWN.items())
        raise InputError(
            f"the key in {source} is of type {data[0]}; known here: {known}", hint="use a newer version of Holdfast"
        )
    key = VerifierKey(name, PublicKey(data[1:]), data[0])
    if str(key) != text.strip():
        raise InputError(f"the hash of the key in {source} does not fit it", hint="fetch the key again: it was altered")
    return key


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A private key with the public line under which its signatures are found."""

    verifier: VerifierKey
    pair: KeyPair


def named(key: KeyPair, name: str) -> NamedKey:
    """Give a key the name of a log."""
    return NamedKey(VerifierKey(name, key.public), key)


def sign_text(text: str, keys: Iterable[NamedKey]) -> str:
    """Sign a text, once with each key."""
    message = text.encode()
    made = (Signature(one.verifier.name, one.verifier.hint, one.pair.sign(message)) for one in keys)
    return write_note(Note(text, tuple(made)))


def cosign(note: Note, key: KeyPair, *, name: str, time: int) -> Signature:
    """Make the signature of a witness, who saw this text at a time (seconds since 1970) after nothing else."""
    value = time.to_bytes(8, "big") + key.sign(_witnessed(note.text, time))
    return Signature(name, VerifierKey(name, key.public, COSIGNATURE).hint, value)


def signed_by(note: Note, key: VerifierKey) -> bool:
    """Whether a signature under the note is by this key; a cosignature's time is in its first 8 bytes."""
    return any(_holds(note.text, one, key) for one in note.signatures if (one.name, one.hint) == (key.name, key.hint))


def checkpoint_text(checkpoint: Checkpoint, *, previous: int) -> str:
    """Write the text that is signed: after the three lines of every checkpoint, the size of the one before it."""
    return f"{write_checkpoint(checkpoint)}previous {previous}\n"


def parse_note(data: bytes | str, *, source: str) -> Note:
    """Read a signed note.

    Raises
    ------
    InputError
        When it has another form.
    """
    try:
        return read_note(data)
    except ValueError as error:
        hint = "give a checkpoint as `holdfast ledger witness` writes it"
        raise InputError(f"{source} is no signed checkpoint: {error}", hint=hint) from None


def _holds(text: str, signature: Signature, key: VerifierKey) -> bool:
    if key.kind == ED25519:
        return key.key.verifies(signature.value, text.encode())
    time, value = int.from_bytes(signature.value[:8], "big"), signature.value[8:]
    return len(value) == 64 and time < 1 << 63 and key.key.verifies(value, _witnessed(text, time))


def _witnessed(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
