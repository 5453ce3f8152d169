"""What a scan says: observations about byte ranges, and how much of the file they speak of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["executes", "unknown", "suspicious", "malformed", "not_examined", "secret"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Bytes ``start`` to ``end`` (not included) of ``path``: the file, then the members of archives inside it.

    Examples
    --------
    >>> str(Place(("model.pt", "archive/data.pkl"), 2, 40))
    'model.pt!archive/data.pkl[2:40]'
    """

    path: tuple[str, ...]
    start: int
    end: int

    def __str__(self) -> str:
        return f"{'!'.join(self.path)}[{self.start}:{self.end}]"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was found.

    Attributes
    ----------
    kind
        ``executes``: loading the file runs code that its author chose. ``unknown``: it names something that no rule
        allows. ``suspicious``: a structure that serves to mislead readers (two readers would see different content,
        bytes hidden from them) or to exhaust them. ``malformed``: it breaks its format. ``not_examined``: these bytes
        were not looked at, and why. ``secret``: a credential.
    rule
        Stable id of the rule, such as ``pickle.global`` or ``zip.duplicate-name``.
    message
        What and why, in one sentence, printable whatever the file holds.
    detail
        The thing itself, for example ``os.system``; printable, bounded.
    """

    kind: Kind
    rule: str
    place: Place
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """Bytes found inside that need a look of their own.

    Attributes
    ----------
    data
        The bytes; a view of the parent where they are stored as they are.
    place
        Where they come from. ``path`` is extended for a member of an archive.
    expected
        Format the container says they have, such as ``pickle``; empty to identify them by content.
    """

    data: memoryview
    place: Place
    expected: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Sibling:
    """Bytes of another file that the runtime would read: ``end`` is ``None`` for the rest of it."""

    location: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walker returns for one byte range.

    Attributes
    ----------
    format
        The format it turned out to be, such as ``zip`` or ``pickle``.
    covered
        Ranges of the data that belong to a parsed structure; the rest is reported as gaps by the caller.
    siblings
        Other files that it names, relative to its own folder; what they are is for the caller to look at.
    """

    format: str
    covered: tuple[tuple[int, int], ...]
    observations: tuple[Observation, ...] = ()
    children: tuple[Child, ...] = ()
    notes: tuple[str, ...] = field(default=())
    siblings: tuple[Sibling, ...] = field(default=())


@dataclass(slots=True)
class Budget:
    """What may still be spent on one file; walkers take from it and stop when it is empty.

    Attributes
    ----------
    expanded_bytes, opcodes, members
        Bytes that decompression may still yield, opcodes and archive members that may still be read.
    expired
        Whether the time is up; the caller owns the clock.
    """

    expanded_bytes: int
    opcodes: int
    members: int
    expired: Callable[[], bool]


class Walker(Protocol):
    """Reads one format.

    Never raises for any bytes: what breaks the format is a ``malformed`` observation, what the budget does not allow a
    ``not_examined`` one. Memory is bounded by a constant beyond its input and its children.
    """

    def __call__(self, data: memoryview, place: Place, budget: Budget) -> Walked: ...
