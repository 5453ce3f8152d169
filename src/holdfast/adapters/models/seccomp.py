"""A system-call filter: no sockets, no programs, no processes, no reach into other processes.

Refused calls return ``EPERM``, so that the attempt becomes an ordinary error with a message. Calls that only make sense
within the process itself (signals, resource limits) are allowed for its own id. Little-endian machines only, which both
supported architectures are under Linux in practice.

References
----------
Linux manual, seccomp(2), and ``include/uapi/linux/audit.h``; system-call numbers from ``arch/x86/entry/syscalls`` and
``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, AND, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
OFFSET_CALL, OFFSET_ARCHITECTURE, OFFSET_ARGUMENTS = 0, 4, 16
CLONE_THREAD, SHARED_ANONYMOUS = 0x00010000, 0x21
X32_CALLS = 0x40000000


# numbers under x86_64 and aarch64; None where the architecture has no such call
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "memfd_create": (319, 279),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "setpriority": (141, 140),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount_setattr": (442, 442),
    "memfd_secret": (447, 447),
    "process_mrelease": (448, 448),
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """Its audit code, and the numbers of the calls whose arguments decide."""

    audit: int
    column: int
    kill: int
    tgkill: int
    prlimit: int
    clone: int
    mmap: int


ARCHITECTURES = {
    "x86_64": Architecture(audit=0xC000003E, column=0, kill=62, tgkill=234, prlimit=302, clone=56, mmap=9),
    "aarch64": Architecture(audit=0xC00000B7, column=1, kill=129, tgkill=131, prlimit=261, clone=220, mmap=222),
}
CLONE3 = 435


def install() -> None:
    """Apply the filter to this process for good; it must have no other thread and have given up new privileges.

    Raises
    ------
    OSError
        When the kernel refuses, or the architecture is not known here.
    """
    machine = ARCHITECTURES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no filter for the architecture {platform.machine()}")
    program = b"".join(_program(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(machine: Architecture, pid: int) -> list[bytes]:
    refuse, allow = _return(ERRNO | errno.EPERM), _return(ALLOW)
    lines = [
        _load(OFFSET_ARCHITECTURE),
        _jump(EQUAL, machine.audit, otherwise=0, then=1),
        _return(KILL),
        _load(OFFSET_CALL),
        _jump(AT_LEAST, X32_CALLS, then=0, otherwise=1),
        refuse,
        _jump(EQUAL, CLONE3, then=0, otherwise=1),
        _return(ERRNO | errno.ENOSYS),  # its flags lie in memory; the C library falls back to clone
    ]
    for number in (numbers[machine.column] for numbers in REFUSED.values()):
        if number is None:
            continue
        lines += [_jump(EQUAL, number, then=0, otherwise=1), refuse]
    lines += _unless(machine.clone, 0, [_jump(ANY_BIT, CLONE_THREAD, then=1, otherwise=0), refuse, allow])
    for number in (machine.kill, machine.tgkill):
        lines += _unless(number, 0, [_jump(EQUAL, pid, then=1, otherwise=0), refuse, allow])
    own_limits = [_jump(EQUAL, 0, then=2, otherwise=0), _jump(EQUAL, pid, then=1, otherwise=0), refuse, allow]
    lines += _unless(machine.prlimit, 0, own_limits)
    # shared anonymous memory is not counted by the limit on data
    masked = [_instruction(AND, SHARED_ANONYMOUS), _jump(EQUAL, SHARED_ANONYMOUS, then=0, otherwise=1), refuse, allow]
    lines += _unless(machine.mmap, 3, masked)
    return [*lines, allow]


def _unless(number: int, argument: int, body: list[bytes]) -> list[bytes]:
    """Run ``body``, which must return, on the low half of an argument of one call."""
    load = _load(OFFSET_ARGUMENTS + 8 * argument)
    return [_jump(EQUAL, number, then=0, otherwise=len(body) + 1), load, *body]


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _load(offset: int) -> bytes:
    return _instruction(LOAD, offset)


def _jump(code: int, value: int, *, then: int, otherwise: int) -> bytes:
    return _instruction(code, value, then, otherwise)


def _return(value: int) -> bytes:
    return _instruction(RETURN, value)
