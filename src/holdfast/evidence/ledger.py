"""An append-only log of everything that happened: entries nobody can alter, remove or reorder unnoticed.

Entries are the leaves of a Merkle tree. Each commit ends with a signed checkpoint: whoever keeps one can tell later
whether the log still begins with everything that it held then.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Self, TypeVar

from holdfast.core.errors import InputError
from holdfast.evidence.commitment import Commitment
from holdfast.evidence.key_history import KeyHistory, history_of, key_statement
from holdfast.evidence.keys import KeyPair, PublicKey
from holdfast.evidence.ledger_growth import State, about_keys, grown, nodes_of, other_key
from holdfast.evidence.ledger_rows import Entry, Growth, KeptCheckpoint, Salt
from holdfast.evidence.ledger_storage import Storage, closed_on_error
from holdfast.evidence.notes import NamedKey, VerifierKey, named, parse_note, signed_by
from holdfast.evidence.receipt import Receipt, make_receipt
from holdfast.evidence.statement import Statement, kind_of
from holdfast.kernels.merkle.note import Checkpoint, is_key_name, read_checkpoint
from holdfast.kernels.merkle.tree import Edge, NodeAt, consistency_proof, edge_of, inclusion_proof, leaf_hash

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection

TAIL = 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Appended:
    """Where entries were put: the number of the first one, how many, and the signed checkpoint that covers them."""

    first: int
    count: int
    checkpoint: str


@dataclass(slots=True)
class _Ticket:
    """Entries that wait for their commit."""

    payloads: Sequence[bytes]
    salts: Sequence[Salt]
    result: Appended | None = None
    error: BaseException | None = None


class Ledger:
    """An open ledger; threads may share it, and what they append at the same time shares one commit.

    Parameters
    ----------
    storage
        Where it is kept.
    key
        Signs; ``None`` to read only.

    Attributes
    ----------
    fault
        What is wrong with the end of the ledger; empty if nothing is. A ledger with a fault can be read, not written.

    Raises
    ------
    InputError
        When there is no ledger.
    """

    def __init__(self, storage: Storage, key: KeyPair | None = None) -> None:
        with closed_on_error(storage):
            if not storage.exists():
                raise InputError(
                    f"expected a ledger in {storage.name}, found none", hint="make one with `holdfast ledger init`"
                )
            with storage.reading() as connection:
                self.origin = storage.origin(connection)
                self._state, self.fault = self._recover(storage, connection)
        self.storage = storage
        self._key = named(key, self.origin) if key else None
        self._writing = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._queue = threading.Lock()

    @classmethod
    def open(cls, place: str, key: KeyPair | None = None) -> Self:
        """Open a ledger by its place: a file, or ``postgresql://USER@HOST/DATABASE``."""
        return cls(Storage(place), key)

    @classmethod
    def create(cls, place: str, key: KeyPair, *, origin: str = "") -> Self:
        """Begin a ledger, with the key in its first entry.

        Parameters
        ----------
        origin
            A name that no other ledger has, like ``example.com/audits``; one by chance when empty.

        Raises
        ------
        InputError
            When there is one already, or the key is an ephemeral one.
        """
        storage = Storage(place)
        if key.ephemeral:
            raise InputError("a ledger needs a key that stays", hint="make one with `holdfast keys init`")
        if storage.path is not None and not storage.path.parent.is_dir():
            raise InputError(f"expected a folder {storage.path.parent}, found none", hint="create it first")
        name = origin or f"holdfast/{secrets.token_hex(8)}"
        if not is_key_name(name):
            raise InputError(f"no ledger can have the name {name!r}", hint="use one like example.com/audits")
        with closed_on_error(storage):
            if storage.exists():
                raise InputError(
                    f"expected no ledger in {storage.name}, found one", hint="use it, or name another place"
                )
            signer = named(key, name)
            said = _dated(key_statement("introduced", signer.verifier)).encode()
            first, _ = grown(State(None, Edge()), name, [said], (), (signer,))
            storage.create(name, first)
        return cls(storage, key)

    @property
    def size(self) -> int:
        """Number of entries when this object last looked."""
        return self._state.last.size if self._state.last else 0

    def checkpoint(self) -> str:
        """The newest signed checkpoint.

        Raises
        ------
        InputError
            When nothing was entered yet.
        """
        with self.storage.reading() as connection:
            return self._newest(connection).note

    def enter(self, statements: Sequence[Statement], *, commitments: Sequence[Commitment] = ()) -> Appended:
        """Append statements with the time of now; they are on disk when this returns.

        Parameters
        ----------
        commitments
            Those that the statements name; their salts are kept apart and can be erased.
        """
        salts = [Salt(one.salt, one.secret) for one in commitments]
        return self.append([_dated(one).encode() for one in statements], salts=salts)

    def append(self, payloads: Sequence[bytes], *, salts: Sequence[Salt] = ()) -> Appended:
        """Append encoded statements; they are on disk when this returns.

        Threads that come while another one commits are committed together with the next one.

        Raises
        ------
        InputError
            When there is nothing to append, no key to sign with, or the ledger cannot be written: a full disk, a fault
            at its end, a key that is not the one in force.
        """
        if not payloads:
            raise InputError("expected at least one entry, got none")
        ticket = _Ticket(payloads, salts)
        with self._queue:
            self._waiting.append(ticket)
        with self._writing:
            if ticket.result is None and ticket.error is None:
                with self._queue:
                    tickets, self._waiting = self._waiting, []
                self._commit(tickets)
        if ticket.error is not None:
            raise ticket.error
        assert ticket.result is not None
        return ticket.result

    def check_writable(self) -> None:
        """Refuse what :meth:`append` would refuse: a fault at the end, a key that is not the one in force.

        Raises
        ------
        InputError
            When nothing could be entered.
        """
        with self.storage.reading() as connection:
            self._check_key(self._current(connection), self._signer())

    def succeed(self, successor: KeyPair) -> Appended:
        """Let another key sign from now on: the key in force names it, and both sign the next checkpoint."""
        former, key = self._signer(), named(successor, self.origin)
        said = key_statement("succeeded", key.verifier, predecessor=former.pair.key_id)
        return self._enter_as(said, (key, former))

    def introduce(self, key: KeyPair) -> Appended:
        """Go on with another key when the one in force is lost; readers must come to trust it by another way."""
        another = named(key, self.origin)
        return self._enter_as(key_statement("introduced", another.verifier), (another,))

    def revoke(self, key: PublicKey, *, since: int, reason: str) -> Appended:
        """State that a key counts for nothing from an entry on.

        Raises
        ------
        InputError
            When the ledger has never named the key, or it is the one that signs this.
        """
        named = {event.key.key for event in self._state.keys.events}
        if key not in named or key == self._signer().verifier.key:
            raise InputError(
                f"expected a former key of this ledger, got {key.key_id}", hint="let another key succeed it first"
            )
        return self.enter([key_statement("revoked", VerifierKey(self.origin, key), since=since, reason=reason)])

    def entries(
        self, begin: int = 0, end: int | None = None, *, kind: str = "", last: int | None = None
    ) -> list[Entry]:
        """Entries from one number to before another; of one kind, or only the last ones, where asked."""
        with self.storage.reading() as at:
            return self.storage.entries(at, begin, end, kind=kind, last=last)

    def receipt(self, indices: Collection[int]) -> Receipt:
        """Prove that entries stand in the ledger as it is now.

        Raises
        ------
        InputError
            When there is no such entry.
        """
        with self.storage.reading() as connection:
            newest = self._newest(connection)
            wanted = sorted(set(indices))
            entries = self.storage.entries_at(connection, wanted)
            for index in wanted:
                if index not in entries or index >= newest.size:
                    raise InputError(f"expected an entry from 0 to {newest.size - 1}, got {index}")
            proofs = _from_nodes(
                self.storage, connection, lambda node: [inclusion_proof(at, newest.size, node) for at in wanted]
            )
            payloads = [entries[index].payload for index in wanted]
            return make_receipt(newest.note, list(zip(wanted, payloads, proofs, strict=True)))

    def growth(self, old: int) -> tuple[str, tuple[bytes, ...]]:
        """The newest checkpoint, and the proof that the ledger still begins with its first ``old`` entries.

        Raises
        ------
        InputError
            When the ledger has fewer entries than that.
        """
        with self.storage.reading() as connection:
            newest = self._newest(connection)
            if old > newest.size:
                raise InputError(
                    f"the ledger holds {newest.size} entries, and a checkpoint speaks of {old}: entries are gone",
                    hint="restore the newest copy; `holdfast ledger verify --since` says more",
                )
            proof = _from_nodes(self.storage, connection, lambda node: consistency_proof(old, newest.size, node))
            return newest.note, proof

    def erase(self, digest: str) -> bool:
        """Erase the salt of a commitment, also from the files of the database; whether there was one."""
        with self.storage.writing() as connection:
            found = self.storage.erase_salt(connection, digest)
        self.storage.scrub()
        return found

    def salt(self, digest: str) -> bytes | None:
        """The salt of a commitment, unless it was erased."""
        with self.storage.reading() as connection:
            return self.storage.salt(connection, digest)

    def close(self) -> None:
        """Let go of the database."""
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _enter_as(self, said: Statement, signers: tuple[NamedKey, ...]) -> Appended:
        """Enter a change of keys, signed by these; the first one signs from then on."""
        ticket = _Ticket([_dated(said).encode()], ())
        with self._writing:
            self._commit([ticket], signers)
            if ticket.error is not None:
                raise ticket.error
            self._key = signers[0]
        assert ticket.result is not None
        return ticket.result

    def _commit(self, tickets: Sequence[_Ticket], signers: tuple[NamedKey, ...] = ()) -> None:
        """Enter the entries of all tickets in one transaction, and say to each what came of it."""
        try:
            results, state = self._written(tickets, signers or (self._signer(),), is_change=bool(signers))
        except Exception as error:
            for ticket in tickets:
                ticket.error = error
            return
        self._state = state
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result

    def _written(
        self, tickets: Sequence[_Ticket], signers: tuple[NamedKey, ...], *, is_change: bool
    ) -> tuple[list[Appended], State]:
        """Enter the entries after the state that is remembered, or, where that is not the state any more, after it."""
        payloads = [payload for ticket in tickets for payload in ticket.payloads]
        salts = [salt for ticket in tickets for salt in ticket.salts]
        state = self._state
        if not self.fault and is_change == bool(other_key(state, signers[0])):
            growth, after = grown(state, self.origin, payloads, salts, signers)
            if self.storage.append(growth):
                return _places(growth, tickets), after
        with self.storage.writing() as connection:
            state = self._current(connection)
            if is_change and not other_key(state, signers[0]):
                held = f"the ledger is signed with the key {signers[0].pair.key_id} already"
                raise InputError(held, hint="make another one with `holdfast keys init --folder NEW`")
            if not is_change:
                self._check_key(state, signers[0])
            growth, after = grown(state, self.origin, payloads, salts, signers)
            added = self.storage.add(connection, growth)
            assert added
        return _places(growth, tickets), after

    def _current(self, connection: Connection) -> State:
        """The state to go on from: the one remembered, unless somebody else wrote meanwhile."""
        before = self._state.last
        if not self.fault and self.storage.last_checkpoint(connection) != before:
            if before is not None and self.storage.checkpoint(connection, before.size) != before:
                self.fault = f"it held {before.size} entries when it was used here last, and these are not those"
            else:
                self._state, self.fault = self._recover(self.storage, connection)
        if self.fault:
            raise InputError(
                f"the ledger {self.storage.name} is read only, because its end is not as it was signed: {self.fault}",
                hint="see `holdfast ledger verify`; go on with a copy that verifies",
            )
        return self._state

    def _check_key(self, state: State, key: NamedKey) -> None:
        force = other_key(state, key)
        if force is not None:
            raise InputError(
                f"the ledger is signed with the key {force.key.key_id}, and yours is {key.pair.key_id}",
                hint="use that key, or enter yours with `holdfast ledger key`",
            )

    def _signer(self) -> NamedKey:
        if self._key is None:
            raise InputError("expected a key to sign with, got none", hint="make one with `holdfast keys init`")
        return self._key

    def _newest(self, connection: Connection) -> KeptCheckpoint:
        newest = self.storage.last_checkpoint(connection)
        if newest is None:
            raise InputError(f"the ledger {self.storage.name} holds nothing yet", hint="enter something first")
        return newest

    def _recover(self, storage: Storage, connection: Connection) -> tuple[State, str]:
        """Take up the state that was written last, and say what is wrong with it: the last entries are hashed again."""
        last = storage.last_checkpoint(connection)
        size = last.size if last else 0
        if storage.entries(connection, size, last=1):
            return State(last, Edge()), f"entries from {size} on stand under no checkpoint"
        if last is None:
            return State(None, Edge()), ""
        begin = max(0, size - TAIL)
        try:
            edge = Edge(begin, _from_nodes(storage, connection, lambda node: [node(*at) for at in edge_of(begin)]))
            fault = self._hash_again(storage, connection, edge, size)
            keys = history_of(about_keys(storage.entries(connection, 0, kind="key")))
        except InputError as error:
            return State(last, Edge()), error.message
        return State(last, edge, keys), fault or _checkpoint_fault(last, self.origin, edge, keys)

    def _hash_again(self, storage: Storage, connection: Connection, edge: Edge, size: int) -> str:
        begin = edge.size
        found = storage.entries(connection, begin)
        for position, entry in enumerate(found, begin):
            leaf = leaf_hash(entry.payload)
            if entry != Entry(position, kind_of(entry.payload), entry.payload, leaf):
                return f"entry {position} is missing or not as it was signed"
        expected = nodes_of(begin, edge.extend([entry.leaf for entry in found]))
        stored = storage.nodes(connection, begin - begin.bit_count(), size)
        if stored != expected:
            return f"the nodes over the entries from {begin} on are not as they were signed"
        return "" if edge.size == size else f"the checkpoint speaks of {size} entries, and {edge.size} are there"


def _places(growth: Growth, tickets: Sequence[_Ticket]) -> list[Appended]:
    """Where the entries of each ticket were put."""
    counts = [len(ticket.payloads) for ticket in tickets]
    firsts = accumulate(counts, initial=growth.entries[0].position)
    return [Appended(first, n, growth.checkpoint.note) for first, n in zip(firsts, counts, strict=False)]


def _from_nodes(storage: Storage, connection: Connection, compute: Callable[[NodeAt], T]) -> T:
    """What is computed from hashes of the tree, all fetched at once: a first go without them shows which."""
    wanted: set[tuple[int, int]] = set()

    def note(level: int, place: int) -> bytes:
        wanted.add((level, place))
        return b""

    compute(note)
    found = storage.hashes(connection, wanted)
    for level, place in sorted(wanted - found.keys()):
        raise InputError(
            f"node {place} of level {level} is missing in the ledger {storage.name}",
            hint="see `holdfast ledger verify`; go on with a copy that verifies",
        )
    return compute(lambda *at: found[at])


def _dated(statement: Statement) -> Statement:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return replace(statement, predicate={**statement.predicate, "recorded": now})


def _checkpoint_fault(last: KeptCheckpoint, origin: str, edge: Edge, keys: KeyHistory) -> str:
    """What is wrong with the newest checkpoint, given the tree that the entries make."""
    try:
        note = parse_note(last.note, source="the newest checkpoint")
        stated = read_checkpoint(note.text)
    except (InputError, ValueError) as error:
        return f"the newest checkpoint is malformed: {error}"
    if stated != Checkpoint(origin, edge.size, edge.root()):
        return "the newest checkpoint does not fit the entries"
    signer = keys.signer(last.size)
    if signer is None or not signed_by(note, signer.key):
        return "the newest checkpoint is not signed by the key in force"
    return ""
