"""Landlock: which files a process may read and write, whom it may signal, and no TCP.

References
----------
Linux documentation, userspace-api/landlock; ``include/uapi/linux/landlock.h``. The system-call numbers are the same on
every architecture.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHARACTER_DEVICE, MAKE_SOCKET, MAKE_BLOCK_DEVICE = 1 << 6, 1 << 9, 1 << 11
TRUNCATE = 1 << 14
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
# number of file rights that each version of the interface knows, from version 1
RIGHTS_BY_VERSION = (13, 14, 15, 15, 16)
TCP_RIGHTS, TCP_VERSION = 0b11, 4
SCOPES, SCOPES_VERSION = 0b11, 6


def version() -> int:
    """Return the version of the interface that the running kernel offers.

    Raises
    ------
    OSError
        When the kernel has no Landlock or it is switched off.
    """
    return _call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))


def restrict(*, read: Iterable[str], write: Iterable[str]) -> int:
    """Allow reading beneath ``read``, reading and writing beneath ``write``, and nothing else; return the version.

    Paths that do not exist are passed over. It holds for the calling thread and those it starts, for good; new
    privileges must have been given up before.
    """
    offered = version()
    every = (1 << RIGHTS_BY_VERSION[min(offered, len(RIGHTS_BY_VERSION)) - 1]) - 1
    attributes = struct.pack("=Q", every)
    attributes += struct.pack("=Q", TCP_RIGHTS) if offered >= TCP_VERSION else b""
    attributes += struct.pack("=Q", SCOPES) if offered >= SCOPES_VERSION else b""
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in read:
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path in write:
            _allow(ruleset, path, every & ~(EXECUTE | MAKE_CHARACTER_DEVICE | MAKE_SOCKET | MAKE_BLOCK_DEVICE))
        _call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return offered


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= FILE_RIGHTS
        rule = struct.pack("=Qi", rights, beneath)
        _call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(RULE_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(beneath)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
