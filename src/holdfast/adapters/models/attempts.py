"""What a model's code was seen to try while it was loaded: a record beside the confinement, which does the refusing.

Python's audit events show attempts made through the standard library, also those whose refusal the code swallows. Code
that goes around it is not seen here, only refused.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

EVENTS = {
    "socket.__new__": "open a socket",
    "socket.connect": "open a network connection",
    "socket.getaddrinfo": "look up a host name",
    "subprocess.Popen": "start a program",
    "os.system": "start a program",
    "os.exec": "start a program",
    "os.posix_spawn": "start a program",
    "os.fork": "start a process",
    "os.kill": "signal a process",
}
# the interpreter and libraries look at these themselves
UNREMARKABLE = ("/proc", "/sys", "/dev", "/etc")
MOST_KEPT = 10
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Collects attempts between :meth:`begin` and :meth:`end`; a process cannot take its audit hooks off again."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = tuple(os.path.realpath(folder) for folder in allowed)
        self._seen: dict[str, None] = {}
        self._is_active = False
        sys.addaudithook(self._hook)

    def begin(self) -> None:
        """Start collecting."""
        self._is_active = True

    def end(self) -> tuple[str, ...]:
        """Stop, and say in one sentence what was tried; nothing when nothing was."""
        self._is_active = False
        if not self._seen:
            return ()
        tried = ", ".join(self._seen)
        return (
            f"While it was loaded, the model's code tried to: {tried}. The confinement refuses what it does not allow.",
        )

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_active or len(self._seen) >= MOST_KEPT:
            return
        if event in EVENTS:
            self._seen[EVENTS[event]] = None
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            self._note_file(os.fsdecode(arguments[0]), arguments[2])

    def _note_file(self, name: str, flags: int) -> None:
        path = os.path.abspath(name)
        if not _is_beneath(path, (*self._allowed, *UNREMARKABLE)):
            self._seen[f"{'write' if flags & WRITING else 'read'} {path[:200]}"] = None


def _is_beneath(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
