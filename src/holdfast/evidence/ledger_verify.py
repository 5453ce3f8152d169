"""Verify a whole ledger: every entry, node and checkpoint, by nothing but what it states and the keys one trusts."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, pairwise
from typing import NamedTuple, Protocol, TypeVar

from holdfast.core.errors import InputError
from holdfast.evidence.key_history import KeyHistory, read_key_event
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.ledger_export import Entries, StoredHistory
from holdfast.evidence.ledger_rows import KeptCheckpoint
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.notes import VerifierKey, checkpoint_text, parse_note, signed_by
from holdfast.evidence.statement import kind_of, parse_statement
from holdfast.evidence.verify import Status
from holdfast.kernels.merkle.note import Checkpoint, Note, is_key_name, read_checkpoint
from holdfast.kernels.merkle.tree import EMPTY_ROOT, Edge, edge_of

MOST_FAULTS = 100
KEPT = "the checkpoint that was kept"
RECORDED = b'"recorded":"'
T = TypeVar("T")


class History(Protocol):
    """A ledger as it is read from its beginning: a database, or an export."""

    @property
    def origin(self) -> str: ...

    def entries(self) -> Generator[Entries]: ...

    def checkpoints(self) -> Generator[KeptCheckpoint]: ...

    def faults_of_nodes(self, begin: int, completed: list[list[bytes]]) -> Iterator[str]:
        """What differs from the nodes that the entries from ``begin`` on completed, by level."""
        ...

    def faults_of_rest(self, size: int) -> Iterator[str]:
        """What stands beside ``size`` entries and their nodes and is not as it was."""
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
    kept = [_kept_elsewhere(text, history.origin) for text in since]
    walk = _Walk(history, {old.size for _, old in kept})
    walk.run()
    if not walk.faults:
        for note, old in kept:
            walk.compare(note, old, trusted)
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

    def __init__(self, history: History, sizes: Collection[int]) -> None:
        self.history = history
        self.roots = dict.fromkeys(sizes, EMPTY_ROOT)
        self.edge = Edge()
        self.faults: list[str] = []
        self.notices: list[str] = []
        self.keys = KeyHistory()
        self.signed: list[tuple[int, tuple[str, ...]]] = []
        self._time = b""

    def run(self) -> None:
        """Read everything; stop at the hundredth fault."""
        with closing(self.history.checkpoints()) as kept, closing(self.history.entries()) as parts:
            upcoming = next(kept, None)
            for entries in parts:
                begin, before = self.edge.size, dict(zip(edge_of(self.edge.size), self.edge.nodes, strict=True))
                completed = self.edge.extend(self._hashed(begin, entries))
                grown = _Grown(begin, before, completed)
                for size in self.roots:
                    if begin < size <= self.edge.size:
                        self.roots[size] = grown.root(size)
                while upcoming is not None and upcoming.size <= self.edge.size:
                    self._check(upcoming, grown)
                    upcoming = next(kept, None)
                self.faults += self.history.faults_of_nodes(begin, completed)
                if len(self.faults) >= MOST_FAULTS:
                    return
            self.faults += islice(self.history.faults_of_rest(self.edge.size), MOST_FAULTS)
            while upcoming is not None and len(self.faults) < MOST_FAULTS:
                self.faults.append(f"checkpoint {upcoming.size}: the ledger holds {self.edge.size} entries only")
                upcoming = next(kept, None)
        if not self.signed or self.signed[-1][0] != self.edge.size:
            self.faults.append(f"the last entries, of {self.edge.size}, stand under no checkpoint")

    def compare(self, note: Note, old: Checkpoint, trusted: Collection[PublicKey]) -> None:
        """Demand that the ledger begins with what a checkpoint that was kept elsewhere speaks of."""
        by_key = self.keys.trusted(trusted)
        keys = {event.key for event in self.keys.events if event.key.key.key_id in by_key}
        keys |= {VerifierKey(old.origin, key) for key in trusted}
        if not any(signed_by(note, key) for key in keys):
            raise InputError(f"{KEPT} is not signed by a key that you trust", hint="name its key with --key")
        size = self.edge.size
        if old.size > size:
            lost = f"{old.size - size:,} entries are gone"
            self.faults.append(f"rolled back: it held {old.size:,} entries then and holds {size:,} now; {lost}")
        elif self.roots[old.size] != old.root:
            self.faults.append(f"rewritten: the first {old.size:,} entries are not those that were signed then")

    def _hashed(self, begin: int, entries: Entries) -> list[bytes]:
        """Hash entries again, and note what differs from what is kept beside them."""
        leaves = [sha256(b"\x00" + payload).digest() for payload in entries.payloads]
        kinds = [kind_of(payload) for payload in entries.payloads]
        positions = range(begin, begin + len(leaves))
        for place in _differences(positions, entries.positions):
            self.faults.append(f"entry {begin + place}: missing; the next one is number {entries.positions[place]}")
        for place in _differences(leaves, entries.leaves):
            self.faults.append(f"entry {begin + place}: its content is not what its hash says")
        for place in _differences(kinds, entries.kinds):
            self.faults.append(
                f"entry {begin + place}: it is filed as {entries.kinds[place]!r} and says {kinds[place]!r}"
            )
        if "key" in kinds:
            for position, (kind, payload) in enumerate(zip(kinds, entries.payloads, strict=True), begin):
                if kind == "key":
                    self._key(position, payload)
        self._clocks(begin, entries.payloads)
        return leaves

    def _key(self, position: int, payload: bytes) -> None:
        try:
            self.keys = KeyHistory((*self.keys.events, read_key_event(position, payload)))
        except InputError as error:
            self.faults.append(error.message)

    def _clocks(self, begin: int, payloads: Sequence[bytes]) -> None:
        """Note clocks that went back; the quick look may be wrong, so a find is looked at again."""
        times = [payload.partition(RECORDED)[2][:24] for payload in payloads]
        before = [self._time, *times]
        self._time = times[-1]
        if before == sorted(before):
            return
        for position, (earlier, time) in enumerate(pairwise(before), begin):
            if time < earlier and len(self.notices) < MOST_FAULTS:
                with suppress(InputError):
                    said = parse_statement(payloads[position - begin], source=f"entry {position}").predicate
                    if said.get("recorded") == time.decode("utf-8", "replace"):
                        self.notices.append(f"entry {position}: recorded at {said['recorded']}, before the one ahead")

    def _check(self, kept: KeptCheckpoint, grown: _Grown) -> None:
        place, size = f"checkpoint {kept.size}", kept.size
        if size <= grown.begin:
            self.faults.append(f"{place}: there is another one of this size")
            return
        try:
            note = parse_note(kept.note, source=place)
        except InputError as error:
            self.faults.append(error.message)
            return
        since = self.signed[-1][0] if self.signed else 0
        if not is_key_name(self.history.origin):
            self.faults.append(f"the ledger has a name that none can have: {self.history.origin!r}")
            return
        state = Checkpoint(self.history.origin, size, grown.root(size))
        if note.text != checkpoint_text(state, previous=since):
            fits = _stated(note) == state
            self.faults.append(f"{place}: {'the one before it is missing' if fits else 'it does not fit the entries'}")
        required = self.keys.required(size, since=since)
        missing = [key.key.key_id for key in required if not signed_by(note, key)]
        if missing or not required or len(note.signatures) != len(required):
            self.faults.append(f"{place}: not signed by the key in force{f' ({missing[0]})' if missing else ''}")
        self.signed.append((size, tuple(key.key.key_id for key in required)))


def _differences(expected: Sequence[T], found: Sequence[T]) -> list[int]:
    """Places that differ; quick where none does."""
    if list(expected) == list(found):
        return []
    return [place for place, (one, other) in enumerate(zip(expected, found, strict=True)) if one != other]


class _Grown(NamedTuple):
    """A part of the tree: where it begins, the nodes on the edge before it, and what was completed, by level."""

    begin: int
    before: Mapping[tuple[int, int], bytes]
    completed: list[list[bytes]]

    def root(self, size: int) -> bytes:
        """Root of the tree when it had this size, which lies in this part."""
        nodes = [
            self.before[level, place]
            if (level, place) in self.before
            else self.completed[level][place - (self.begin >> level)]
            for level, place in edge_of(size)
        ]
        return Edge(size, nodes).root()


def _kept_elsewhere(text: str, origin: str) -> tuple[Note, Checkpoint]:
    note = parse_note(text, source=KEPT)
    old = _stated(note)
    if old is None or old.origin != origin:
        raise InputError(f"{KEPT} is of another ledger", hint=f"give one of {origin}")
    return note, old


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
            key = event.key.key.key_id
            yield f"entry {event.position}: the key {key} counts for nothing from entry {event.since} on"
