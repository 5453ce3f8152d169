"""Other scanners, each in an environment of its own, run as their users run them: one command per file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Answer = Literal["flagged", "clean", "skipped", "error"]
QUIET = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Peer:
    """A scanner.

    Attributes
    ----------
    name, requirement
        What it is called, and what pip installs.
    command
        Arguments for a file and a place for the report; the first is a program of the environment.
    answer
        What the exit code and the output say of the file: ``skipped`` when it is called clean without being looked at.
    share
        One file in so many is given to it: the slow ones see a part of the corpus.
    by_folder
        For those that survive a folder of hostile files: what the report on all of them says of each.
    """

    name: str
    requirement: tuple[str, ...]
    command: Callable[[Path, Path], list[str]]
    answer: Callable[[int, str], Answer]
    share: int = 1
    by_folder: Callable[[dict[str, Any], Path], Answer] | None = None


@dataclass(frozen=True)
class Answered:
    """What one run gave."""

    answer: Answer
    wall_s: float
    cpu_s: float
    peak_mb: float


def _picklescan(code: int, output: str) -> Answer:
    if code == 1:
        return "flagged"
    if code or "Traceback" in output or "ERROR" in output:
        return "error"
    unread = "Scanned files: 0" in output or "could not parse" in output
    return "skipped" if unread else "clean"


def _modelscan(code: int, output: str) -> Answer:
    if code == 1:
        return "flagged"
    return "skipped" if code == 3 or '"total_scanned": 0' in output else "clean" if code == 0 else "error"


def _modelscan_report(report: dict[str, Any], file: Path) -> Answer:
    def names(sources: Iterable[str]) -> set[str]:
        return {Path(source.partition(":")[0]).name for source in sources}

    if file.name in names(issue["source"] for issue in report["issues"]):
        return "flagged"
    if file.name in names(report["summary"]["scanned"].get("scanned_files", ())):
        return "clean"
    return "error" if file.name in names(error.get("source", "") for error in report["errors"]) else "skipped"


def _fickling(code: int, output: str) -> Answer:
    if "Traceback" in output:
        return "error"
    if "failed to parse" in output or "No pickle files" in output:
        return "error" if code else "skipped"
    return "flagged" if code else "clean"


def _modelaudit(code: int, output: str) -> Answer:
    if code == 1:
        return "flagged"
    if code:
        return "error"
    start = output.find("{")
    try:
        scanned = json.JSONDecoder().raw_decode(output[start:])[0].get("files_scanned", 1)
    except (ValueError, AttributeError):
        return "error"
    return "clean" if scanned else "skipped"


PEERS = (
    Peer("picklescan", ("picklescan==1.0.5",), lambda file, _: ["picklescan", "-p", str(file)], _picklescan),
    Peer(
        "picklescan --strict",
        ("picklescan==1.0.5",),
        lambda file, _: ["picklescan", "--strict", "-p", str(file)],
        _picklescan,
    ),
    Peer(
        "modelscan",
        ("modelscan==0.8.8",),
        lambda file, report: ["modelscan", "-p", str(file), "-r", "json", "-o", str(report)],
        _modelscan,
        by_folder=_modelscan_report,
    ),
    Peer(
        "fickling",
        ("fickling==0.1.12", "typing_extensions"),
        lambda file, report: ["fickling", "--check-safety", "--json-output", str(report), str(file)],
        _fickling,
    ),
    Peer(
        "modelaudit",
        ("modelaudit==0.2.54",),
        lambda file, _: ["modelaudit", "scan", str(file), "--format", "json"],
        _modelaudit,
        share=10,
    ),
)


def environment(peer: Peer, cache: Path) -> Path:
    """Return the folder of programs of a scanner's environment, made where it is missing."""
    folder = cache / peer.requirement[0].replace("==", "-")
    if not (folder / ".complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *peer.requirement], check=True)
        (folder / ".complete").touch()
    return folder / "bin"


def ask(peer: Peer, programs: Path, file: Path, timeout_s: float) -> Answered:
    """Run a scanner on one file."""
    with tempfile.TemporaryDirectory(prefix="holdfast-peer-") as folder:
        program, *arguments = peer.command(file, Path(folder, "report"))
        return run([str(programs / program), *arguments], peer.answer, timeout_s, Path(folder))


def ask_about_folder(
    peer: Peer, programs: Path, folder: Path, files: Iterable[Path], timeout_s: float
) -> dict[str, Answered]:
    """Run a scanner once on a folder, and share its time among the files."""
    if peer.by_folder is None:
        raise ValueError(f"expected a scanner that is run on folders, got {peer.name}")
    found = list(files)
    with tempfile.TemporaryDirectory(prefix="holdfast-peer-") as scratch:
        report = Path(scratch, "report")
        program, *arguments = peer.command(folder, report)
        whole = run([str(programs / program), *arguments], peer.answer, timeout_s, Path(scratch))
        content = json.loads(report.read_text()) if report.exists() else None
    shares = whole.wall_s / len(found), whole.cpu_s / len(found)
    return {
        file.name: Answered(peer.by_folder(content, file) if content else "error", *shares, whole.peak_mb)
        for file in found
    }


def run(command: list[str], answer: Callable[[int, str], Answer], timeout_s: float, folder: Path) -> Answered:
    """Run a command with a time limit, and measure its own memory: the resident part that is no file."""
    begin, peak = time.perf_counter(), 0.0
    output = folder / "output"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, **QUIET, "HOME": str(folder)}, start_new_session=True,
        )  # fmt: skip
        wait = 0.005
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, anonymous_mb(process.pid))
            if time.perf_counter() - begin > timeout_s:
                os.killpg(process.pid, 9)
                process.wait()
                return Answered("error", time.perf_counter() - begin, timeout_s, peak)
            time.sleep(wait)
            wait = min(wait * 1.5, 0.05)
    wall, cpu = time.perf_counter() - begin, usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    return Answered(answer(process.returncode, output.read_text(errors="replace")), wall, cpu, peak)


def anonymous_mb(pid: int) -> float:
    """Return the memory of a process and its children that no file stands behind."""
    total, waiting = 0, [pid]
    while waiting:
        at = waiting.pop()
        try:
            lines = Path(f"/proc/{at}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
            waiting += [
                int(child)
                for task in Path(f"/proc/{at}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except (OSError, ValueError):
            continue
    return total / 1024


def holdfast() -> list[str]:
    """Return the command of our own scanner."""
    return [sys.executable, "-c", "from holdfast.interfaces.cli.main import main; main()", "scan", "--format", "json"]


def holdfast_answer(code: int, output: str) -> Answer:
    """Return what our exit code says: everything but 0 stops the file."""
    return "clean" if code == 0 else "flagged" if code in (1, 3) else "error"
