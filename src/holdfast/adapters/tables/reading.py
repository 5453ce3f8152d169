"""Read a table from whatever holds it. The public entrance of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.adapters.tables.csv import parse_csv
from holdfast.adapters.tables.digest import table_digest
from holdfast.adapters.tables.dtypes import canonical_frame
from holdfast.adapters.tables.frames import from_memory
from holdfast.adapters.tables.names import check_names
from holdfast.adapters.tables.parquet import MAGIC, parse_parquet
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Table

if TYPE_CHECKING:
    import polars as pl

_OTHER_FORMATS = {
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".xml": "XML",
    ".html": "HTML",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".npy": "a numpy file",
    ".npz": "a numpy archive",
    ".arff": "ARFF",
}


def read_table(source: object, *, name: str) -> Table:
    """Read a table and say what was assumed.

    Parameters
    ----------
    source : str, Path, frame or ndarray
        Path to a CSV, TSV or Parquet file; a frame of pandas, polars or pyarrow; an array, whose columns are called
        ``x0``, ``x1``, … unless it is structured.
    name : str
        What the table is to the audit: ``train``, ``test``, ``predictions``.

    Returns
    -------
    Table
        With columns of type Int64, Float64, String, Boolean, Date and Datetime, missing values as null, and the digest
        of this content. A table without rows is returned as it is.

    Raises
    ------
    InputError
        When the file cannot be found or read, is no table, or has rows or names that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> read_table(np.eye(2), name="test").frame.columns
    ['x0', 'x1']
    """
    if isinstance(source, (str, Path)):
        frame, label, notes = _read_file(Path(source).expanduser())
    else:
        frame, label, notes = from_memory(source)
    if not frame.width:
        raise InputError(f"expected at least one column in {label}, got none")
    check_names(frame.columns, source=label)
    frame, changes = canonical_frame(frame, source=label)
    return Table(name=name, frame=frame, digest=table_digest(frame), source=label, notes=(*notes, *changes))


def _read_file(path: Path) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    raw = _read_bytes(path)
    if not raw:
        raise InputError(f"expected a table in {path}, got an empty file (0 bytes)")
    if raw.startswith(MAGIC) or path.suffix.lower() in (".parquet", ".pq"):
        frame, notes = parse_parquet(raw, source=path.name)
    elif other := _OTHER_FORMATS.get(path.suffix.lower()):
        raise InputError(
            f"expected a CSV, TSV or Parquet table, got {other}: {path}", hint="write it as CSV or Parquet"
        )
    else:
        frame, notes = parse_csv(raw, source=path.name)
    return frame, str(path), notes


def _read_bytes(path: Path) -> bytes:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"expected a table file, got a pipe or device: {path}", hint="write its content to a file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _not_found(path) from None
    except IsADirectoryError:
        raise InputError(f"expected a table file, got a folder: {path}", hint=_near(path, "")) from None
    except PermissionError:
        if path.is_dir():
            raise InputError(f"expected a table file, got a folder: {path}", hint=_near(path, "")) from None
        raise InputError(f"{path} exists but may not be read by this user", hint="check its permissions") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _not_found(path: Path) -> InputError:
    folder = path.parent
    if not folder.is_dir():
        return InputError(f"there is no folder {folder}, so no table {path.name} in it", hint="check the path")
    return InputError(f"there is no file {path}", hint=_near(folder, path.name))


def _near(folder: Path, name: str) -> str:
    """Name the file in a folder that was probably meant."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError:
        return "check the path"
    return did_you_mean(name, names) if names else f"{folder} holds no files"
