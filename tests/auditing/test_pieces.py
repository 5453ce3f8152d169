"""Pieces read by path give the bytes of a table read whole, and files that are not the ones meant are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.tables.batches import in_memory, open_batches
from holdfast.auditing import drifting
from holdfast.auditing.drifting import find_drift
from holdfast.auditing.pieces import can_travel, count_piece, pieces_of
from holdfast.auditing.profiling import count_rows, plan_for, profile_table, profile_text
from holdfast.core.errors import InputError
from tests.parquet_parts import write_parts

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


def backwards(function: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Iterator[R]:
    """Do the last item first, as on a cluster where nobody knows who ends first; answers come in order all the same."""
    done = [function(shared, item) for item in reversed(list(items))]
    return reversed(done)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return write_parts(tmp_path / "parts", seed=0)


@pytest.mark.parametrize("n_cells", [1, 999, 20_000, 10_000_000])
def test_pieces_cover_every_row_once(parts: Path, n_cells: int) -> None:
    rows = open_batches(parts, name="table")
    seen: dict[str, list[int]] = {}
    for piece in pieces_of(rows, n_cells=n_cells):
        seen.setdefault(piece.file.path, []).extend(range(piece.start, piece.stop))
    assert {path: sorted(places) for path, places in seen.items()} == {
        str(part.path): list(range(part.n_rows)) for part in rows.parts if part.n_rows
    }


@pytest.mark.parametrize("n_cells", [777, 10_000_000])
def test_profile_of_pieces_is_that_of_the_whole(parts: Path, monkeypatch: pytest.MonkeyPatch, n_cells: int) -> None:
    monkeypatch.setattr(pieces_of, "__kwdefaults__", {"n_cells": n_cells})
    assert profile_text(profile_table(parts, workers=backwards)) == profile_text(profile_table(parts))


def test_profile_does_not_depend_on_what_is_held_in_memory(parts: Path) -> None:
    rows = open_batches(parts, name="table")
    held = in_memory(rows)
    assert not can_travel(held)
    plan = plan_for(rows)
    assert profile_text(count_rows(held, plan_for(held))) == profile_text(count_rows(rows, plan, workers=backwards))


@pytest.mark.parametrize("most_held", [0, drifting.MOST_HELD_CELLS])
def test_drift_is_the_same_with_workers(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_held: int
) -> None:
    later = write_parts(tmp_path / "later", seed=1, shift=0.2)
    monkeypatch.setattr(drifting, "MOST_HELD_CELLS", most_held)
    alone, beside = find_drift(parts, later), find_drift(parts, later, workers=backwards)
    assert alone.columns == beside.columns
    assert any(each.exact for each in alone.columns)
    assert (alone.schema, repr(alone.apart), alone.verdict) == (beside.schema, repr(beside.apart), beside.verdict)
    assert profile_text(alone.current) == profile_text(beside.current)


def test_tables_that_are_no_parquet_files_are_counted_here(tmp_path: Path) -> None:
    pl.DataFrame({"x": np.arange(100)}).write_csv(tmp_path / "t.csv")

    def nobody(function: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Iterator[R]:
        raise AssertionError("a CSV file does not travel")

    assert profile_table(tmp_path / "t.csv", workers=nobody).n_rows == 100


def test_files_that_workers_do_not_find_or_find_changed_are_refused(parts: Path) -> None:
    rows = open_batches(parts, name="table")
    plan = plan_for(rows)
    first, second = list(pieces_of(rows))[:2]
    Path(first.file.path).unlink()
    with pytest.raises(InputError, match=r"cannot read .*No such file") as found:
        count_piece(plan, first)
    assert "every machine of the cluster" in found.value.hint
    pl.DataFrame({"x": [1]}).write_parquet(second.file.path)
    with pytest.raises(InputError, match=r"expected .* bytes in .* got"):
        count_piece(plan, second)
