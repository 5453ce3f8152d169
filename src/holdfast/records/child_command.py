"""Run a command as if it had been started by itself: its streams, its exit code, the signals meant for it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from holdfast.core.errors import InputError

PASSED_ON = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)  # fmt: skip
FROM_TERMINAL = tuple(getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name))


def run_command(command: Sequence[str], folder: Path) -> int:
    """Run a command to its end; return what ``subprocess`` says of it, a negative number where a signal ended it.

    Signals that reach this process are passed on. Those of a terminal reach the command by themselves, because both
    are in its foreground.

    Raises
    ------
    InputError
        When it cannot be started.
    """
    child: list[subprocess.Popen[bytes]] = []
    with _passing_on(child):
        try:
            child.append(subprocess.Popen(list(command), cwd=folder))
        except OSError as error:
            raise InputError(
                f"cannot start {command[0]!r}: {error.strerror}", hint="give the command as it is started by itself"
            ) from None
        return child[0].wait()


@contextmanager
def _passing_on(child: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        if child and not (number in FROM_TERMINAL and _is_in_foreground()):
            child[0].send_signal(number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Whether a terminal sends its signals to this process, and so to its child too."""
    for stream in (0, 1, 2):
        try:
            if os.tcgetpgrp(stream) == os.getpgrp():
                return True
        except (OSError, AttributeError):
            continue
    return False
