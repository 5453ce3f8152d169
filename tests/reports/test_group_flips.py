"""Groups of people are always shown, slices where they differ clearly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.core.finding import Finding
from holdfast.kernels.fairness.group_flips import group_flips
from holdfast.reports.group_flips import read_groups

FINDING = Finding(check="robustness.evasion", title="Evasion", state="measured", evidence={"groups": "groups.parquet"})


def shown(folder: Path, flipped: np.ndarray) -> list[tuple[str, bool]]:
    columns = {
        "sex": np.array(["f", "m"] * 50, dtype=object),
        "job": np.array(["cook"] * 50 + ["clerk"] * 50, dtype=object),
    }
    frame = pl.DataFrame(group_flips(columns, flipped, people=["sex"], level=0.95))
    frame.write_parquet(folder / "groups.parquet")
    found = read_groups(str(folder), FINDING)
    return [(row[0].text, row[4].is_changed) for row in found.rows] if found else []


def test_people_are_shown_and_marked_where_they_differ(tmp_path: Path) -> None:
    assert shown(tmp_path, np.array([True, False] * 50)) == [("sex: f", True), ("sex: m", True)]


def test_slices_are_shown_where_they_differ(tmp_path: Path) -> None:
    flipped = np.array([True] * 50 + [False] * 50)
    assert shown(tmp_path, flipped) == [
        ("sex: f", False), ("sex: m", False), ("job: clerk", True), ("job: cook", True),
    ]  # fmt: skip


@pytest.mark.parametrize("counted", ["flipped", "named", "missed"])
def test_title_says_what_is_counted(tmp_path: Path, counted: str) -> None:
    frame = pl.DataFrame(
        group_flips({"sex": np.array(["f", "m"] * 50, dtype=object)}, [True, False] * 50, people=["sex"], level=0.95)
    )
    frame.rename({"flipped": counted}).write_parquet(tmp_path / "groups.parquet")
    found = read_groups(str(tmp_path), FINDING)
    assert found is not None
    assert found.columns[2] == {"named": "stand out"}.get(counted, counted)
    assert found.title.startswith("Who")


def test_a_finding_without_groups_shows_none(tmp_path: Path) -> None:
    assert read_groups(str(tmp_path), FINDING) is None
    pl.DataFrame({"group": ["a"]}).write_parquet(tmp_path / "groups.parquet")
    assert read_groups(str(tmp_path), FINDING) is None
    assert read_groups(str(tmp_path), replace(FINDING, evidence={})) is None
