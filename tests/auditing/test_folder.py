"""The folder of an audit: never somebody else's files, never half an audit taken for a whole one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.auditing.folder import prepare_folder, read_audit
from holdfast.core.errors import InputError
from holdfast.core.finding import FINDINGS_SCHEMA


def test_missing_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_folder_of_an_earlier_audit_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(f'{{"schema":"{FINDINGS_SCHEMA}"}}')
    (tmp_path / "evidence").mkdir()
    prepare_folder(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "evidence/photo.jpg", "report.html", "findings.json"])
def test_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="holds other files") as caught:
        prepare_folder(tmp_path)
    assert "--out" in caught.value.hint
    assert (tmp_path / name).read_text() == "mine"


def test_link_in_place_of_the_evidence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "findings.json").write_text(FINDINGS_SCHEMA)
    (tmp_path / "audit" / "evidence").symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match="got a link"):
        prepare_folder(tmp_path / "audit")


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".holdfast-0123.part").write_text("half")
    (tmp_path / ".holdfast-4567.part").write_text("half")
    os.utime(tmp_path / ".holdfast-0123.part", (0, 0))
    prepare_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".holdfast-4567.part"]


def test_hidden_files_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*")
    prepare_folder(tmp_path)


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("")
    with pytest.raises(InputError, match="File exists"):
        prepare_folder(tmp_path / "audit")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not hold for this user")
def test_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission"):
        prepare_folder(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that nobody can write to")
def test_file_system_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="/proc/audit"):
        prepare_folder(Path("/proc/audit"))


def test_folder_without_an_audit_says_which_command_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished audit: cannot read findings") as caught:
        read_audit(tmp_path)
    assert "holdfast audit" in caught.value.hint
