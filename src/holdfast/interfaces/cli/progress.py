"""Progress on a terminal; silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from holdfast.auditing.running import Observer, Silent
from holdfast.core.finding import Finding
from holdfast.core.record import PlanItem


@contextmanager
def progress() -> Iterator[Observer]:
    """Give an observer that draws a bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of the number done and the number of all that draws a bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


class _Bar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=None)
        self._running: list[str] = []

    def planned(self, plan: Sequence[PlanItem]) -> None:
        self._bar.update(self._task, total=sum(item.action == "run" for item in plan), description="planning")

    def started(self, check: str) -> None:
        self._running.append(check)
        self._bar.update(self._task, description=", ".join(self._running))

    def finished(self, finding: Finding, *, seconds: float, reused: bool) -> None:
        self._running = [check for check in self._running if check != finding.check]
        self._bar.update(self._task, advance=1, description=", ".join(self._running) or "writing")
