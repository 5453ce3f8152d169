"""Tables of images: folders with one sub-folder per class, archives of arrays, and columns of encoded images.

Each row becomes one image, channels first, its pixels in columns ``x0``, ``x1``, …; pixels of one byte are divided by
255. The class stands in the column ``label``.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import InputError, MissingExtra
from holdfast.kernels.formats.png import MAGIC as PNG
from holdfast.kernels.formats.png import PngError, decode_png

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[Any]
LABEL = "label"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
LIST_NAMES = ("image", "images", "img", "pixels")
BEGINNINGS = (PNG, b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")
CHANNELS = (1, 3, 4)
MOST_BYTES = 1 << 32
SHOWN = 5


class Images(NamedTuple):
    """What was read: the table, the shape of one image (none where that is not known), and what was assumed."""

    frame: pl.DataFrame
    shape: tuple[int, ...]
    notes: tuple[str, ...]


def read_folder(folder: Path) -> Images | None:
    """Read a folder whose sub-folders, the classes, hold images; ``None`` where no image lies in a sub-folder.

    Raises
    ------
    InputError
        When a file is no image, or is of another size than the first.
    MissingExtra
        When it is of a kind that the base install does not read.
    """
    files = [
        (path, entry.name)
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
        for path in sorted(entry.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not files:
        return None
    pixels = _stacked((str(path.relative_to(folder)), path.read_bytes()) for path, _ in files)
    frame, shape = _table(pixels)
    labels = _whole_numbers([name for _, name in files])
    n_classes = len(set(labels))
    said = f"{len(files)} images in {n_classes} sub-folders, which are the classes in the column {LABEL!r}"
    return Images(_with_label(frame, labels), shape, _notes(folder.name, [said, _laid_out(shape), _scaled()]))


def read_archive(raw: bytes, *, source: str) -> Images:
    """Read a numpy archive of images, and of the class of each.

    Raises
    ------
    InputError
        When it is no archive, holds Python objects, or it is not clear which array is which.
    """
    held = _arrays(raw, source)
    rows = {name: array for name, array in held.items() if array.ndim >= 2}
    flat = {name: array for name, array in held.items() if array.ndim == 1}
    shown = ", ".join(f"{name} {array.shape}" for name, array in list(held.items())[:SHOWN])
    if len(rows) != 1 or len(flat) > 1 or rows[next(iter(rows))].ndim > 4:
        raise InputError(
            f"expected one array of rows or images in {source}, and one of their classes, got {shown}",
            hint="write an archive of its own for each table: numpy.savez('test.npz', X=X, y=y)",
        )
    (x_name, pixels), labels = next(iter(rows.items())), next(iter(flat.values()), None)
    if not pixels.size or pixels.dtype.kind not in "fiub" or (labels is not None and len(labels) != len(pixels)):
        raise InputError(f"expected numbers for each row, and as many classes, in {source}, got {shown}")
    frame, shape = _table(_channels_first(pixels)) if pixels.ndim > 2 else _table(pixels)
    notes = [f"rows are those of the array {x_name!r}, in columns x0 to x{frame.width - 1}"]
    if shape:
        notes.append(_laid_out(shape))
    if pixels.dtype == np.uint8:
        notes.append(_scaled())
    if labels is None:
        return Images(frame, shape, _notes(source, notes))
    notes.append(f"the array {next(iter(flat))!r} became the column {LABEL!r}")
    return Images(_with_label(frame, labels.tolist()), shape, _notes(source, notes))


def unpacked_column(frame: pl.DataFrame, *, source: str) -> Images | None:
    """Spread a column of encoded images, or of lists of pixels, over columns; ``None`` where there is none.

    Raises
    ------
    InputError
        When a cell is empty or no image, or images are of several sizes.
    """
    import polars as pl

    found = [column.name for column in frame.iter_columns() if _holds_images(column)]
    if len(found) != 1:
        return None
    column = frame.get_column(found[0])
    if column.null_count():
        raise InputError(f"{column.null_count()} cells of the column {column.name!r} of {source} hold no image")
    if isinstance(column.dtype, pl.List | pl.Array):
        pixels = _from_lists(column, source)
    else:
        cells = column.struct.field("bytes") if isinstance(column.dtype, pl.Struct) else column
        pixels = _stacked((f"row {row} of {source}", cell) for row, cell in enumerate(cells))
    spread, shape = _table(pixels)
    rest = frame.drop(column.name)
    twice = sorted(set(rest.columns) & set(spread.columns))
    if twice:
        raise InputError(f"{source} has a column {twice[0]!r} beside its images, whose pixels are called so")
    notes = [f"the column {column.name!r} of images became columns x0 to x{spread.width - 1}"]
    notes += [_laid_out(shape)] if shape else []
    notes += [_scaled()] if pixels.dtype == np.uint8 else []
    return Images(spread.hstack(rest), shape, _notes(source, notes))


def _holds_images(column: pl.Series) -> bool:
    """Tell by its name, or by how its first cell begins."""
    import polars as pl

    is_named = column.name.lower() in LIST_NAMES
    if isinstance(column.dtype, pl.List | pl.Array):
        return is_named
    if isinstance(column.dtype, pl.Struct):
        if pl.Field("bytes", pl.Binary) not in column.dtype.fields:
            return False
        column = column.struct.field("bytes")
    first = column.drop_nulls().head(1).to_list() if column.dtype == pl.Binary else []
    return bool(first) and (is_named or first[0].startswith(BEGINNINGS))


def _from_lists(column: pl.Series, source: str) -> Array:
    try:
        pixels = np.array(column.to_list())
    except ValueError:
        pixels = np.zeros(0, dtype=object)
    if pixels.dtype.kind not in "fiub" or not 2 <= pixels.ndim <= 4:
        raise InputError(f"expected lists of numbers, all of one shape, in the column {column.name!r} of {source}")
    is_bytes = pixels.dtype.kind in "iu" and pixels.min() >= 0 and 1 < pixels.max() <= 255
    pixels = pixels.astype(np.uint8) if is_bytes else pixels
    return _channels_first(pixels) if pixels.ndim > 2 else pixels


def _arrays(raw: bytes, source: str) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise InputError(f"{source} unpacks to {size} bytes, more than the {MOST_BYTES} that are read")
        with np.load(io.BytesIO(raw), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (zipfile.BadZipFile, ValueError, OSError, KeyError, EOFError) as error:
        raise InputError(
            f"{source} is no numpy archive that can be read: {str(error)[:200]}",
            hint="write it by numpy.savez; arrays of Python objects are not read",
        ) from None


def _stacked(sources: Iterable[tuple[str, bytes]]) -> NDArray[np.uint8]:
    """Decode images of one size, channels first; where some are coloured, grey ones get three equal channels."""
    images: list[NDArray[np.uint8]] = []
    first = ""
    for name, data in sources:
        image = _decoded(data, name=name)
        if images and image.shape[:2] != images[0].shape[:2]:
            raise InputError(
                f"expected images of one size, got {_size(images[0])} in {first} and {_size(image)} in {name}",
                hint="resize them to what the model takes",
            )
        first = first or name
        images.append(image)
    channels = max(image.shape[2] for image in images)
    whole = [image if image.shape[2] == channels else np.repeat(image, channels, axis=2) for image in images]
    return np.stack(whole).transpose(0, 3, 1, 2)


def _decoded(data: bytes, *, name: str) -> NDArray[np.uint8]:
    if data.startswith(PNG):
        try:
            return decode_png(data)
        except PngError as error:
            reason = str(error)
    else:
        reason = "it is no PNG image"
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtra(f"reading the image {name} ({reason})", "images") from None
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.atleast_3d(np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} is no image that can be read: {error}", hint="remove it, or write it again") from None


def _channels_first(pixels: Array) -> Array:
    """Give grey images their one channel, and move channels that stand last to the front."""
    if pixels.ndim == 3:
        return pixels[:, None]
    stands_last = pixels.shape[3] in CHANNELS and pixels.shape[1] not in CHANNELS
    return pixels.transpose(0, 3, 1, 2) if stands_last else pixels


def _table(pixels: Array) -> tuple[pl.DataFrame, tuple[int, ...]]:
    import polars as pl

    rows = pixels.reshape(len(pixels), -1)
    if rows.dtype.kind == "b" or rows.dtype == np.uint8:
        rows = rows / np.float64(255 if rows.dtype == np.uint8 else 1)
    frame = pl.DataFrame(np.asfortranarray(rows), schema=[f"x{i}" for i in range(rows.shape[1])])
    return frame, (tuple(pixels.shape[1:]) if pixels.ndim == 4 else ())


def _with_label(frame: pl.DataFrame, labels: list[Any]) -> pl.DataFrame:
    import polars as pl

    return frame.with_columns(pl.Series(LABEL, labels))


def _whole_numbers(names: list[str]) -> list[Any]:
    """Read names that all are whole numbers, as of digits, as such."""
    is_plain = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names)
    return [int(name) for name in names] if is_plain else list(names)


def _size(image: Array) -> str:
    return f"{image.shape[1]} x {image.shape[0]} pixels"


def _notes(source: str, said: Sequence[str]) -> tuple[str, ...]:
    """Say in one sentence what was made of a file, so that two tables of one kind are told apart."""
    return (f"{source}: {'; '.join(said)}",)


def _laid_out(shape: tuple[int, ...]) -> str:
    return f"pixels of images of the shape {list(shape)} (channels, height, width) stand one behind the other"


def _scaled() -> str:
    return "pixels of one byte were divided by 255, so that they lie between 0 and 1"
