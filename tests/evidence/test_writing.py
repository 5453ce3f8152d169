"""Files appear whole or not at all, whatever the disk does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.writing import exclusively, open_durably, refuse_unwritable, write_durably

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits and paths")


def interrupted_write(path: Path) -> None:
    with open_durably(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_content_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert [child.name for child in tmp_path.iterdir()] == ["x.json"]


def test_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["x.json"]


@posix
def test_size_limit_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the write fail part of the way, as a full disk does."""
    (tmp_path / "x.bin").write_bytes(b"old")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from holdfast.evidence.writing import write_durably\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_durably(Path(sys.argv[1]), b'x' * 100_000)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(tmp_path / "x.bin")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "InputError" in done.stderr
    assert "larger than this system allows" in done.stderr
    assert (tmp_path / "x.bin").read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["x.bin"]


def has_nameless_files(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_WRONLY | getattr(os, "O_TMPFILE", 0)))
    except OSError:
        return False
    return Path("/proc/self/fd").is_dir()


def test_a_process_killed_half_way_leaves_nothing(tmp_path: Path) -> None:
    if not has_nameless_files(tmp_path):
        pytest.skip("needs files without a name (O_TMPFILE)")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from holdfast.evidence.writing import open_durably\n"
        "with open_durably(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x")], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_without_nameless_files_a_hidden_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_new: bool
) -> None:
    monkeypatch.setattr("holdfast.evidence.writing.OPEN_FILES", tmp_path / "absent")
    write_durably(tmp_path / "x", b"data", is_new=is_new)
    assert (tmp_path / "x").read_bytes() == b"data"
    assert [child.name for child in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_folder_that_takes_no_files_is_an_input_error_with_the_path() -> None:
    with pytest.raises(InputError, match=r"/proc/self/x\.json"):
        write_durably(Path("/proc/self/x.json"), b"data")


@posix
def test_read_only_folder_is_an_input_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write to read-only folders")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission is denied"):
        write_durably(tmp_path / "x", b"data")


def test_missing_folder_says_to_create_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="create the folder first"):
        write_durably(tmp_path / "absent" / "x", b"data")


def test_folder_in_the_place_of_the_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_durably(tmp_path / "x", b"data")
    assert [child.name for child in tmp_path.iterdir()] == ["x"]


@posix
def test_file_in_the_place_of_the_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(InputError, match="is a file, not a folder"):
        write_durably(tmp_path / "x" / "y", b"data")


@posix
def test_name_that_is_too_long_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        write_durably(tmp_path / ("x" * 300), b"data")


@posix
def test_mode_is_kept_within_the_umask(tmp_path: Path) -> None:
    write_durably(tmp_path / "secret", b"data", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_held_folder_is_entered_by_one_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        waits.set()
        with exclusively(tmp_path):
            order.append("second")

    with exclusively(tmp_path):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(timeout=10)
        other.join(timeout=0.2)
        order.append("first")
    other.join(timeout=10)
    assert order == ["first", "second"]


def test_a_held_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusively(tmp_path):
        raise ZeroDivisionError
    with exclusively(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_new_file_replaces_none_that_came_while_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="a file has taken this name meanwhile"):
        write_both(path)
    assert path.read_bytes() == b"first"
    assert [child.name for child in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that nobody can write to")
def test_a_place_that_takes_no_file_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write /proc/model\.sig") as caught:
        refuse_unwritable(Path("/proc/model.sig"))
    assert caught.value.hint
    refuse_unwritable(tmp_path / "model.sig")
    assert list(tmp_path.iterdir()) == []


def write_both(path: Path) -> None:
    with open_durably(path, is_new=True) as file:
        file.write(b"second")
        write_durably(path, b"first", is_new=True)
