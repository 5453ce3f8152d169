"""Files and folders are searched, and what was not looked at is said."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from holdfast.auditing.personal_data import Search, build_detector
from holdfast.core.errors import InputError

MAIL = "jane.roe@example.org"


def test_a_folder_is_searched_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.txt").write_text(f"to {MAIL}")
    (tmp_path / "in/m.pkl").write_bytes(pickle.dumps([MAIL, MAIL + "x"]))
    (tmp_path / "b.zip").write_bytes(b"PK\5\6" + bytes(18))
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    search = Search([str(tmp_path)], build_detector(labels=["EMAIL_ADDRESS"]))
    assert [path for path, _ in search] == [str(tmp_path / "a.txt"), *[str(tmp_path / "in/m.pkl")] * 2]
    known = {Path(file.path).name: file for file in search.files}
    assert [known[name].n_found for name in ("a.txt", "m.pkl", "b.zip")] == [1, 2, 0]
    assert "archives (zip) are not opened" in known["b.zip"].not_examined
    assert "link out of the folder" in known["link"].not_examined
    assert "a pipe" in known["pipe"].not_examined
    assert (search.n_found, search.is_complete) == (3, False)


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no PAR1")
    (tmp_path / "b.txt").write_text(MAIL)
    search = Search([str(tmp_path)], build_detector())
    assert len(list(search)) == 1
    assert "damaged Parquet" in search.files[0].not_examined
    with pytest.raises(InputError, match="damaged Parquet"):
        list(Search([str(tmp_path / "a.parquet")], build_detector()))


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder"):
        list(Search([str(tmp_path / "gone.txt")], build_detector()))


def test_known_people_are_found_by_name_and_number(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,name,customer number\n7,Anna Kowalska,HF-2207\n")
    (tmp_path / "people.txt").write_text("Anna Kowalska\n\n")
    (tmp_path / "a.txt").write_text("Kowalska, Anna has hf-2207")
    found = {}
    for name in ("people.csv", "people.txt"):
        search = Search([str(tmp_path / "a.txt")], build_detector(names=False, also=[f"subjects:{tmp_path / name}"]))
        found[name] = [(one.label, one.text) for _, one in search]
    assert ("PERSON", "Kowalska, Anna") in found["people.csv"]
    assert "hf-2207" in [text for _, text in found["people.csv"]]
    assert found["people.txt"] == [("PERSON", "Kowalska, Anna")]
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(InputError, match="it holds nobody"):
        build_detector(also=[f"subjects:{tmp_path / 'none.txt'}"])


def test_options_of_the_detector_are_checked() -> None:
    with pytest.raises(InputError, match="expected a threshold from 0 to 1, got 3"):
        build_detector(threshold=3)
    with pytest.raises(InputError, match=r"expected countries .* got 'Poland'"):
        build_detector(countries=["Poland"])
