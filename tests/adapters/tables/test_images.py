"""Tables of images from folders, archives and columns."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.tables.reading import read_table
from holdfast.core.errors import InputError, MissingExtra
from tests.png_images import png

RNG = np.random.default_rng(0)


def image(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pixels_of(frame: pl.DataFrame) -> np.ndarray:
    return frame.select(pl.exclude("label", "id")).to_numpy()


def test_a_folder_of_classes_is_a_table_with_a_column_for_each_pixel(tmp_path: Path) -> None:
    grey, other = image(3, 4, 1), image(3, 4, 1)
    table = read_table(write(tmp_path, {"cat/a.png": png(grey), "dog/b.png": png(other)}), name="test")
    assert table.image_shape == (1, 3, 4)
    assert table.frame["label"].to_list() == ["cat", "dog"]
    np.testing.assert_allclose(pixels_of(table.frame), np.stack([grey.ravel(), other.ravel()]) / 255)
    assert any("2 images in 2 sub-folders" in note for note in table.notes)


def test_colours_come_channel_by_channel_and_digits_are_numbers(tmp_path: Path) -> None:
    colour, grey = image(2, 3, 3), image(2, 3, 1)
    table = read_table(write(tmp_path, {"0/a.png": png(colour), "10/b.PNG": png(grey), ".x/c.png": b""}), name="test")
    assert table.image_shape == (3, 2, 3)
    assert table.frame["label"].to_list() == [0, 10]
    np.testing.assert_allclose(pixels_of(table.frame)[0].reshape(3, 2, 3), colour.transpose(2, 0, 1) / 255)
    np.testing.assert_allclose(pixels_of(table.frame)[1].reshape(3, 2, 3)[2], grey[..., 0] / 255)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a/1.png": png(image(2, 2, 1)), "b/2.png": png(image(2, 3, 1))}, r"2 x 2 pixels in a/1.png and 3 x 2"),
        ({"1.png": png(image(2, 2, 1))}, "got a folder"),
        ({"a/notes.txt": b"none"}, "got a folder"),
    ],
)
def test_a_folder_that_is_no_table_is_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_table(write(tmp_path, files), name="test")


def test_other_kinds_of_images_need_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"(?s)a/1.jpg.*holdfast\[images\]"):
        read_table(write(tmp_path, {"a/1.jpg": b"\xff\xd8\xff"}), name="test")


def test_other_kinds_of_images_are_read_with_the_extra(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed: only PNG images are read")
    grey = image(3, 4, 1)
    (tmp_path / "a").mkdir()
    pillow.fromarray(grey[..., 0]).save(tmp_path / "a" / "1.bmp")
    np.testing.assert_allclose(pixels_of(read_table(tmp_path, name="test").frame)[0], grey.ravel() / 255)
    (tmp_path / "a" / "2.jpg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(InputError, match=r"a/2.jpg is no image"):
        read_table(tmp_path, name="test")


def archive(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("shape", "laid_out"),
    [((5, 3, 4), (1, 3, 4)), ((5, 1, 3, 4), (1, 3, 4)), ((5, 6, 7, 3), (3, 6, 7)), ((5, 3, 6, 7), (3, 6, 7))],
)
def test_an_archive_of_images_and_classes(tmp_path: Path, shape: tuple[int, ...], laid_out: tuple[int, ...]) -> None:
    pixels = image(*shape)
    table = read_table(archive(tmp_path / "t.npz", X=pixels, y=np.arange(5, dtype=np.uint8)), name="test")
    assert table.image_shape == laid_out
    assert table.frame["label"].to_list() == [0, 1, 2, 3, 4]
    expected = pixels[:, None] if pixels.ndim == 3 else pixels
    expected = expected.transpose(0, 3, 1, 2) if expected.shape[1:] != laid_out else expected
    np.testing.assert_allclose(pixels_of(table.frame), expected.reshape(5, -1) / 255)
    (said,) = table.notes
    assert said.startswith("t.npz: rows are those of the array 'X'")
    assert "divided by 255" in said


def test_an_archive_of_plain_rows_is_a_table_without_images(tmp_path: Path) -> None:
    rows = RNG.normal(size=(4, 3))
    table = read_table(archive(tmp_path / "t.npz", data=rows), name="test")
    assert table.image_shape == ()
    np.testing.assert_array_equal(table.frame.to_numpy(), rows)


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": np.zeros((3, 2)), "y": np.zeros(2)},
        {"X": np.zeros((3, 2)), "Z": np.zeros((3, 2)), "y": np.zeros(3)},
        {"y": np.zeros(3)},
        {"X": np.zeros((3, 2)), "y": np.zeros(3), "w": np.zeros(3)},
        {"X": np.zeros((1, 1, 1, 1, 1))},
        {"X": np.array([["a"]])},
        {"X": np.array([[None]])},
    ],
    ids=lambda arrays: str({name: array.shape for name, array in arrays.items()}),
)
def test_an_archive_that_is_not_clear_is_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"(?s)t\.npz.*numpy.savez|as many classes"):
        read_table(archive(tmp_path / "t.npz", **arrays), name="test")


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match="no numpy archive"):
        read_table(tmp_path / "t.npz", name="test")


def parquet(path: Path, frame: pl.DataFrame) -> Path:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    path.write_bytes(buffer.getvalue())
    return path


def test_a_column_of_encoded_images_is_spread(tmp_path: Path) -> None:
    images = [image(2, 3, 1) for _ in range(3)]
    cells = [png(each) for each in images]
    plain = pl.DataFrame({"id": [7, 8, 9], "image": cells, "label": ["a", "b", "a"]})
    nested = plain.with_columns(pl.struct(bytes="image", path=pl.lit("x.png")).alias("image"))
    for frame in (plain, nested):
        table = read_table(parquet(tmp_path / "t.parquet", frame), name="test")
        assert table.image_shape == (1, 2, 3)
        assert table.frame["label"].to_list() == ["a", "b", "a"]
        np.testing.assert_allclose(pixels_of(table.frame), np.stack(images).reshape(3, -1) / 255)


def test_a_column_of_lists_of_pixels_is_spread(tmp_path: Path) -> None:
    pixels = image(4, 2, 3)
    flat = pl.DataFrame({"pixels": pixels.reshape(4, -1).tolist(), "label": [0, 1, 0, 1]})
    table = read_table(parquet(tmp_path / "t.parquet", flat), name="test")
    assert table.image_shape == ()
    np.testing.assert_allclose(pixels_of(table.frame), pixels.reshape(4, -1) / 255)
    table = read_table(parquet(tmp_path / "t.parquet", pl.DataFrame({"image": pixels.tolist()})), name="test")
    assert table.image_shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"image": [png(image(2, 2, 1)), None]}), "1 cells of the column 'image'"),
        (pl.DataFrame({"image": [[1, 2], [3]]}), "all of one shape"),
        (pl.DataFrame({"image": [png(image(1, 2, 1))], "x1": [0]}), "a column 'x1' beside its images"),
        (pl.DataFrame({"a": [b"x"], "b": [b"y"]}), "nested or binary"),
    ],
)
def test_a_column_that_is_no_column_of_images_is_refused(tmp_path: Path, frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_table(parquet(tmp_path / "t.parquet", frame), name="test")
