"""What a ledger becomes when entries are added: the rows of one transaction, and what the next one follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.evidence.key_history import KeyHistory, history_of
from holdfast.evidence.ledger_rows import Entry, Growth, KeptCheckpoint, KeptNode, Salt
from holdfast.evidence.notes import NamedKey, VerifierKey, checkpoint_text, sign_text
from holdfast.evidence.statement import kind_of
from holdfast.kernels.merkle.note import Checkpoint
from holdfast.kernels.merkle.tree import Edge, in_order, leaf_hash


@dataclass(slots=True)
class State:
    """What a writer remembers between two commits."""

    last: KeptCheckpoint | None
    edge: Edge
    keys: KeyHistory = field(default_factory=KeyHistory)


def grown(
    state: State, origin: str, payloads: Sequence[bytes], salts: Sequence[Salt], signers: Sequence[NamedKey]
) -> tuple[Growth, State]:
    """The rows to add for these payloads, and the state after them."""
    edge, begin = state.edge.copy(), state.edge.size
    rows = [
        Entry(position, kind_of(payload), payload, leaf_hash(payload))
        for position, payload in enumerate(payloads, begin)
    ]
    nodes = nodes_of(begin, edge.extend([row.leaf for row in rows]))
    text = checkpoint_text(Checkpoint(origin, edge.size, edge.root()), previous=begin)
    last = KeptCheckpoint(edge.size, sign_text(text, signers))
    events = history_of(about_keys(rows)).events
    keys = KeyHistory((*state.keys.events, *events)) if events else state.keys
    return Growth(state.last, rows, nodes, last, salts), State(last, edge, keys)


def other_key(state: State, key: NamedKey) -> VerifierKey | None:
    """The key in force where it is another one."""
    force = state.keys.signer(state.last.size if state.last else 0)
    return force.key if force is not None and force.key != key.verifier else None


def nodes_of(begin: int, completed: Sequence[Sequence[bytes]]) -> list[KeptNode]:
    """Inner nodes that entries from ``begin`` on completed, given by level, in the order in which they were."""
    return list(map(KeptNode._make, enumerate(in_order(begin, completed), begin - begin.bit_count())))


def about_keys(entries: Iterable[Entry]) -> Iterator[tuple[int, bytes]]:
    """Numbers and payloads of the entries about keys."""
    return ((entry.position, entry.payload) for entry in entries if entry.kind == "key")
