"""Proof that something stands in a ledger, for whoever has only the proof and a key.

``ledger.json`` of a bundle holds the entries of one audit, the hashes that lead from each to the root of the ledger,
and the signed checkpoint with that root.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.notes import VerifierKey, parse_note, signed_by
from holdfast.evidence.statement import Statement, parse_statement
from holdfast.kernels.merkle.note import Checkpoint, from_base64, read_checkpoint
from holdfast.kernels.merkle.tree import includes, leaf_hash

RECEIPT_NAME = "ledger.json"
RECEIPT_SCHEMA = "https://holdfast.dev/schema/ledger-receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """One entry with its proof.

    Attributes
    ----------
    index
        Its number in the ledger, from 0.
    statement
        Its exact text.
    proof
        Hashes from the entry to the root, in base64.
    """

    index: int
    statement: str
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Entries of a ledger under one signed checkpoint."""

    checkpoint: str
    entries: tuple[Included, ...]
    schema: str = RECEIPT_SCHEMA

    def encode(self) -> bytes:
        """Write ``ledger.json``."""
        return canonical_json(self)

    def state(self) -> Checkpoint:
        """Name, size and root of the ledger when the receipt was made."""
        return read_checkpoint(parse_note(self.checkpoint, source="the checkpoint of the receipt").text)

    def statements(self) -> tuple[Statement, ...]:
        """What the entries say."""
        return tuple(parse_statement(one.statement.encode(), source=f"entry {one.index}") for one in self.entries)


def make_receipt(checkpoint: str, entries: Sequence[tuple[int, bytes, Sequence[bytes]]]) -> Receipt:
    """Put entries, given by number, payload and proof, under their checkpoint."""
    return Receipt(
        checkpoint=checkpoint,
        entries=tuple(
            Included(index=index, statement=payload.decode(), proof=tuple(b64encode(one).decode() for one in proof))
            for index, payload, proof in entries
        ),
    )


def read_receipt(data: bytes, *, source: str) -> Receipt:
    """Read a receipt that may be hostile, and hold every entry against the root of its checkpoint.

    The signature of the checkpoint is another question: :func:`vouched_for`.

    Raises
    ------
    InputError
        When it is malformed or not in its one form, or an entry does not lead to the root.
    """
    receipt = from_json(Receipt, data, source=source)
    if receipt.schema != RECEIPT_SCHEMA or not receipt.entries:
        raise InputError(f"{source} is no receipt of a ledger", hint="fetch the bundle again")
    if receipt.encode() != data or any(one.index >= other.index for one, other in pairwise(receipt.entries)):
        raise InputError(f"{source} is not in canonical form (RFC 8785)", hint="fetch the bundle again")
    try:
        state = read_checkpoint(parse_note(receipt.checkpoint, source=source).text)
        for one in receipt.entries:
            proof = [from_base64(step, 32) for step in one.proof]
            if not includes(leaf_hash(one.statement.encode()), one.index, state.size, proof, state.root):
                raise ValueError(f"entry {one.index} does not lead to the root of the checkpoint")
    except ValueError as error:
        raise InputError(f"{source} proves nothing: {error}", hint="fetch the bundle again") from None
    return receipt


def vouched_for(receipt: Receipt, trusted: Collection[PublicKey]) -> bool:
    """Whether the checkpoint is signed by a key that is trusted."""
    note = parse_note(receipt.checkpoint, source="the checkpoint of the receipt")
    name = read_checkpoint(note.text).origin
    return any(signed_by(note, VerifierKey(name, key)) for key in trusted)
