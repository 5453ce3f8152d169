"""What the runner gives to a check while it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from holdfast.core.context import PartialStore
from holdfast.core.errors import BudgetError
from holdfast.core.finding import Finding

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

T = TypeVar("T")
R = TypeVar("R")


class MemoryStore:
    """Partial results that live as long as the process: for runs without a folder."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        """Return what was put under this name, or ``None``."""
        return self._values.get(name)

    def put(self, name: str, value: bytes) -> None:
        """Keep a value."""
        self._values[name] = value


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Implements :class:`holdfast.core.context.Context`.

    Attributes
    ----------
    check
        Id of the check.
    thresholds
        Limits of the policy by short measurement id.
    findings
        Findings of the checks that this one uses.
    files
        Evidence files of the checks that this one uses, by check and file name.
    threads
        Threads for ``map``.
    deadline
        Value of ``time.monotonic()`` at which the time budget ends, or ``None``.
    report
        Called with (done, total).
    """

    check: str
    seed: int
    level: float = 0.95
    effort: Mapping[str, int] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, Finding] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    store: PartialStore = field(default_factory=MemoryStore)
    threads: int = 1
    deadline: float | None = None
    report: Callable[[int, int], None] = lambda done, total: None

    @cached_property
    def rng(self) -> np.random.Generator:
        """The generator of this check, seeded once."""
        import numpy as np

        return np.random.default_rng(self.seed)

    def threshold(self, measurement: str) -> float | None:
        """Return the policy's limit for a measurement of this check that its spec names in ``thresholds``."""
        return self.thresholds.get(measurement)

    def used(self, check: str) -> Finding | None:
        """Return the finding of a check named in ``uses``."""
        return self.findings.get(check)

    def used_table(self, check: str, name: str) -> pl.DataFrame | None:
        """Return an evidence table of a check named in ``uses``."""
        import polars as pl

        file = self.files.get(check, {}).get(f"{name}.parquet")
        return None if file is None else pl.read_parquet(file)

    def time_left(self) -> float:
        """Return the seconds of the time budget that are left; inf without one."""
        return math.inf if self.deadline is None else self.deadline - time.monotonic()

    def out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        return self.time_left() < 0

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Apply a function to fixed chunks in threads; results in order."""
        if self.threads <= 1 or len(items) <= 1:
            return [function(item) for item in self.track(items, len(items))]
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(self.threads)
        try:
            return list(self.track(pool.map(function, items), len(items)))
        finally:  # without waiting for what nobody will read when the run stops here
            pool.shutdown(cancel_futures=True)

    def track(self, items: Iterable[T], total: int) -> Iterable[T]:
        """Pass items through, reporting progress and stopping when out of time."""
        for done, item in enumerate(items):
            if self.out_of_time():
                raise BudgetError(
                    f"the time budget ran out after {done} of {total} steps", hint="give a larger --budget"
                )
            self.report(done, total)
            yield item
        self.report(total, total)
