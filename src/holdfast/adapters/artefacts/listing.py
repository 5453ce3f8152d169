"""Find what is to be scanned, and open it without being led astray.

A folder is walked through descriptors, name by name, so that nobody can put a link where a folder was a moment ago.
Links inside a folder are not followed; pipes, sockets and devices are not opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Literal

from holdfast.core.errors import InputError
from holdfast.kernels.scan.printable import printable

DEEPEST = 100
MOST_ENTRIES = 300_000
LONGEST_PATH = 1 << 13
READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
GUARDED = READ | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NOCTTY", 0)
FOLDER = GUARDED | getattr(os, "O_DIRECTORY", 0)
THROUGH_DESCRIPTORS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One thing that was found.

    Attributes
    ----------
    path
        As it is shown: everything unprintable is escaped.
    kind
        ``file``: a regular file, open at ``descriptor`` until the next one is asked for. ``link``: a link to something
        that is found under its own name. ``refused``: not opened, and ``reason`` says why.
    links
        Names that the file has.
    real
        The path itself, unescaped.
    """

    path: str
    kind: Literal["file", "link", "refused"]
    reason: str = ""
    descriptor: int = -1
    links: int = 1
    real: str = ""


@dataclass(frozen=True, slots=True)
class _Folder:
    """An open folder: its path, and its descriptor where the platform walks through descriptors."""

    path: str
    descriptor: int
    depth: int

    def listed(self) -> list[str]:
        """Names in order; one more than are looked at where there are too many."""
        with os.scandir(self.descriptor if THROUGH_DESCRIPTORS else self.path) as entries:
            return sorted(entry.name for entry in islice(entries, MOST_ENTRIES + 1))

    def status(self, name: str) -> os.stat_result:
        if THROUGH_DESCRIPTORS:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        return os.stat(os.path.join(self.path, name), follow_symlinks=False)

    def open(self, name: str, flags: int) -> int:
        if THROUGH_DESCRIPTORS:
            return os.open(name, flags, dir_fd=self.descriptor)
        return os.open(os.path.join(self.path, name), flags)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


def artefacts(root: str) -> Iterator[Artefact]:
    """Yield everything beneath a path, or the one file it names, in the order of names.

    A link that the user names is followed; one that stands inside a folder is not.

    Raises
    ------
    InputError
        When there is nothing of this name.
    """
    try:
        status = os.stat(root)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        if not os.path.lexists(root):
            raise InputError(
                f"there is no file or folder {printable(root)}", hint="give files and folders that exist"
            ) from error
        yield _refused(root, "a link that leads nowhere")
        return
    except OSError as error:
        yield _refused(root, f"it cannot be read: {error.strerror}")
        return
    if stat.S_ISDIR(status.st_mode):
        try:
            descriptor = os.open(root, FOLDER & ~getattr(os, "O_NOFOLLOW", 0)) if THROUGH_DESCRIPTORS else -1
        except OSError as error:
            yield _refused(root, f"it cannot be read: {error.strerror}")
            return
        yield from _walk(_Folder(root, descriptor, 0), os.path.realpath(root))
        return
    yield from _lent(_opened(_Folder(".", -1, 0), root, status, follow=True, shown=root))


def beside(folder: str, location: str) -> Iterator[Artefact]:
    """Yield the file at a relative location beneath a folder; links on the way are not followed."""
    parts = PurePosixPath(location).parts
    shown = os.path.join(folder, *parts)
    if not parts or location.startswith("/") or ".." in parts:
        yield _refused(shown, "it lies outside the folder of the file that names it")
        return
    opened: list[_Folder] = []
    try:
        here = _Folder(folder or ".", os.open(folder or ".", FOLDER) if THROUGH_DESCRIPTORS else -1, 0)
        opened.append(here)
        for part in parts[:-1]:
            inside = here.open(part, FOLDER) if THROUGH_DESCRIPTORS else -1
            here = _Folder(os.path.join(here.path, part), inside, 0)
            opened.append(here)
        yield from _lent(_opened(here, parts[-1], here.status(parts[-1]), shown=shown))
    except OSError as error:
        yield _refused(shown, f"it cannot be read: {error.strerror}")
    finally:
        for each in opened:
            each.close()


def _walk(folder: _Folder, base: str) -> Iterator[Artefact]:
    try:
        names = folder.listed()
        for name in names[:MOST_ENTRIES]:
            yield from _entry(folder, name, base)
        if len(names) > MOST_ENTRIES:
            yield _refused(folder.path, f"the folder holds more than {MOST_ENTRIES} entries; the rest was left out")
    except OSError as error:
        yield _refused(folder.path, f"the folder cannot be read: {error.strerror}")
    finally:
        folder.close()


def _entry(folder: _Folder, name: str, base: str) -> Iterator[Artefact]:
    path = os.path.join(folder.path, name)
    try:
        status = folder.status(name)
        if stat.S_ISLNK(status.st_mode):
            yield _link(path, base)
            return
        if not stat.S_ISDIR(status.st_mode):
            artefact = _opened(folder, name, status, shown=path)
        elif folder.depth >= DEEPEST:
            artefact = _refused(path, f"folders nest more than {DEEPEST} deep")
        else:
            inside = folder.open(name, FOLDER) if THROUGH_DESCRIPTORS else -1
            yield from _walk(_Folder(path, inside, folder.depth + 1), base)
            return
    except OSError as error:
        artefact = _refused(path, f"it cannot be read: {error.strerror}")
    yield from _lent(artefact)


def _opened(folder: _Folder, name: str, expected: os.stat_result, *, shown: str, follow: bool = False) -> Artefact:
    """Open a regular file; whatever else it is, or has become since it was looked at, is refused."""
    for is_kind, words in KINDS:
        if is_kind(expected.st_mode):
            return _refused(shown, f"it is {words}, which is not opened")
    try:
        if follow:
            descriptor = os.open(name, GUARDED & ~getattr(os, "O_NOFOLLOW", 0))
        else:
            descriptor = folder.open(name, GUARDED)
    except OSError as error:
        words = "it became a link" if error.errno == errno.ELOOP else f"it cannot be read: {error.strerror}"
        return _refused(shown, words)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) != (expected.st_dev, expected.st_ino):
        os.close(descriptor)
        return _refused(shown, "it was replaced while it was opened")
    return Artefact(path=_shown(shown), kind="file", descriptor=descriptor, links=found.st_nlink, real=shown)


def _lent(artefact: Artefact) -> Iterator[Artefact]:
    try:
        yield artefact
    finally:
        if artefact.descriptor >= 0:
            os.close(artefact.descriptor)


def _link(path: str, base: str) -> Artefact:
    try:
        target = os.path.realpath(path, strict=True)
    except OSError as error:
        words = "a link in a circle" if error.errno == errno.ELOOP else "a link that leads nowhere"
        return _refused(path, words)
    if os.path.commonpath([target, base]) != base:
        return _refused(path, f"a link out of the folder, to {printable(target)}, which is not followed")
    inside = printable(os.path.relpath(target, base))
    return replace(_refused(path, f"a link to {inside}, which is examined under its own name"), kind="link")


def _refused(path: str, reason: str) -> Artefact:
    return Artefact(path=_shown(path), kind="refused", reason=reason, real=path)


def _shown(path: str) -> str:
    return printable(path, LONGEST_PATH)
