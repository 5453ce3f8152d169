"""Count a table on the cells of a reference, a few rows at a time; write the counts to a file and read them again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.adapters.tables.counting import as_batch as as_batch
from holdfast.adapters.tables.counting import as_numbers as as_numbers
from holdfast.adapters.tables.counting import count as count
from holdfast.adapters.tables.counting import plan_for as plan_for
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.auditing.pieces import Workers
    from holdfast.kernels.drift.profile import Plan, Profile

MOST_PROFILE_BYTES = 2**30
BEGINNING = b'{"holdfast_profile"'


def profile_table(table: Any, *, like: Profile | None = None, workers: Workers | None = None) -> Profile:
    """Profile a table.

    Parameters
    ----------
    table
        Parquet file, folder of Parquet files, CSV file or data frame.
    like
        Profile whose cells to count on; the table's own otherwise.
    workers
        Who counts Parquet files; this process otherwise.

    Raises
    ------
    InputError
        When the table cannot be read.
    """
    from holdfast.adapters.tables.batches import open_batches

    rows = open_batches(table, name="table")
    return count_rows(rows, plan_for(rows) if like is None else like.plan, workers=workers)


def count_rows(rows: RowBatches, plan: Plan, *, workers: Workers | None = None) -> Profile:
    """Count a table on cells, here or piece by piece where workers can read it; the profile is the same to the bit."""
    from holdfast.auditing.pieces import can_travel, count_piece, pieces_of
    from holdfast.kernels.drift.profile import Profile

    if workers is None or not rows.n_rows or not can_travel(rows):
        profile = Profile(plan)
        for part in rows.parts:
            count(part, profile)
        return profile
    return merge_profiles(map(Profile.from_state, workers(count_piece, plan, pieces_of(rows))))


def merge_profiles(profiles: Iterable[Profile]) -> Profile:
    """Add profiles of parts of one table.

    Raises
    ------
    InputError
        When they were counted on different cells, or there are none.
    """
    merged: Profile | None = None
    for profile in profiles:
        if merged is None:
            merged = profile
            continue
        try:
            merged.merge(profile)
        except ValueError as error:
            raise InputError(str(error), hint="write them with --like, all like one reference") from None
    if merged is None:
        raise InputError("expected profiles to merge, got none", hint="name two or more")
    return merged


def profile_text(profile: Profile) -> str:
    """Write a profile as JSON with one line for each thing counted, so that two of them can be compared by line."""
    state = profile.state()
    columns = state.pop("columns")
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in state.items()]
    parts = []
    for name, column in columns.items():
        inside = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in column.items())
        parts.append(f" {json.dumps(name)}: {{\n{inside}\n }}")
    body = ",\n".join(parts)
    return "{" + ",\n".join(lines) + ',\n"columns": {\n' + body + "\n}}\n"


def is_profile(path: Path) -> bool:
    """Whether a file begins as a profile does."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(BEGINNING)) == BEGINNING
    except (OSError, ValueError):
        return False


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    InputError
        When the file cannot be read, is of another version or was damaged.
    """
    from holdfast.kernels.drift.profile import Profile

    try:
        if path.stat().st_size > MOST_PROFILE_BYTES:
            raise InputError(f"expected a profile of at most 1 GB, got {path.stat().st_size:,} bytes in {path}")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="check the path") from None
    try:
        return Profile.from_state(json.loads(raw))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} is no profile that this version can read: {error}", hint="write it again with holdfast profile"
        ) from None
