from pathlib import Path

import pytest

from holdfast.kernels.formats.hdf5 import Attribute, Hdf5, Hdf5Error, Reaching

DATA = Path(__file__).parents[1] / "scan" / "data"


def read(name: str) -> Hdf5:
    return Hdf5(memoryview((DATA / name).read_bytes()), 0)


@pytest.mark.parametrize("name", ["hdf5_compressed.h5", "hdf5_latest.h5"])
def test_attributes_of_both_header_versions_are_found(name: str) -> None:
    assert "n" in {item.name for item in read(name).objects(100) if isinstance(item, Attribute)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hdf5_external_link.h5", "external-link"),
        ("hdf5_external_data.h5", "external-data"),
        ("hdf5_virtual.h5", "virtual"),
    ],
)
def test_what_leads_to_other_files_is_found(name: str, kind: str) -> None:
    assert kind in {item.kind for item in read(name).objects(100) if isinstance(item, Reaching)}


def test_texts_of_variable_length_are_found() -> None:
    file = read("dense.h5")
    texts = [bytes(file.data[start:end]) for start, end in file.heap_objects()]
    assert any(text.startswith(b'{"class_name": "Sequential"') for text in texts)


def test_too_many_objects_are_refused() -> None:
    with pytest.raises(Hdf5Error):
        list(read("dense.h5").objects(3))


@pytest.mark.parametrize("version", [4, 255])
def test_unknown_superblock_is_refused(version: int) -> None:
    data = bytearray((DATA / "hdf5_latest.h5").read_bytes())
    data[8] = version
    with pytest.raises(Hdf5Error):
        Hdf5(memoryview(bytes(data)), 0)
