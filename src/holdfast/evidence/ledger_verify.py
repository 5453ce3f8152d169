"""Verify a whole ledger: every entry, node and checkpoint, by nothing but what it states and the keys one trusts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from holdfast.core.errors import InputError
from holdfast.evidence.key_history import KeyHistory, read_key_event
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.ledger_export import StoredHistory
from holdfast.evidence.ledger_storage import Entry, KeptCheckpoint, Storage
from holdfast.evidence.notes import VerifierKey, parse_note, signed_by
from holdfast.evidence.statement import kind_of, parse_statement
from holdfast.evidence.verify import Status
from holdfast.kernels.merkle.note import Checkpoint, Note, read_checkpoint
from holdfast.kernels.merkle.tree import Edge, consistency_proof, is_consistent, leaf_hash

MOST_FAULTS = 100
CHUNK = 8192
_RECORDED = re.compile(rb'"recorded":"([0-9TZ:.-]+)"')


class History(Protocol):
    """A ledger as it is read from its beginning: a database, or an export."""

    @property
    def origin(self) -> str: ...

    def entries(self) -> Iterator[Entry]: ...

    def checkpoints(self) -> Iterator[KeptCheckpoint]: ...

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """What differs from the nodes that the entries from ``begin`` on completed, by level."""
        ...

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """What stands beside the nodes of ``size`` entries."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerVerification:
    """What verification found.

    Attributes
    ----------
    status
        ``trusted``: intact, and the newest checkpoint is signed by a key that is trusted. ``unknown_origin``: intact,
        but it is not. ``altered``: not what was signed.
    origin, size, root
        Name, number of entries and root (hexadecimal) of the ledger as it is.
    faults
        What is not as it was signed, at most 100 of it.
    trusted_size
        Number of entries, from the first one on, that a trusted key vouches for.
    notices
        What is no alteration and yet worth knowing: clocks that went back, keys that somebody should trust or not.
    checkpoints
        Number of checkpoints held against the entries.
    """

    status: Status
    origin: str
    size: int
    root: str
    faults: tuple[str, ...]
    trusted_size: int
    notices: tuple[str, ...]
    checkpoints: int

    @property
    def exit_code(self) -> int:
        """0 trusted, 1 altered, 4 intact but of unknown origin."""
        return {"trusted": 0, "altered": 1, "unknown_origin": 4}[self.status]

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        if self.status == "altered":
            return f"altered: {len(self.faults)} difference(s) from what was signed"
        if self.status == "trusted":
            return f"intact: {self.size:,} entries of {self.origin}, signed by a trusted key"
        return (
            f"intact, origin unknown: a trusted key vouches for {self.trusted_size:,} of {self.size:,} entries "
            f"of {self.origin}"
        )


def verify_ledger(
    storage: Storage, *, trusted: Collection[PublicKey], since: Collection[str] = ()
) -> LedgerVerification:
    """Verify what a database holds at this moment: see :func:`verify_history`."""
    with storage.reading() as connection:
        return verify_history(StoredHistory(storage, connection), trusted=trusted, since=since)


def verify_history(
    history: History, *, trusted: Collection[PublicKey], since: Collection[str] = ()
) -> LedgerVerification:
    """Hash every entry again, and hold nodes, checkpoints and signatures against the result.

    Parameters
    ----------
    trusted
        Keys that the reader trusts; a successor that one of them named is trusted with it.
    since
        Checkpoints that were kept elsewhere: the ledger must begin with all that it held then.
    """
    walk = _Walk(history)
    walk.run()
    if not walk.faults:
        for text in since:
            walk.compare(text, trusted)
    by_key = walk.keys.trusted(trusted)
    vouched = [size for size, signers in walk.signed if any(_counts(by_key, one, size) for one in signers)]
    trusted_size = max(vouched, default=0)
    faults = tuple(walk.faults)
    intact: Status = "trusted" if trusted_size == walk.edge.size and walk.edge.size else "unknown_origin"
    return LedgerVerification(
        status="altered" if faults else intact,
        origin=history.origin,
        size=walk.edge.size,
        root=walk.edge.root().hex(),
        faults=faults,
        trusted_size=0 if faults else trusted_size,
        notices=(*walk.notices, *_about_revoked(walk.keys)),
        checkpoints=len(walk.signed),
    )


class _Walk:
    """One pass over a ledger."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.edge = Edge()
        self.faults: list[str] = []
        self.notices: list[str] = []
        self.keys = KeyHistory()
        self.signed: list[tuple[int, tuple[str, ...]]] = []
        self._leaves: list[bytes] = []
        self._time = b""

    def run(self) -> None:
        """Read everything; stop at the hundredth fault."""
        kept = self.history.checkpoints()
        upcoming = next(kept, None)
        begin, completed = 0, _levels()
        for entry in self.history.entries():
            self._enter(entry, completed)
            if upcoming is not None and upcoming.size <= self.edge.size:
                self._check(upcoming)
                upcoming = next(kept, None)
            if self.edge.size % CHUNK == 0:
                self.faults += self.history.faults_of_nodes(begin, completed)
                begin, completed = self.edge.size, _levels()
            if len(self.faults) >= MOST_FAULTS:
                return
        self.faults += self.history.faults_of_nodes(begin, completed)
        self.faults += self.history.faults_of_rest(self.edge.size)
        while upcoming is not None and len(self.faults) < MOST_FAULTS:
            self.faults.append(f"checkpoint {upcoming.size}: the ledger holds {self.edge.size} entries only")
            upcoming = next(kept, None)
        if not self.signed or self.signed[-1][0] != self.edge.size:
            self.faults.append(f"the last entries, of {self.edge.size}, stand under no checkpoint")

    def compare(self, text: str, trusted: Collection[PublicKey]) -> None:
        """Demand that the ledger begins with what a checkpoint that was kept elsewhere speaks of."""
        source = "the checkpoint that was kept"
        note = parse_note(text, source=source)
        old = _stated(note)
        if old is None or old.origin != self.history.origin:
            raise InputError(f"{source} is of another ledger", hint=f"give one of {self.history.origin}")
        by_key = self.keys.trusted(trusted)
        keys = {event.key for event in self.keys.events if event.key.key.key_id in by_key}
        keys |= {VerifierKey(old.origin, key) for key in trusted}
        if not any(signed_by(note, key) for key in keys):
            raise InputError(f"{source} is not signed by a key that you trust", hint="name its key with --key")
        size = self.edge.size
        if old.size > size:
            lost = f"{old.size - size:,} entries are gone"
            self.faults.append(f"rolled back: it held {old.size:,} entries then and holds {size:,} now; {lost}")
            return
        proof = consistency_proof(old.size, size, self._node)
        if not is_consistent(old.size, old.root, size, self.edge.root(), proof):
            self.faults.append(f"rewritten: the first {old.size:,} entries are not those that were signed then")

    def _enter(self, entry: Entry, completed: list[list[bytes]]) -> None:
        position = self.edge.size
        leaf = leaf_hash(entry.payload)
        if entry.position != position:
            self.faults.append(f"entry {position}: missing; the next one has the number {entry.position}")
        if leaf != entry.leaf:
            self.faults.append(f"entry {position}: its content is not what its hash says")
        kind = kind_of(entry.payload)
        if kind != entry.kind:
            self.faults.append(f"entry {position}: it is filed as {entry.kind!r} and says {kind!r}")
        if kind == "key":
            self._key(position, entry.payload)
        self._clock(position, entry.payload)
        self._leaves.append(leaf)
        for node in self.edge.append(leaf):
            completed[node.level].append(node.hash)

    def _key(self, position: int, payload: bytes) -> None:
        try:
            self.keys = KeyHistory((*self.keys.events, read_key_event(position, payload)))
        except InputError as error:
            self.faults.append(error.message)

    def _clock(self, position: int, payload: bytes) -> None:
        """Note a clock that went back; the quick look may be wrong, so a find is looked at again."""
        found = _RECORDED.search(payload)
        if found is None:
            return
        if found[1] < self._time:
            stated = parse_statement(payload, source=f"entry {position}").predicate.get("recorded")
            if stated == found[1].decode() and len(self.notices) < MOST_FAULTS:
                self.notices.append(f"entry {position}: recorded at {stated}, before the one ahead of it")
        self._time = found[1]

    def _check(self, kept: KeptCheckpoint) -> None:
        place = f"checkpoint {kept.size}"
        try:
            note = parse_note(kept.note, source=place)
        except InputError as error:
            self.faults.append(error.message)
            return
        if _stated(note) != Checkpoint(self.history.origin, self.edge.size, self.edge.root()):
            self.faults.append(f"{place}: it does not fit the entries before it")
            return
        since = self.signed[-1][0] if self.signed else 0
        required = self.keys.required(self.edge.size, since=since)
        missing = [key.key.key_id for key in required if not signed_by(note, key)]
        if missing or not required or len(note.signatures) != len(required):
            self.faults.append(f"{place}: not signed by the key in force" + f" ({missing[0]})" * bool(missing))
        self.signed.append((kept.size, tuple(key.key.key_id for key in required)))

    def _node(self, level: int, place: int) -> bytes:
        """Compute a node again from its leaves."""
        edge = Edge()
        for leaf in self._leaves[place << level : place + 1 << level]:
            edge.append(leaf)
        return edge.root()


def _levels() -> list[list[bytes]]:
    return [[] for _ in range(64)]


def _stated(note: Note) -> Checkpoint | None:
    try:
        return read_checkpoint(note.text)
    except ValueError:
        return None


def _counts(trusted: Mapping[str, int | None], key: str, size: int) -> bool:
    """Whether a key that is trusted signed this while it counted."""
    return key in trusted and ((end := trusted[key]) is None or size <= end)


def _about_revoked(keys: KeyHistory) -> Iterator[str]:
    for event in keys.events:
        if event.action == "revoked":
            yield f"entry {event.position}: the key {event.key.key.key_id} counts for nothing from entry {event.since} on"
