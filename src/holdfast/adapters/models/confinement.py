"""What holds the process a model runs in, as far as the platform offers it.

Everything here is applied while the process has one thread and has imported nothing but the standard library: Landlock
and user namespaces hold for single threads, and numerical libraries start threads when they are imported. Each
measure reports its outcome in words, because the evidence must say what held and what did not.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from holdfast.adapters.models import landlock, seccomp

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
SIGKILL = 9
LARGEST_FILE_MB = 64
MOST_OPEN_FILES = 512
SYSTEM_READABLE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
)


def holds_network(outcome: Mapping[str, str]) -> bool:
    """Whether a process with this outcome is kept from the network.

    Examples
    --------
    >>> holds_network({"network": "seccomp"}), holds_network({"network": "not available on win32"})
    (True, False)
    """
    return outcome.get("network") in ("namespace", "seccomp", "namespace + seccomp")


def confine(*, scratch: str, read: Sequence[str], memory_mb: int, parent: int) -> dict[str, str]:
    """Confine this process for good and return what was obtained, measure to outcome.

    Parameters
    ----------
    scratch
        The one folder it may write in.
    read
        Files and folders it may read besides the system's libraries.
    memory_mb
        Limit on the memory it may allocate, in MiB.
    parent
        Process id of the parent, with whose death it ends.
    """
    outcome = {"environment": "cleared", "memory": _attempt(lambda: _limit_resources(memory_mb))}
    if sys.platform != "linux":
        absent = f"not available on {sys.platform}"
        return outcome | {
            "network": absent,
            "filesystem": absent,
            "processes": absent,
            "lifetime": "ends with its input",
        }
    namespace = _attempt(_leave_network)
    outcome["lifetime"] = _attempt(lambda: _end_with(parent))
    outcome["filesystem"] = _attempt(lambda: _restrict_files(scratch, read))
    calls = _attempt(_filter_calls)
    filtered = not calls.startswith("not available")
    outcome["processes"] = "seccomp: no new processes or programs" if filtered else calls
    held = [measure for measure, holds in (("namespace", namespace == "namespace"), ("seccomp", filtered)) if holds]
    outcome["network"] = " + ".join(held) or f"{namespace}; {calls}"
    return outcome


def _attempt(measure: Callable[[], str]) -> str:
    try:
        return measure()
    except (OSError, ValueError, ImportError) as error:
        return f"not available: {error}"


def _limit_resources(memory_mb: int) -> str:
    import resource

    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, LARGEST_FILE_MB << 20),
        (resource.RLIMIT_NOFILE, MOST_OPEN_FILES),
        (resource.RLIMIT_DATA, memory_mb << 20),
    ):
        hard = resource.getrlimit(limit)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bounded, bounded))
    if sys.platform != "linux":
        return f"not available on {sys.platform}: the limit on data does not cover mapped memory there"
    return f"rlimit {memory_mb} MB"


def _leave_network() -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        raise OSError(ctypes.get_errno(), f"user namespace: {os.strerror(ctypes.get_errno())}")
    return "namespace"


def _end_with(parent: int) -> str:
    _control(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)
    return "ends with its parent"


def _restrict_files(scratch: str, read: Sequence[str]) -> str:
    _control(PR_SET_NO_NEW_PRIVS, 1)
    own = f"/proc/{os.getpid()}"
    offered = landlock.restrict(read=[*SYSTEM_READABLE, own, *read], write=[scratch, "/dev/null"])
    return f"landlock abi {offered}"


def _filter_calls() -> str:
    _control(PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install()
    return "seccomp"


def _control(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
