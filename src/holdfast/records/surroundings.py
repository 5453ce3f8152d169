"""What surrounds a training command: its code, its interpreter and what is installed, the machine, its settings."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.parse import from_mapping
from holdfast.core.provenance import Code, Environment, Machine
from holdfast.evidence.fingerprints import file_state

VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES",
    "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TZ", "LANG", "LC_ALL",
)  # fmt: skip
"""Settings of threads and determinism: all that is taken from the environment, where secrets are."""

MOST_CODE_FILES = 100
PATIENCE_S = 60
PYTHON = re.compile(r"python[\d.]*(\.exe)?", re.IGNORECASE)
SECRET_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|api[-_]?key|credential|private[-_]?key)s?$|^(auth|key|pwd)$"
)
MASK = "***"
_LINK_TO_SECRET = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")


def masked(command: Sequence[str]) -> tuple[str, ...]:
    """Return a command without what looks like a secret: values of options so named, and passwords in addresses.

    Examples
    --------
    >>> masked(["train", "--api-key", "abc", "--token=abc", "--depth", "3"])
    ('train', '--api-key', '***', '--token=***', '--depth', '3')
    """
    shown: list[str] = []
    hides_next = False
    for argument in command:
        option, equals, _ = argument.partition("=")
        is_secret = bool(SECRET_NAME.search(option.lstrip("-")))
        if hides_next and not argument.startswith("-"):
            shown.append(MASK)
        elif equals and is_secret:
            shown.append(f"{option}={MASK}")
        else:
            shown.append(_LINK_TO_SECRET.sub(MASK, argument))
        hides_next = argument.startswith("-") and not equals and is_secret
    return tuple(shown)


def read_code(command: Sequence[str], folder: Path, *, besides: Collection[Path]) -> Code:
    """Say which code runs: the commit around the folder, and the files that the command names besides data."""
    files: dict[str, str] = {}
    for argument in command[1:]:
        path = folder / argument
        if len(argument) < 1024 and path.is_file() and path.absolute() not in besides and len(files) < MOST_CODE_FILES:
            files[argument] = file_state(path).digest or ""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return Code(files=files)
    diff = _git(folder, "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--directory")
    return Code(
        commit=commit.decode("ascii", "replace").strip(),
        is_dirty=bool(diff),
        diff=digest_bytes(diff) if diff else None,
        n_untracked=(untracked or b"").count(b"\0"),
        files=files,
    )


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Ask git, without letting a repository's configuration run anything."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def read_environment(command: Sequence[str], folder: Path) -> Environment:
    """Ask the interpreter of a command what is installed for it."""
    interpreter = _interpreter(command)
    if interpreter is None:
        return Environment(note=f"what {Path(command[0]).name} runs on is not known: it is no Python interpreter")
    program = (Path(__file__).parent / "installed.py").read_text(encoding="utf-8")
    try:
        done = subprocess.run(
            [*interpreter, "-c", program], cwd=folder, capture_output=True, timeout=PATIENCE_S, check=False
        )
        return from_mapping(Environment, json.loads(done.stdout), source="the list of what is installed")
    except (OSError, subprocess.TimeoutExpired, ValueError, InputError) as error:
        return Environment(note=f"the interpreter did not say what is installed: {type(error).__name__}")


def _interpreter(command: Sequence[str]) -> list[str] | None:
    """Return the Python that a command starts, by its name or by the first line of the script."""
    program = shutil.which(command[0])
    if program is None:
        return None
    if PYTHON.fullmatch(Path(command[0]).name):
        return [program]
    with Path(program).open("rb") as file:
        first = file.readline(256).decode("utf-8", "replace")
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = words[1:]
    return words[:1] if words and PYTHON.fullmatch(Path(words[0]).name) and shutil.which(words[0]) else None


def read_machine() -> Machine:
    """Describe the hardware, without naming the machine."""
    return Machine(
        system=platform.system(),
        release=platform.release(),
        machine=platform.machine(),
        processor=_processor(),
        cpus=os.cpu_count() or 0,
        memory_mb=_memory_mb(),
        gpus=_gpus(),
    )


def read_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of threads and determinism."""
    return {name: environment[name] for name in VARIABLES if name in environment}


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor()


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, ValueError, OSError):
        return None


def _gpus() -> tuple[str, ...]:
    """Name the graphics processors that the driver lists."""
    found = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        match = re.search(r"^Model:\s*(.+)$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        found.append(match[1].strip() if match else "NVIDIA")
    return tuple(found)
