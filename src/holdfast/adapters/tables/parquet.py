"""Parquet tables, read by Polars in our own process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl

MAGIC = b"PAR1"


def parse_parquet(raw: bytes, *, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Parse a Parquet file.

    Returns
    -------
    tuple of polars.DataFrame and tuple of str
        The table as stored, and a note on how it was read.

    Raises
    ------
    InputError
        When the file is cut short or damaged.
    """
    import polars as pl

    if not raw.startswith(MAGIC):
        raise InputError(
            f"expected a Parquet file in {source}, got something else", hint="give a text table a name ending in .csv"
        )
    if not raw.endswith(MAGIC):
        raise InputError(
            f"expected a whole Parquet file in {source}, got {len(raw)} bytes that do not end as one",
            hint="it was probably cut short in writing or transfer; write it again",
        )
    with damaged_parquet(source):
        frame = pl.read_parquet(io.BytesIO(raw))
    return frame, (f"{source} was read as Parquet, types as stored; its parser ran in the process of the audit",)


@contextmanager
def damaged_parquet(source: str) -> Iterator[None]:
    """Turn what the parser raises into an `InputError` that names the file."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{source} is a damaged Parquet file: {reason:.200}", hint="write it again") from None
