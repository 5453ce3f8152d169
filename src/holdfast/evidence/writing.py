"""Write a file whole or not at all.

The bytes go to a file without a name in the same folder (a hidden one where the system has no such files), reach the
disk, and only then take the name. A full disk, a read-only folder or a killed process leaves the old file, or none,
never half of a new one; and where files need no name, nothing else either.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from holdfast.core.errors import InputError

_MEANINGS = {
    errno.ENOSPC: ("the disk is full", "free some space or choose another folder with --out"),
    errno.EDQUOT: ("your disk quota is used up", "free some space or choose another folder with --out"),
    errno.EFBIG: ("the file is larger than this system allows", "raise the file size limit (ulimit -f)"),
    errno.EROFS: ("the file system is read-only", "choose a writable folder with --out"),
    errno.EACCES: ("permission is denied", "choose a folder that you may write to with --out"),
    errno.EPERM: ("the system does not permit it", "choose a folder that you may write to with --out"),
    errno.ENOENT: ("its folder does not exist", "create the folder first"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "correct the path"),
    errno.EISDIR: ("a folder has this name already", "choose another name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.EEXIST: ("a file has taken this name meanwhile, and none is overwritten", "choose another name"),
    errno.EIO: ("the disk reports a fault", "check the disk and choose another folder with --out"),
}

OPEN_FILES = Path("/proc/self/fd")


def write_durably(path: Path, data: bytes | memoryview, *, mode: int = 0o666, is_new: bool = False) -> None:
    """Write bytes to a file so that it holds all of them or was never touched.

    Parameters
    ----------
    path
        Where to; a file that is there is replaced, its folder must exist.
    data
        The whole content.
    mode
        Permissions before the umask; ``0o600`` for secrets.
    is_new
        Whether a file of this name, which another process may write at the same time, is an error.

    Raises
    ------
    InputError
        When the file cannot be written: the path, why, and what to do.
    """
    with open_durably(path, mode=mode, is_new=is_new) as file:
        file.write(data)


@contextmanager
def open_durably(path: Path, *, mode: int = 0o666, is_new: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be written in pieces; it takes its name when the block ends without an exception.

    With ``is_new`` it replaces no file, not even one that came while it was written.

    Raises
    ------
    InputError
        When the file cannot be written; reading errors inside the block must be caught there.
    """
    folder = path.parent
    temporary = folder / f".holdfast-{secrets.token_hex(8)}.part"
    try:
        descriptor, has_name = _opened(temporary, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if not has_name:
                    _name(file.fileno(), temporary)
            if is_new:
                _take_new_name(temporary, path)
            else:
                os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _flush_folder(folder)
    except OSError as error:
        raise writing_error(path, error) from error


def _opened(temporary: Path, mode: int) -> tuple[int, bool]:
    """Open a file to be written, and say whether it has a name yet."""
    nameless = getattr(os, "O_TMPFILE", 0)
    if nameless and OPEN_FILES.is_dir():
        with suppress(OSError):  # not on every file system; what else is wrong is said of the file with a name
            return os.open(temporary.parent, os.O_WRONLY | nameless, mode), False
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode), True


def _name(descriptor: int, path: Path) -> None:
    """Give an open file without a name one; see open(2), O_TMPFILE."""
    folder = os.open(OPEN_FILES, os.O_RDONLY)
    try:
        os.link(str(descriptor), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def refuse_unwritable(path: Path) -> None:
    """Refuse a place that no file could be written to, before the work whose result goes there.

    Raises
    ------
    InputError
        When its folder takes no file: why, and what to do.
    """
    probe = path.parent / f".holdfast-{secrets.token_hex(8)}.part"
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(probe)
    except OSError as error:
        raise writing_error(path, error) from error


def _take_new_name(temporary: Path, path: Path) -> None:
    """Give a finished file its name unless there is one already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # file systems without hard links: the best that can be done
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.replace(temporary, path)
    else:
        os.unlink(temporary)


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold a folder while files that belong together are written into it; another process waits for its turn.

    The system lets go of it when the process ends, however it ends. File systems without locks are not held.
    """
    if os.name == "nt":
        with _held_on_windows(folder / ".holdfast.lock"):
            yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _held_on_windows(path: Path) -> Iterator[None]:
    """Hold a file beside the others: a folder cannot be locked there, and waiting ends after ten tries."""
    import msvcrt

    lock, unlock = getattr(msvcrt, "locking"), getattr(msvcrt, "LK_UNLCK")  # noqa: B009  (absent elsewhere)
    with path.open("wb") as file:
        while True:
            with suppress(OSError):
                lock(file.fileno(), getattr(msvcrt, "LK_LOCK"), 1)  # noqa: B009
                break
        try:
            yield
        finally:
            lock(file.fileno(), unlock, 1)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while it wrote has left in a folder and beneath, an hour after."""
    for path in folder.rglob(".holdfast-*.part"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - 3600:
                path.unlink()


def writing_error(path: Path, error: OSError) -> InputError:
    """Say in words why a file cannot be written and what to do about it."""
    reason, hint = _MEANINGS.get(error.errno or 0, (error.strerror or str(error), "choose another folder with --out"))
    return InputError(f"cannot write {path}: {reason}", hint=hint)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there; the rename itself is journalled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush a folder
            raise
    finally:
        os.close(descriptor)
