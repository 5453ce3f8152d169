"""Read a table from whatever holds it. The public entrance of this folder."""

from __future__ import annotations

from pathlib import Path

from holdfast.adapters.tables.csv import parse_csv
from holdfast.adapters.tables.digest import table_digest
from holdfast.adapters.tables.dtypes import canonical_frame
from holdfast.adapters.tables.frames import from_memory
from holdfast.adapters.tables.images import Images, read_archive, read_folder, unpacked_column
from holdfast.adapters.tables.names import check_names
from holdfast.adapters.tables.parquet import MAGIC, parse_parquet
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.subject import Table

_OTHER_FORMATS = {
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".xml": "XML",
    ".html": "HTML",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".npy": "a numpy file",
    ".arff": "ARFF",
}


def read_table(source: object, *, name: str) -> Table:
    """Read a table and say what was assumed.

    Parameters
    ----------
    source : str, Path, frame or ndarray
        Path to a CSV, TSV or Parquet file, to a folder of images with one sub-folder per class, or to a numpy archive
        of images and their classes; a frame of pandas, polars or pyarrow; an array, whose columns are called
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
        (frame, shape, notes), label = _read_file(Path(source).expanduser())
    else:
        (frame, label, notes), shape = from_memory(source), ()
    if not frame.width:
        raise InputError(f"expected at least one column in {label}, got none")
    check_names(frame.columns, source=label)
    frame, changes = canonical_frame(frame, source=label)
    digest, notes = table_digest(frame), (*notes, *changes)
    return Table(name=name, frame=frame, digest=digest, source=label, notes=notes, image_shape=shape)


def _read_file(path: Path) -> tuple[Images, str]:
    if path.is_dir() and (images := read_folder(path)):
        return images, str(path)
    raw = _read_bytes(path)
    if not raw:
        raise InputError(f"expected a table in {path}, got an empty file (0 bytes)")
    if raw.startswith(MAGIC) or path.suffix.lower() in (".parquet", ".pq"):
        frame, notes = parse_parquet(raw, source=path.name)
        if images := unpacked_column(frame, source=path.name):
            return images._replace(notes=(*notes, *images.notes)), str(path)
    elif path.suffix.lower() == ".npz":
        return read_archive(raw, source=path.name), str(path)
    elif other := _OTHER_FORMATS.get(path.suffix.lower()):
        raise InputError(
            f"expected a CSV, TSV or Parquet table, got {other}: {path}", hint="write it as CSV or Parquet"
        )
    else:
        frame, notes = parse_csv(raw, source=path.name)
    return Images(frame, (), notes), str(path)


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
