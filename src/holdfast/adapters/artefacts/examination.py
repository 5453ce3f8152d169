"""Examine one open file: read or map it, digest it, scan it, and see that it stayed what it was."""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.kernels.scan.allow_list import AllowList, Rule, shipped_allow_list
from holdfast.kernels.scan.worklist import Limits, Scan, scan_bytes

READ_WHOLE = 16 << 20
CHUNK = 1 << 20
RELEASE_SECONDS = 0.02
MOST_MODULES = 10_000
Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class NotingList(AllowList):
    """The allow list, which notes the modules that were asked for: those that a file needs when it is loaded."""

    asked: set[str] = field(default_factory=set)

    def rule(self, module: str, name: str) -> Rule | None:
        """Return how a global may be used."""
        self.asked.add(module)
        return AllowList.rule(self, module, name)


@dataclass(slots=True)
class Digesting:
    """The digest of a mapped file, taken by reading it beside the scan: mapped memory is left untouched by it."""

    descriptor: int
    expired: Callable[[], bool]
    read: int = 0
    thread: threading.Thread = field(init=False)
    _hash: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        while not self.expired():
            count = os.preadv(self.descriptor, [view], self.read)
            if not count:
                return
            self._hash.update(view[:count])
            self.read += count

    def result(self, size: int) -> str | None:
        """Wait for it; ``None`` when time ran out or the file is no longer ``size`` bytes long."""
        self.thread.join()
        return f"sha256:{self._hash.hexdigest()}" if self.read == size else None


@dataclass(slots=True)
class Releasing:
    """Whether the time is up; a reader asks often, and each time the pages it has read may be given back."""

    mapped: mmap.mmap
    expired: Callable[[], bool]
    next_release: float = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now >= self.next_release and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)
            self.next_release = now + RELEASE_SECONDS
        return self.expired()


def examine(content: int | bytes, *, name: str, limits: Limits, seconds: float) -> dict[str, Any]:
    """Scan an open regular file, or bytes.

    Returns
    -------
    dict
        ``scan`` (a :class:`holdfast.kernels.scan.worklist.Scan`), ``size``, ``digest`` (``None`` when it was not read
        to the end in time), ``changed``: whether it was altered meanwhile, and ``modules``: what it names.
    """
    until = time.monotonic() + seconds

    def expired() -> bool:
        return time.monotonic() > until

    if isinstance(content, bytes):
        return _examined(content, name, limits, expired, changed=False)
    before = _identity(content)
    size = before[0]
    if size <= READ_WHOLE or not hasattr(os, "preadv"):
        data = _read(content, size)
        changed = len(data) != size or _identity(content) != before
        return _examined(data, name, limits, expired, changed=changed)
    digesting = Digesting(content, expired)
    mapped = mmap.mmap(content, size, access=mmap.ACCESS_READ)
    scan, modules = _scan(memoryview(mapped), name, limits, Releasing(mapped, expired))
    digest, changed = digesting.result(size), _identity(content) != before
    return {"scan": scan, "size": size, "digest": digest, "changed": changed, "modules": modules}


def _examined(data: bytes, name: str, limits: Limits, expired: Callable[[], bool], *, changed: bool) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    scan, modules = _scan(memoryview(data), name, limits, expired)
    return {"scan": scan, "size": len(data), "digest": digest, "changed": changed, "modules": modules}


def _scan(data: memoryview, name: str, limits: Limits, expired: Callable[[], bool]) -> tuple[Scan, list[str]]:
    known = shipped_allow_list()
    allow = NotingList(known.rules, known.versions, known.digest, known.slots, known.names)
    scan = scan_bytes(data, name=name, limits=limits, allow=allow, expired=expired)
    return scan, sorted(allow.asked)[:MOST_MODULES]


def _identity(descriptor: int) -> Identity:
    """What cannot stay the same when the content is altered; the time of change cannot be set by a program."""
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _read(descriptor: int, size: int) -> bytes:
    """Read at most one byte more than there should be, which tells that the file grew."""
    parts = []
    wanted = size + 1
    while wanted > 0:
        part = os.read(descriptor, min(wanted, CHUNK))
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
