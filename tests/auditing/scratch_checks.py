"""Checks written into a folder by a test, so that each behaves exactly as the test needs."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import polars as pl
import pytest

from holdfast.auditing.catalogue import CheckEntry, read_check
from holdfast.auditing.jobs import Job, Setup
from holdfast.auditing.keys import finding_digests
from holdfast.auditing.settling import settle
from holdfast.core.deployment import Deployment
from holdfast.core.subject import Table

SPEC: dict[str, Any] = {
    "title": "A scratch check",
    "question": "Does it work?",
    "needs": ["test"],
    "measures": [
        {"id": "rows", "name": "Rows", "unit": "rows", "direction": "neither"},
        {"id": "draw.*", "name": "Draw", "unit": "", "direction": "neither"},
    ],
}
HEAD = """
    from holdfast.core.check import Measured, Outcome
    from holdfast.core.errors import BudgetError, InputError, MissingExtra, ModelError, NotApplicable, NotRun
    from holdfast.core.finding import Chart
    from holdfast.core.measurement import Interval
"""
ONE = 'Outcome(measurements=(Measured(id="rows", value=1.0, no_interval_reason="a count"),))'
DRAW = """
    draws = ctx.map(lambda chunk: chunk, [ctx.rng.normal() for _ in range(8)])
    return Outcome(measurements=tuple(
        Measured(id=f"draw.{number}", value=value, no_interval_reason="one draw") for number, value in enumerate(draws)
    ), tables={"draws": __import__("polars").DataFrame({"draw": draws})})
"""


class Scratch:
    """A package of checks under one folder, importable here and in spawned workers."""

    def __init__(self, folder: Path, package: str) -> None:
        self.package = package
        self.folder = folder / package
        (self.folder / "scratch").mkdir(parents=True)

    def check(self, name: str, body: str, *, signature: str = "", **spec: Any) -> CheckEntry:
        """Write the check ``scratch.NAME`` and read it back."""
        literal = {**SPEC, **spec}
        run = (
            f"def run(subject, ctx{', *, ' + signature if signature else ''}):\n{indent(dedent(body).strip(), '    ')}"
        )
        path = self.folder / "scratch" / f"{name}.py"
        path.write_text(f'"""Page of {name}."""\n{dedent(HEAD)}\nSPEC = {literal!r}\n\n\n{run}\n', encoding="utf-8")
        return read_check(path, f"scratch.{name}", f"{self.package}.scratch.{name}")


def scratch_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """Make an empty package whose name no other test has used."""
    monkeypatch.syspath_prepend(str(folder))
    number = sum(name.startswith("scratch_package_") for name in sys.modules)
    scratch = Scratch(folder, f"scratch_package_{number}_{folder.parent.name.replace('-', '_')}_{id(folder)}")
    for place in (scratch.folder, scratch.folder / "scratch"):
        (place / "__init__.py").write_text("")
    return scratch


def setup_of(folder: Path, **changes: Any) -> Setup:
    """Set up an audit of a small table without a model."""
    frame = pl.DataFrame({"age": [1, 2, 3, 4], "y": [0, 1, 0, 1]})
    path = folder / "test.arrow"
    frame.write_ipc(path)
    facts = settle(
        Deployment(), target="y", train=None, test=Table(name="test", frame=frame, digest="sha256:t"), model=None
    )
    settings: dict[str, Any] = {
        "facts": facts,
        "deployment": Deployment(),
        "tables": {"test": (path, "sha256:t", "")},
        "model": None,
        "store": None,
        "threads": 1,
        "level": 0.95,
        "deadline": None,
    }
    return Setup(**{**settings, **changes})


def job_of(entry: CheckEntry, *, seed: int = 1, **changes: Any) -> Job:
    """Make the job of a check as the runner would."""
    digests = finding_digests(
        entry,
        subject={"test": "sha256:t"},
        deployment=Deployment(),
        parameters=entry.parameters,
        thresholds={},
        effort={},
        seed=seed,
        level=0.95,
        used={},
    )
    settings: dict[str, Any] = {"effort": {}, "thresholds": {}, "parameters": entry.parameters}
    return Job(entry=entry, digests=digests, seed=seed, **{**settings, **changes})
