"""The first command on a bare machine works, or says in one sentence what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.loading import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell script")
SCRIPT = ROOT / "tools" / "environment.sh"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPT), str(folder), *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def interpreter(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "fake-python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_old_python_says_which_one_is_needed(tmp_path: Path) -> None:
    done = run(tmp_path / "venv", PYTHON=str(interpreter(tmp_path, "exit 1")))
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_missing_venv_module_says_what_to_install(tmp_path: Path) -> None:
    fake = interpreter(tmp_path, 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = run(tmp_path / "venv", PYTHON=str(fake))
    assert done.returncode == 1
    assert "lacks the venv module" in done.stderr
    assert "apt install python3-venv" in done.stderr


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("WARNING: connection broken by NameResolutionError", "installing needs the network"),
        ("ERROR: no matching distribution", "no matching distribution\nerror: installing failed"),
    ],
)
def test_failed_installation_says_what_to_do(tmp_path: Path, said: str, expected: str) -> None:
    """A working environment with a pip that installs nothing."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    fake = tmp_path / "venv" / "bin" / "python"
    body = f'case "$*" in *install*) echo "{said}"; exit 1;; *) exec {sys.executable} "$@";; esac'
    shutil.move(interpreter(tmp_path, body), fake)
    done = run(tmp_path / "venv", "-e", ".")
    assert done.returncode == 1
    assert expected in done.stderr
