"""The parent's side of one confined process: start, ask with a deadline, and say what happened when it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO, Any

from holdfast.adapters.models import wire
from holdfast.adapters.models.confinement import holds_network
from holdfast.adapters.models.limits import Limits
from holdfast.core import errors
from holdfast.core.errors import HoldfastError, ModelError

KEPT_FROM_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
KEPT_ERROR_CHUNKS, ERROR_CHUNK = 4, 2048
SHOWN_ERROR_LINES = 5
WAIT_FOR_END_S = 5.0
REPLIES = {kind.__name__: kind for kind in (errors.InputError, ModelError, errors.MissingExtra, errors.NotRun)}


class Process:
    """One child process. Not restarted: whoever holds it starts another.

    Parameters
    ----------
    limits
        What it may use.
    trusts_path
        Whether it may import from, and read, everything that this process imports from: a trusted pickle needs the
        user's own modules.
    """

    def __init__(self, limits: Limits, *, trusts_path: bool) -> None:
        self._limits = limits
        self._scratch = tempfile.mkdtemp(prefix="holdfast-")
        read = _import_path(everything=trusts_path)
        self._process = _spawner().submit(_spawn, self._scratch, read, limits).result()
        self._errors: deque[bytes] = deque(maxlen=KEPT_ERROR_CHUNKS)
        self._reader = threading.Thread(target=_keep_tail, args=(self._process.stderr, self._errors), daemon=True)
        self._reader.start()
        self._finalizer = weakref.finalize(self, _end, self._process, self._reader, self._scratch)
        self._start_message = {
            "scratch": self._scratch,
            "read": [*read, sys.prefix, sys.base_prefix, *_library_folders()],
            "memory_mb": limits.memory_mb,
            "parent": os.getpid(),
        }

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def start(
        self, header: dict[str, Any], *parts: bytes, needs_isolation: bool
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Confine it, then have it load the model; return its reply and the confinement obtained.

        Raises
        ------
        InputError
            When it must be kept from the network and the platform does not offer that; no byte was sent then.
        """
        with _Deadline(self._process, self._limits.load_timeout_s) as deadline:
            confined = self._exchange(self._start_message, (), 0, "while starting", deadline)[0]
            held = {str(measure): str(outcome) for measure, outcome in confined["confinement"].items()}
            if needs_isolation and not holds_network(held):
                raise errors.InputError(
                    "this pickle is loaded only where it is kept from the network, which this platform does not offer "
                    f"({held.get('network', 'unknown')})",
                    hint="--trust-pickle=unconfined loads it all the same: its code can then reach the network",
                )
            return self._exchange(header, parts, 0, "while loading the model", deadline)[0], held

    def ask(
        self, header: dict[str, Any], *parts: bytes, largest: int, doing: str
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request and receive a reply whose parts hold at most ``largest`` bytes.

        Raises
        ------
        HoldfastError
            What the child reported; ``ModelError`` when it ended, ran over time or broke the protocol.
        """
        with _Deadline(self._process, self._limits.call_timeout_s) as deadline:
            return self._exchange(header, parts, largest, doing, deadline)

    def _exchange(
        self, header: dict[str, Any], parts: tuple[bytes, ...], largest: int, doing: str, deadline: _Deadline
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            wire.send(self._input, header, *parts)
            reply = wire.receive(self._output, largest=largest)
        except (OSError, EOFError) as error:
            raise self._ended(doing, deadline) from error
        except wire.WireError as error:
            raise self._misbehaved(error) from error
        except BaseException:
            # interrupted between request and reply: the next reply would be to the wrong question
            self.close()
            raise
        return _opened(reply)

    def close(self) -> None:
        """End it, by its own process id, and remove its folder."""
        self._finalizer()

    @property
    def _input(self) -> Any:
        return self._process.stdin

    @property
    def _output(self) -> Any:
        return self._process.stdout

    def _ended(self, doing: str, deadline: _Deadline) -> ModelError:
        try:
            code = self._process.wait(WAIT_FOR_END_S)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        if deadline.has_passed:
            return ModelError(
                f"the model's process took longer than {deadline.seconds:g} s {doing} and was ended",
                hint="ask about fewer rows at a time, or allow it more time",
            )
        tail = b"".join(self._errors).decode("utf-8", "replace").strip().splitlines()[-SHOWN_ERROR_LINES:]
        said = "; its last words: " + " | ".join(line.strip() for line in tail) if tail else ""
        return ModelError(
            f"the model's process ended {doing}: {_cause(code)}{said}",
            hint="it is started again for the next request; a model that needs more memory must be allowed more",
        )

    def _misbehaved(self, error: Exception) -> ModelError:
        self.close()
        return ModelError(
            f"the model's process broke the protocol and was ended: {error}", hint="do not trust this model"
        )


class _Deadline:
    """Ends a process when a block takes too long; the blocked read or write then fails at once."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.seconds = seconds
        self.has_passed = False
        self._process = process
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.has_passed = True
        self._process.kill()


@cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that starts processes: under Linux a child ends with the *thread* that started it."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="holdfast-spawner")


def _spawn(scratch: str, path: list[str], limits: Limits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "holdfast.adapters.models.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=scratch,
        env=_environment(scratch, path, limits),
        # Ctrl-C in the terminal is for the parent, which then ends the child
        start_new_session=True,
    )


def _environment(scratch: str, path: list[str], limits: Limits) -> dict[str, str]:
    environment = {name: os.environ[name] for name in KEPT_FROM_ENVIRONMENT if name in os.environ}
    environment |= dict.fromkeys(THREAD_VARIABLES, str(limits.threads or _usable_cores()))
    return environment | {
        "PATH": os.defpath,
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_ARENA_MAX": "4",
        # it may start no processes, so joblib need not try
        "JOBLIB_MULTIPROCESSING": "0",
    }


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _import_path(*, everything: bool) -> list[str]:
    """The folders the child imports from: this package's and installed ones; all of the user's for a trusted pickle."""
    own = str(Path(__file__).resolve().parents[3])
    found = [own]
    for entry in sys.path:
        folder = os.path.abspath(entry or os.getcwd())
        if everything or os.path.basename(folder) in ("site-packages", "dist-packages"):
            found.append(folder)
    return list(dict.fromkeys(found))


def _library_folders() -> list[str]:
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    paths = sysconfig.get_paths()
    return [folder for folder in (*folders, paths["stdlib"], paths["platstdlib"]) if folder and folder != "/"]


def _keep_tail(stream: IO[bytes] | None, kept: deque[bytes]) -> None:
    while stream is not None:
        try:
            chunk = os.read(stream.fileno(), ERROR_CHUNK)
        except (OSError, ValueError):
            return
        if not chunk:
            return
        kept.append(chunk)


def _end(process: subprocess.Popen[bytes], reader: threading.Thread, scratch: str) -> None:
    process.kill()
    process.wait()
    reader.join(WAIT_FOR_END_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except OSError:
                continue
    shutil.rmtree(scratch, ignore_errors=True)


def _opened(message: tuple[dict[str, Any], list[bytes]]) -> tuple[dict[str, Any], list[bytes]]:
    header, parts = message
    if header.get("ok") is True:
        return header, parts
    kind = REPLIES.get(str(header.get("kind")), ModelError)
    error = kind.__new__(kind)
    HoldfastError.__init__(error, str(header.get("message")), hint=str(header.get("hint", "")))
    raise error


def _cause(code: int) -> str:
    if code >= 0:
        return f"it exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    likely = {"SIGKILL": " (killed; the system being out of memory is the usual reason)", "SIGABRT": " (aborted)"}
    return f"it was ended by {name}{likely.get(name, '')}"
