"""Record what SQLite writes and when it waits for the disk, and rebuild what a power cut could have left.

Run as a program, ``recorded_writes.py DATABASE RECORD SYNCHRONOUS APPENDS``, it fills a ledger while the file methods
of the very library that Python uses are replaced by ones that note each write, truncation, deletion and sync.

A cut keeps all that a sync had waited for. Of later writes it keeps some sectors of some, in any order.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SECTOR = 512
KEY_SEED = bytes(range(32))
Event = list[Any]

POINTER = ctypes.c_void_p
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ctypes.c_int, ctypes.c_int64)
TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int64)
SYNC = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int)
# The path comes as a bare address: SQLite keeps it while the file is open, and a copy made by ctypes would be gone.
OPEN = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, POINTER, ctypes.c_int, POINTER)
DELETE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_int)


class Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", POINTER),
        ("read", POINTER),
        ("write", WRITE),
        ("truncate", TRUNCATE),
        ("sync", SYNC),
        *((f"other_{place}", POINTER) for place in range(13)),
    )


class FileSystem(ctypes.Structure):
    """``sqlite3_vfs``, its beginning."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", POINTER),
        ("name", ctypes.c_char_p),
        ("data", POINTER),
        ("open", OPEN),
        ("delete", DELETE),
    )


def record(note: Callable[[Event], None]) -> Callable[[], None]:
    """Have SQLite in this process report its writes; call what is returned to let it be again."""
    library = ctypes.CDLL("libsqlite3.so.0")
    library.sqlite3_vfs_find.restype = ctypes.POINTER(FileSystem)
    system = library.sqlite3_vfs_find(None).contents
    plain_open, plain_delete = OPEN(_address(system.open)), DELETE(_address(system.delete))
    kept: dict[int, tuple[Methods, Methods]] = {}
    paths: dict[int, str] = {}

    def opened(vfs: int, path: int | None, file: int, flags: int, out: int) -> int:
        code = plain_open(vfs, path, file, flags, out)
        place = ctypes.cast(file, ctypes.POINTER(POINTER)).contents
        if code == 0 and place.value:
            if place.value not in kept:
                plain = ctypes.cast(place.value, ctypes.POINTER(Methods)).contents
                kept[place.value] = (plain, _noting(plain, paths, note))
            paths[file] = Path(ctypes.string_at(path).decode()).name if path else "temporary"
            place.value = ctypes.addressof(kept[place.value][1])
        return int(code)

    def deleted(vfs: int, path: bytes, flags: int) -> int:
        note(["delete", Path(path.decode()).name])
        return int(plain_delete(vfs, path, flags))

    system.open, system.delete = OPEN(opened), DELETE(deleted)
    alive = (system.open, system.delete, kept)

    def stop() -> None:
        assert alive
        system.open, system.delete = plain_open, plain_delete

    return stop


def _noting(plain: Methods, paths: dict[int, str], note: Callable[[Event], None]) -> Methods:
    made = Methods.from_buffer_copy(plain)
    write, truncate, sync = (kind(_address(one)) for kind, one in zip(
        (WRITE, TRUNCATE, SYNC), (plain.write, plain.truncate, plain.sync), strict=True
    ))  # fmt: skip

    def written(file: int, data: int, size: int, offset: int) -> int:
        note(["write", paths[file], offset, ctypes.string_at(data, size).hex()])
        return int(write(file, data, size, offset))

    def truncated(file: int, size: int) -> int:
        note(["truncate", paths[file], size])
        return int(truncate(file, size))

    def synced(file: int, flags: int) -> int:
        code = int(sync(file, flags))
        note(["sync", paths[file]])
        return code

    made.write, made.truncate, made.sync = WRITE(written), TRUNCATE(truncated), SYNC(synced)
    return made


def _address(function: Any) -> int:
    return ctypes.cast(function, POINTER).value or 0


def after_a_cut(events: Sequence[Event], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Files, by name, that a power cut right after these events could leave."""
    names = dict.fromkeys(event[1] for event in events if event[0] in {"write", "truncate"})
    for name in names:
        mine = [event for event in events if event[1] == name]
        safe = max((place + 1 for place, event in enumerate(mine) if event[0] == "sync"), default=0)
        content = bytearray()
        for event in mine[:safe]:
            _apply(content, event)
        late = mine[safe:]
        for place in rng.permutation(len(late)) if rng.random() < 0.5 else range(len(late)):
            if rng.random() < 0.7:
                _apply(content, _torn(late[place], rng))
        if mine[-1][0] != "delete":
            yield name, bytes(content)


def _torn(event: Event, rng: np.random.Generator) -> Event:
    """A write of which the disk has taken some sectors only, now and then."""
    if event[0] != "write" or rng.random() < 0.5:
        return event
    size = len(event[3]) // 2
    keep = int(rng.integers(0, size // SECTOR + 1)) * SECTOR
    return ["write", event[1], event[2], event[3][: 2 * keep]]


def _apply(content: bytearray, event: Event) -> None:
    if event[0] == "write":
        data, offset = bytes.fromhex(event[3]), event[2]
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data
    elif event[0] == "truncate":
        del content[event[2] :]
        content.extend(bytes(event[2] - len(content)))
    elif event[0] == "delete":
        content.clear()


def main(database: str, out: str, synchronous: str, appends: int) -> None:
    """Fill a ledger and write down all events; ``["acknowledged", "", N]`` when N entries were."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from holdfast.evidence.keys import KeyPair
    from holdfast.evidence.ledger import Ledger
    from tests.evidence.ledgers import event

    events: list[Event] = []
    stop = record(events.append)
    ledger = Ledger.create(database, KeyPair(Ed25519PrivateKey.from_private_bytes(KEY_SEED)))
    events.append(["acknowledged", "", ledger.size])
    with ledger.storage.writing() as connection:
        connection.exec_driver_sql("pragma wal_autocheckpoint = 20")
    if synchronous != "full":
        writer = ledger.storage._writer
        assert writer is not None
        raw: Any = writer.connection.driver_connection
        raw.execute(f"pragma synchronous = {synchronous}")
    for number in range(appends):
        ledger.enter([event(number + k) for k in range(number % 3 + 1)])
        events.append(["acknowledged", "", ledger.size])
    ledger.close()
    stop()
    Path(out).write_text("\n".join(map(json.dumps, events)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
