"""Files and tables that go by several digests: of their bytes, and of what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.provenance import DataRecord, FileState


@dataclass(slots=True, kw_only=True)
class Thing:
    """One content, whatever files hold it.

    Attributes
    ----------
    key
        The first digest by which it was met.
    names
        Names of files and data sets.
    roles
        ``table``: it is known to be one; ``model``: it was audited as one.
    places
        Files that held it, and the digest of their bytes.
    """

    key: str
    names: list[str] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    facts: list[str] = field(default_factory=list)
    records: list[DataRecord] = field(default_factory=list)
    places: dict[Path, str] = field(default_factory=dict)

    def called(self, name: str) -> None:
        """Note one of its names."""
        if name and name not in self.names:
            self.names.append(name)


class Things:
    """All things by their digests; digests that mean one content are joined."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._things: dict[str, Thing] = {}

    def join(self, digests: Iterable[str | None]) -> None:
        """Say that digests mean one content; to be done before things are asked for."""
        known = [self._root(digest) for digest in digests if digest]
        for other in known[1:]:
            if other != known[0]:
                self._above[max(known[0], other)] = min(known[0], other)
                known[0] = min(known[0], other)

    def join_state(self, state: FileState | None) -> None:
        """Say that the digests of the bytes and of the content of a file mean one content."""
        if state is not None:
            self.join((state.digest, state.content))

    def of(self, digest: str) -> Thing:
        """Return the thing that has a digest."""
        root = self._root(digest)
        return self._things.setdefault(root, Thing(key=root))

    def known(self, digest: str) -> bool:
        """Whether the thing that has a digest was met."""
        return self._root(digest) in self._things

    def __iter__(self) -> Iterator[Thing]:
        return iter(self._things.values())

    def _root(self, digest: str) -> str:
        while digest in self._above:
            digest = self._above[digest]
        return digest
