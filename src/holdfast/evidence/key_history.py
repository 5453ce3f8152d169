"""Which keys may sign a ledger: introduced, succeeded and revoked by entries of the ledger itself.

The key that a ledger begins with stands in its first entry. A key names its *successor*, and the checkpoint that first
covers that entry carries both signatures: whoever trusts the older key may trust the newer one. A key that is lost
names nobody; another one is *introduced* then, which a reader must come to trust by another way. A *revoked* key counts
for nothing from the stated entry on, and so does the successor that it named from there on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from holdfast.core.errors import InputError
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.notes import VerifierKey, read_verifier_key
from holdfast.evidence.statement import Statement, parse_statement

Action = Literal["introduced", "succeeded", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvent:
    """What an entry says of a key.

    Attributes
    ----------
    position
        Number of the entry.
    key
        The key that is introduced, succeeds, or is revoked.
    predecessor
        Id of the key that named this one; empty unless it succeeds one.
    since
        First entry for which a revoked key no longer counts; unused otherwise.
    """

    position: int
    action: Action
    key: VerifierKey
    predecessor: str = ""
    since: int = 0


def key_statement(
    action: Action, key: VerifierKey, *, predecessor: str = "", since: int = 0, reason: str = ""
) -> Statement:
    """Write what :class:`KeyEvent` reads."""
    more: dict[str, str | int] = {}
    if action == "succeeded":
        more["predecessor"] = predecessor
    if action == "revoked":
        more |= {"since": since, "reason": reason}
    predicate = {"action": action, "key": str(key), **more}
    return Statement(kind="key", subjects={"key": key.key.key_id}, predicate=predicate)


def read_key_event(position: int, payload: bytes) -> KeyEvent:
    """Read what an entry says of a key.

    Raises
    ------
    InputError
        When it says nothing of that kind.
    """
    source = f"entry {position}"
    said = parse_statement(payload, source=source)
    action = next((one for one in get_args(Action) if one == said.predicate.get("action")), None)
    since = said.predicate.get("since", 0)
    if said.kind != "key" or action is None or not isinstance(since, int):
        raise InputError(f"{source} says nothing about a key that is known here")
    key = read_verifier_key(str(said.predicate.get("key", "")), source=source)
    predecessor = str(said.predicate.get("predecessor", ""))
    return KeyEvent(position=position, action=action, key=key, predecessor=predecessor, since=since)


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """All that a ledger says of its keys, in order."""

    events: tuple[KeyEvent, ...] = ()

    def signer(self, size: int) -> KeyEvent | None:
        """The entry that names the key with which a checkpoint of this size is signed."""
        named = [one for one in self.events if one.position < size and one.action != "revoked"]
        return named[-1] if named else None

    def required(self, size: int, *, since: int) -> list[VerifierKey]:
        """Keys that sign a checkpoint of this size, when the one before it was of size ``since``."""
        signer = self.signer(size)
        if signer is None:
            return []
        keys = {event.key.key.key_id: event.key for event in self.events if event.action != "revoked"}
        named = [one for one in self.events if since <= one.position < size and one.action == "succeeded"]
        return [signer.key, *(keys[one.predecessor] for one in named if one.predecessor in keys)]

    def trusted(self, anchors: Collection[PublicKey]) -> Mapping[str, int | None]:
        """Ids of the keys that can be trusted by whoever trusts ``anchors``, each with the size up to which it counts.

        ``None``: without an end.
        """
        revoked = {one.key.key.key_id: one.since for one in reversed(self.events) if one.action == "revoked"}
        found = {key.key_id for key in anchors}
        for event in self.events:
            ends = revoked.get(event.predecessor)
            if event.action == "succeeded" and event.predecessor in found and (ends is None or event.position < ends):
                found.add(event.key.key.key_id)
        return {key: revoked.get(key) for key in found}


def history_of(entries: Iterable[tuple[int, bytes]]) -> KeyHistory:
    """Read the entries about keys, given by number and payload."""
    return KeyHistory(tuple(read_key_event(position, payload) for position, payload in entries))
