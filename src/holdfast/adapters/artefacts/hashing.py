"""Digest every file of a model, several at a time, and see that none of them changed meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from holdfast.adapters.artefacts.listing import Artefact, artefacts

Algorithm = Literal["sha256", "blake2b"]
Identity = tuple[int, int, int, int, int]
Ranges = Callable[[int], "list[tuple[int, int]]"]
PIECE = 1 << 16  # stays in the second-level cache between being read and being hashed; a megabyte costs a third more
MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One regular file.

    Attributes
    ----------
    name
        Path relative to the root, with ``/``; the name itself for a root that is a file.
    size
        Bytes.
    digests
        Hexadecimal digest of each range that was asked for, in order.
    identity
        What cannot stay the same when the content is altered.
    """

    name: str
    size: int
    digests: tuple[str, ...]
    identity: Identity


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was not read, by name, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Tree:
    """What stands beneath a path, in the order of names."""

    files: list[HashedFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)


def whole(size: int) -> list[tuple[int, int]]:
    """Return the one range of a file that is digested as a whole."""
    return [(0, size)]


def nothing(name: str) -> bool:
    """Skip no file."""
    return False


def hash_tree(
    root: str,
    *,
    algorithm: Algorithm = "sha256",
    ranges: Ranges = whole,
    skip: Callable[[str], bool] = nothing,
    known: Mapping[str, str] | None = None,
) -> Tree:
    """Digest every file beneath a path, or the one file it names.

    Hidden files are files. Links, pipes and devices are neither followed nor opened: they are listed as refused. When
    all is read, the folder is walked through once more: whatever is new, gone or altered by then is unstable.

    Parameters
    ----------
    root
        File or folder; a link that the user names is followed.
    algorithm
        Digest.
    ranges
        Which bytes of a file of a given size to digest, each by itself.
    skip
        Whether a file of this name is only listed.
    known
        SHA-256, as 64 hexadecimal digits, of files that were digested when they were scanned, by absolute path; they
        are not read again.

    Raises
    ------
    InputError
        When there is nothing of this name.
    """
    tree = Tree()
    running: deque[tuple[str, Identity, Future[tuple[str, ...]]]] = deque()
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="holdfast-hash") as pool:
        for artefact in artefacts(root):
            name = _name(artefact, root)
            if skip(name):
                tree.skipped.append(name)
                continue
            if artefact.kind != "file":
                tree.refused.append(Refused(name, artefact.reason))
                continue
            identity = _identity(artefact.descriptor)
            done = (known or {}).get(os.path.abspath(artefact.real))
            if done is not None:
                tree.files.append(HashedFile(name, identity[0], (done,), identity))
                continue
            descriptor = os.dup(artefact.descriptor)
            running.append((name, identity, pool.submit(_digests, descriptor, identity[0], algorithm, ranges)))
            if len(running) >= 4 * threads:
                _take(tree, *running.popleft())
        while running:
            _take(tree, *running.popleft())
    _look_again(tree, root, skip)
    tree.files.sort(key=lambda file: file.name)
    return tree


def _take(tree: Tree, name: str, identity: Identity, result: Future[tuple[str, ...]]) -> None:
    try:
        tree.files.append(HashedFile(name, identity[0], result.result(), identity))
    except OSError as error:
        tree.refused.append(Refused(name, f"it cannot be read: {error.strerror}"))


def _digests(descriptor: int, size: int, algorithm: Algorithm, ranges: Ranges) -> tuple[str, ...]:
    buffer = memoryview(bytearray(min(PIECE, size + 1)))
    try:
        return tuple(_digest(descriptor, start, end, algorithm, buffer) for start, end in ranges(size))
    finally:
        os.close(descriptor)


def _digest(descriptor: int, start: int, end: int, algorithm: Algorithm, buffer: memoryview) -> str:
    """Digest bytes ``start`` to ``end``; a file that has become shorter or longer is told apart by its identity."""
    found: Any = hashlib.new(algorithm)
    for piece in _pieces(descriptor, start, end, buffer):
        found.update(piece)
    return str(found.hexdigest())


def _pieces(descriptor: int, start: int, end: int, buffer: memoryview) -> Iterator[memoryview | bytes]:
    if not hasattr(os, "preadv"):  # Windows and old systems: one position per descriptor, which is ours alone
        os.lseek(descriptor, start, os.SEEK_SET)
        while start < end and (data := os.read(descriptor, min(PIECE, end - start))):
            start += len(data)
            yield data
        return
    while start < end and (count := os.preadv(descriptor, [buffer[: end - start]], start)):
        start += count
        yield buffer[:count]


def _look_again(tree: Tree, root: str, skip: Callable[[str], bool]) -> None:
    before: dict[str, Identity | None] = {refused.name: None for refused in tree.refused}
    before |= {file.name: file.identity for file in tree.files}
    now = {_name(each, root): _identity(each.descriptor) if each.kind == "file" else None for each in artefacts(root)}
    now = {name: identity for name, identity in now.items() if not skip(name)}
    changed = {name for name in before.keys() & now.keys() if before[name] != now[name]}
    tree.unstable = sorted(changed | (before.keys() ^ now.keys()))


def _name(artefact: Artefact, root: str) -> str:
    inside = os.path.relpath(artefact.real, root)
    return os.path.basename(os.path.abspath(root)) if inside == os.curdir else inside.replace(os.sep, "/")


def _identity(descriptor: int) -> Identity:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev
