"""The process that scans: ``python -m holdfast.adapters.artefacts.child``.

It imports all it needs, then confines itself as a model's process does: no network, no files but those whose open
descriptors it is handed, bounded memory. So a fault in a reader, or in a decompressor it calls, costs one file.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from holdfast.adapters.artefacts.examination import examine
from holdfast.adapters.models import wire
from holdfast.adapters.models.confinement import confine
from holdfast.kernels.scan.allow_list import shipped_allow_list
from holdfast.kernels.scan.worklist import Limits

LARGEST_FILE_BY_PIPE = 1 << 40


def main() -> None:
    """Confine this process, then answer requests until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    start, _ = wire.receive(source, largest=0)
    allow = shipped_allow_list()
    outcome = confine(scratch="", read=start["read"], memory_mb=start["memory_mb"], parent=start["parent"])
    wire.send(sink, {"ok": True, "confinement": outcome, "allow_list": allow.digest})
    channel = socket.socket(fileno=start["channel"]) if start["channel"] >= 0 else None
    while True:
        try:
            header, parts = wire.receive(source, largest=LARGEST_FILE_BY_PIPE)
        except EOFError:
            break
        _answer(sink, header, parts, channel)
    os._exit(0)


def _answer(sink: BinaryIO, header: dict[str, Any], parts: list[bytes], channel: socket.socket | None) -> None:
    descriptor = -1
    try:
        if channel is not None:
            descriptor = socket.recv_fds(channel, 1, 1)[1][0]
        content, limits = parts[0] if parts else descriptor, Limits(**header["limits"])
        found = examine(content, name=header["name"], limits=limits, seconds=header["seconds"])
        reply = {"ok": True, **found, "scan": asdict(found["scan"])}
    except MemoryError:
        reply = {"ok": False, "rule": "limit.memory", "why": "it takes more memory than the limit to examine"}
    except OSError as error:
        reply = {"ok": False, "rule": "file.unreadable", "why": f"it cannot be read: {error.strerror or error}"}
    except Exception as error:  # a fault in a reader is told, and never makes a file clean
        where = type(error).__name__
        reply = {"ok": False, "rule": "scanner.fault", "why": f"the scanner itself failed on it ({where}); report it"}
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    wire.send(sink, {"ok": True}, json.dumps(reply).encode())


if __name__ == "__main__":
    main()
