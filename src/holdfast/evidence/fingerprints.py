"""What lies at a path: digests of a file, or of a folder with everything in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from holdfast.core.canonical import digest_of
from holdfast.core.errors import InputError
from holdfast.core.provenance import FileState, Member

MOST_FILES = 100_000
MOST_MEMBERS = 1_000
_PIECE = 1 << 16


def file_state(path: Path) -> FileState:
    """Digest a file or folder.

    A link is followed when it is the path itself, and its target is stated. Inside a folder, links are not followed:
    their targets are digested as texts.

    Raises
    ------
    InputError
        When it cannot be read, is a pipe or device, or a folder of more than 100,000 files.
    """
    link = _printable(os.readlink(path)) if path.is_symlink() else ""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return FileState(kind="absent", link=link)
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISREG(mode):
        digest, size = _digest_file(path)
        return FileState(kind="file", digest=digest, n_bytes=size, n_files=1, link=link)
    if not stat.S_ISDIR(mode):
        raise InputError(f"expected a file or folder, got a pipe or device: {path}", hint="name a file")
    members = list(_members(path))
    return FileState(
        kind="folder",
        digest=digest_of([[member.path, member.digest] for member in members]),
        n_bytes=sum(member.n_bytes for member in members),
        n_files=len(members),
        link=link,
        members=tuple(members) if len(members) <= MOST_MEMBERS else (),
    )


def _members(top: Path) -> Iterator[Member]:
    """Digest everything in a folder, in the order of the paths."""
    for path in sorted(_walk(top)):
        name = _printable(path.relative_to(top).as_posix())
        if path.is_symlink():
            yield Member(path=name, digest=f"link to {_printable(os.readlink(path))}", n_bytes=0)
        else:
            digest, size = _digest_file(path)
            yield Member(path=name, digest=digest, n_bytes=size)


def _walk(top: Path) -> list[Path]:
    found: list[Path] = []
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise _unreadable(folder, error) from None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                found.append(Path(entry.path))
            else:
                raise InputError(f"expected files in {top}, got a pipe or device: {entry.path}", hint="remove it")
        if len(found) > MOST_FILES:
            raise InputError(
                f"expected at most {MOST_FILES:,} files in {top}, there are more", hint="name the part that counts"
            )
    return found


def _digest_file(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise _unreadable(path, error) from None
    return f"sha256:{digest.hexdigest()}", size


def _printable(name: str) -> str:
    """Return a name as Unicode text, its other bytes escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions")
