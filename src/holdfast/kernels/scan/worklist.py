"""Scan one file: identify its content, walk it, then walk what was found inside, until nothing is left or a limit hit.

Nothing is loaded. Whatever was not looked at is said; a limit never makes a file clean.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.identify import TEXT_FORMATS, identify
from holdfast.kernels.scan.ledger import gaps, is_padding, merged
from holdfast.kernels.scan.observation import Budget, Child, Kind, Observation, Place, Sibling, Walked, Walker
from holdfast.kernels.scan.pickle_outline import OPCODES
from holdfast.kernels.scan.printable import printable
from holdfast.kernels.scan.walkers import default_walkers

Verdict = Literal["pass", "fail", "not_examined"]
SCRIPT_ENDINGS = (
    ".py", ".pyw", ".pth", ".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".vbs", ".js", ".rb", ".pl", ".php", ".lua",
)  # fmt: skip
PICKLE_ENDING = re.compile(
    r"\.(?:pkl|pickle|pck|pcl|joblib|cloudpickle|dill|pt|ckpt|bin)(?:\.(?:gz|gzip|bz2|xz|lzma|lz4|zst|z))?$",
    re.IGNORECASE,
)
FAILING: frozenset[Kind] = frozenset({"executes", "unknown", "suspicious", "secret"})
SMALLEST_ALLOWANCE = 64 << 20
LARGEST_RATIO = 100
SHOWN_PER_RULE = 50
MOST_RANGES = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes
    ----------
    depth
        Archives inside archives, and streams inside streams.
    expanded_bytes
        What decompression may yield altogether; never more than a hundred times the file, or 64 MiB where that is more.
    opcodes, members
        Steps of pickles, members of archives and nodes of graphs.
    """

    depth: int = 8
    expanded_bytes: int = 512 << 20
    opcodes: int = 60_000_000
    members: int = 200_000


@dataclass(frozen=True, slots=True)
class Scan:
    """What is known about one file.

    Attributes
    ----------
    format
        What it turned out to be; ``+`` between formats when it is several at once.
    verdict
        ``fail`` as soon as anything executes, is unknown, misleads or is a credential; ``not_examined`` when a part was
        not looked at or breaks its format; ``pass`` only when all bytes were examined and nothing was found.
    examined
        Bytes that belong to a parsed structure.
    siblings
        Ranges of other files beside it that it names; those of members of archives are left out.
    """

    format: str
    verdict: Verdict
    observations: tuple[Observation, ...]
    examined: tuple[Place, ...]
    notes: tuple[str, ...] = ()
    siblings: tuple[Sibling, ...] = ()


def scan_bytes(
    data: memoryview,
    *,
    name: str,
    limits: Limits,
    allow: AllowList,
    expired: Callable[[], bool],
    walkers: Mapping[str, Walker] | None = None,
) -> Scan:
    """Scan the content of one file.

    Parameters
    ----------
    data
        The content, as a view of bytes or of a memory-mapped file.
    name
        What to call it in places. What is looked for does not depend on it, except that a text whose name is that of a
        program is one, and that one whose name is that of a pickle is followed as one.
    limits
        Bounds on the work.
    allow
        Globals that pickles may use.
    expired
        Whether the time is up.
    walkers
        Walker of each format; the shipped ones by default.
    """
    data = data.toreadonly().cast("B") if data.nbytes else memoryview(b"")
    allowance = min(limits.expanded_bytes, max(SMALLEST_ALLOWANCE, LARGEST_RATIO * len(data)))
    budget = Budget(allowance, limits.opcodes, limits.members, expired)
    work = _Work(walkers or default_walkers(allow), budget, limits.depth)
    root = Child(data, Place((printable(name),), 0, len(data)))
    stack = [(root, 0)]
    while stack:
        child, depth = stack.pop()
        inside = work.walk(child, depth)
        stack.extend((item, depth + 1) for item in reversed(inside))
    return work.scan()


def _is_named_pickle(child: Child) -> bool:
    """Whether a name says that this is a pickle, and a loader would get past the first byte."""
    return child.data[0] in OPCODES and PICKLE_ENDING.search(child.place.path[-1]) is not None


@dataclass(slots=True)
class _Work:
    walkers: Mapping[str, Walker]
    budget: Budget
    depth: int
    format: str = ""
    observations: list[Observation] = field(default_factory=list)
    counts: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    covered: defaultdict[tuple[str, ...], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    siblings: tuple[Sibling, ...] = ()

    def walk(self, child: Child, depth: int) -> tuple[Child, ...]:
        """Walk one byte range with every walker that fits; return what is inside."""
        if depth > self.depth:
            message = f"it lies more than {self.depth} levels deep"
            self._note(Observation("not_examined", "limit.depth", child.place, message))
            return ()
        if self.budget.expired():
            self._note(
                Observation("not_examined", "limit.time", child.place, "the time was up before it was looked at")
            )
            return ()
        formats = self._formats(child)
        walked = [self.walkers[name](child.data, child.place, self.budget) for name in formats]
        self.format = self.format or "+".join(item.format for item in walked) or "unidentified"
        for item in walked:
            for observation in item.observations:
                self._note(observation)
            self.notes.extend(item.notes[: max(0, SHOWN_PER_RULE - len(self.notes))])
        if len(child.place.path) == 1:
            self.siblings += tuple(one for item in walked for one in item.siblings)
        self._account(child, walked)
        return tuple(inside for item in walked for inside in item.children)

    def _formats(self, child: Child) -> list[str]:
        if not len(child.data):
            return ["empty"]
        found = list(identify(child.data)) if child.expected not in ("raw", "pickle") else []
        formats = list(dict.fromkeys([child.expected, *found])) if child.expected else found
        strong = [name for name in found if name not in TEXT_FORMATS and name != child.expected]
        if len(strong) + bool(child.expected) > 1:
            message = f"these bytes are {' and '.join(formats)} at once: what loads depends on the reader"
            self._note(Observation("suspicious", "polyglot", child.place, message))
        if formats in (["text"], ["yaml"]) and child.place.path[-1].lower().endswith(SCRIPT_ENDINGS):
            formats = ["script"]
        elif TEXT_FORMATS.issuperset(formats or [""]) and _is_named_pickle(child):
            # what stands before the first byte that is no opcode runs, where it is an import too
            formats = ["pickle", *formats]
        return [name if name in self.walkers else "unidentified" for name in formats] or ["unidentified"]

    def _account(self, child: Child, walked: list[Walked]) -> None:
        ranges = merged(covered for item in walked for covered in item.covered)
        start = child.place.start
        self.covered[child.place.path].extend((start + first, start + end) for first, end in ranges)
        known = any(one.kind in ("malformed", "not_examined") for item in walked for one in item.observations)
        for first, end in gaps(ranges, len(child.data)):
            if is_padding(child.data[first:end]):
                self.covered[child.place.path].append((start + first, start + end))
            elif not known:
                where = "behind the end of" if end == len(child.data) else "outside every structure of"
                message = f"{end - first} bytes stand {where} the {walked[0].format}: they may be for another reader"
                place = Place(child.place.path, start + first, start + end)
                self._note(Observation("suspicious", "ledger.gap", place, message))

    def _note(self, observation: Observation) -> None:
        key = (observation.kind, observation.rule)
        self.counts[key] += 1
        if self.counts[key] <= SHOWN_PER_RULE:
            self.observations.append(observation)
        elif self.counts[key] == SHOWN_PER_RULE + 1:
            message = "there are more of the same rule, not listed"
            self.observations.append(Observation(*key, observation.place, message))

    def scan(self) -> Scan:
        """Return the result."""
        kinds = {kind for kind, _ in self.counts}
        verdict: Verdict = "fail" if kinds & FAILING else "not_examined" if kinds else "pass"
        places = [Place(path, *part) for path, ranges in self.covered.items() for part in merged(ranges)]
        return Scan(
            self.format,
            verdict,
            tuple(self.observations),
            tuple(places[:MOST_RANGES]),
            tuple(self.notes),
            self.siblings,
        )
