"""Collect what a walker finds in one byte range."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

from holdfast.kernels.scan.observation import Child, Kind, Observation, Place, Walked
from holdfast.kernels.scan.printable import printable

SHOWN_PER_RULE = 8


class Span(TypedDict, total=False):
    """Where an observation belongs: keywords of :meth:`Record.add`."""

    start: int
    end: int


class Where(Span, total=False):
    """Where an observation belongs, and the thing itself."""

    detail: str | bytes | memoryview


class Record:
    """Ranges covered, observations and children of one byte range; offsets are those of the range.

    A rule is shown eight times at most; the rest is counted, so that a hostile file cannot fill the memory.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.covered: list[tuple[int, int]] = []
        self.observations: list[Observation] = []
        self.children: list[Child] = []
        self.notes: list[str] = []
        self._counts: Counter[tuple[Kind, str]] = Counter()

    def at(self, start: int | None = None, end: int | None = None) -> Place:
        """Return the place of a part; the whole range by default."""
        here = self.place
        return Place(
            here.path,
            here.start if start is None else here.start + start,
            here.end if end is None else here.start + end,
        )

    def add(
        self,
        kind: Kind,
        rule: str,
        message: str,
        *,
        detail: str | bytes | memoryview = "",
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        """Note an observation; ``detail`` may be anything, it is made printable."""
        self._counts[kind, rule] += 1
        if self._counts[kind, rule] <= SHOWN_PER_RULE:
            self.observations.append(Observation(kind, rule, self.at(start, end), message, printable(detail)))

    def cover(self, start: int, end: int) -> None:
        """Say that these bytes belong to a parsed structure."""
        if self.covered and self.covered[-1][1] == start:
            self.covered[-1] = (self.covered[-1][0], end)
        elif end > start:
            self.covered.append((start, end))

    def part(self, data: memoryview, start: int, *, expected: str = "") -> None:
        """Hand on bytes that stand in this range as they are, from ``start``."""
        self.children.append(Child(data, self.at(start, start + len(data)), expected))

    def member(self, data: memoryview, name: str, *, expected: str = "") -> None:
        """Hand on the content of a member of an archive."""
        place = Place((*self.place.path, printable(name)), 0, len(data))
        self.children.append(Child(data, place, expected))

    def note(self, text: str) -> None:
        """Keep a remark that is no finding."""
        if len(self.notes) < SHOWN_PER_RULE:
            self.notes.append(printable(text))

    def has(self, *kinds: Kind) -> bool:
        """Whether anything of these kinds was noted."""
        return any(kind in kinds for kind, _ in self._counts)

    def has_rule(self, rule: str) -> bool:
        """Whether anything was noted by this rule."""
        return any(noted == rule for _, noted in self._counts)

    def walked(self, format: str) -> Walked:
        """Return what was found."""
        more = [
            Observation(kind, rule, self.place, f"{count - SHOWN_PER_RULE} more of the same rule are not listed")
            for (kind, rule), count in self._counts.items()
            if count > SHOWN_PER_RULE
        ]
        return Walked(format, tuple(self.covered), (*self.observations, *more), tuple(self.children), tuple(self.notes))
