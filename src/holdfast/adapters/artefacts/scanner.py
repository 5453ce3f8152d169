"""The parent's side of the scanning process: one process for many files, started again after it ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.adapters.models import wire

KEPT_FROM_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")
PASSES_DESCRIPTORS = hasattr(socket, "send_fds")
LARGEST_REPLY = 256 << 20
# what a walker may take beyond its time before its process is ended
GRACE_S = 2.0
START_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.1
MOST_FAILED_STARTS = 3
ENDING_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """What a scan may cost.

    Attributes
    ----------
    seconds, total_seconds
        Time for one file, and for everything.
    memory_mb
        Memory of the scanning process, in MiB, files that are mapped not counted.
    files
        Files looked at; the rest is reported as not examined.
    depth, expanded_mb
        Archives inside archives, and what decompression may yield per file, in MiB.
    """

    seconds: float = 60.0
    total_seconds: float = 3600.0
    memory_mb: int = 1024
    files: int = 250_000
    depth: int = 8
    expanded_mb: int = 512

    def per_file(self) -> dict[str, int]:
        """Return the limits that the readers keep to, as keywords of :class:`holdfast.kernels.scan.worklist.Limits`."""
        return {"depth": self.depth, "expanded_bytes": self.expanded_mb << 20}


class Scanner:
    """Scans open files in a confined process; whatever happens to it, there is an answer for every file."""

    def __init__(self, limits: ScanLimits) -> None:
        self._limits = limits
        self._process: _Child | None = None
        self._failed_starts = 0
        self.confinement: dict[str, str] = {}
        self.allow_list = ""

    def __enter__(self) -> Scanner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def scan(self, descriptor: int, *, name: str, seconds: float) -> dict[str, Any]:
        """Scan one open file.

        Returns
        -------
        dict
            ``ok`` and then ``scan``, ``size``, ``digest`` and ``changed``; or not ``ok``, ``rule`` and ``why``.
        """
        child = self._child()
        if child is None:
            return _failure("scanner.ended", "the process that examines files cannot be started")
        request = {"name": name, "seconds": seconds, "limits": self._limits.per_file()}
        try:
            reply = child.ask(request, descriptor, within=seconds + GRACE_S)
        except (OSError, EOFError, ValueError) as error:
            ended = child.end()
            self._process = None
            if child.is_late:
                return _failure("limit.time", f"it took longer than {seconds:g} s to examine")
            if isinstance(error, wire.WireError | ValueError):
                return _failure("scanner.ended", "the process that examined it broke its protocol")
            return _failure("scanner.ended", f"the process that examined it ended: {ended}")
        if reply.get("rule") == "limit.memory":
            self.close()
        return reply

    def start(self) -> None:
        """Start the process now, so that what it says about itself is known."""
        self._child()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.end()
            self._process = None

    def _child(self) -> _Child | None:
        if self._process is None and self._failed_starts < MOST_FAILED_STARTS:
            child = _Child(self._limits.memory_mb)
            try:
                hello = child.hello(START_TIMEOUT_S)
            except (OSError, EOFError, wire.WireError):
                child.kill()
                child.end()
                self._failed_starts += 1
                return None
            self.confinement = {str(key): str(value) for key, value in hello["confinement"].items()}
            self.allow_list = str(hello["allow_list"])
            self._process = child
        return self._process


def _failure(rule: str, why: str) -> dict[str, Any]:
    return {"ok": False, "rule": rule, "why": why}


class _Child:
    """One process; ended when it takes longer than it may."""

    def __init__(self, memory_mb: int) -> None:
        ours, theirs = socket.socketpair() if PASSES_DESCRIPTORS else (None, None)
        own = str(Path(__file__).resolve().parents[3])
        environment = {name: os.environ[name] for name in KEPT_FROM_ENVIRONMENT if name in os.environ}
        self._channel = ours
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-S", "-m", "holdfast.adapters.artefacts.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"PATH": os.defpath, "PYTHONPATH": own, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
            pass_fds=(theirs.fileno(),) if theirs is not None else (),
            # Ctrl-C in the terminal is for the parent, which then ends the child
            start_new_session=True,
        )
        channel = -1 if theirs is None else theirs.fileno()
        self._start = {"channel": channel, "read": _readable(own), "memory_mb": memory_mb, "parent": os.getpid()}
        if theirs is not None:
            theirs.close()
        self.is_late = False
        self._until = time.monotonic() + START_TIMEOUT_S
        self._is_over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def hello(self, within: float) -> dict[str, Any]:
        """Confine it and read what it says about itself."""
        self._until = time.monotonic() + within
        wire.send(self._input, self._start)
        reply = wire.receive(self._output, largest=0)[0]
        self._until = float("inf")
        return reply

    def ask(self, request: dict[str, Any], descriptor: int, *, within: float) -> dict[str, Any]:
        """Hand one open file over and wait for what is found."""
        self._until = time.monotonic() + within
        try:
            if self._channel is None:
                wire.send(self._input, request, _content(descriptor))
            else:
                socket.send_fds(self._channel, [b"f"], [descriptor])
                wire.send(self._input, request)
            _, parts = wire.receive(self._output, largest=LARGEST_REPLY)
        finally:
            self._until = float("inf")
        reply = json.loads(parts[0])
        if not isinstance(reply, dict):
            raise ValueError("expected an object")
        return reply

    def kill(self) -> None:
        """End it, by its own process id."""
        self._process.kill()

    def end(self) -> str:
        """Say how it ended, ending it where it still runs, and let go of it."""
        try:
            code = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._is_over.set()
        for stream in (self._process.stdin, self._process.stdout, self._channel):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
        return _cause(code)

    @property
    def _input(self) -> Any:
        return self._process.stdin

    @property
    def _output(self) -> Any:
        return self._process.stdout

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            if time.monotonic() > self._until:
                self.is_late = True
                self._process.kill()
                return


def _content(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read()


def _readable(own: str) -> list[str]:
    paths = sysconfig.get_paths()
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    folders = [own, paths["stdlib"], paths["platstdlib"], sys.prefix, sys.base_prefix, *libraries]
    return [folder for folder in folders if folder not in ("", "/")]


def _cause(code: int) -> str:
    if code >= 0:
        return f"it exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    likely = {
        "SIGBUS": " (the file was cut short while it was read)",
        "SIGKILL": " (killed; the system being out of memory is the usual reason)",
    }
    return f"it was ended by {name}{likely.get(name, '')}"
