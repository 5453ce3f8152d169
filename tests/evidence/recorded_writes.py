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
FULL = 13
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


def record(note: Callable[[Event], int | None]) -> Callable[[], None]:
    """Have SQLite in this process report its writes; call what is returned to let it be again.

    A write for which ``note`` returns a number other than 0 fails with it as code, as ``FULL`` does on a full disk.
    """
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
        note(["delete", Path(path.decode()).name, flags])
        return int(plain_delete(vfs, path, flags))

    system.open, system.delete = OPEN(opened), DELETE(deleted)
    alive = (system.open, system.delete, kept)

    def stop() -> None:
        assert alive
        system.open, system.delete = plain_open, plain_delete

    return stop


def _noting(plain: Methods, paths: dict[int, str], note: Callable[[Event], int | None]) -> Methods:
    made = Methods.from_buffer_copy(plain)
    write, truncate, sync = (kind(_address(one)) for kind, one in zip(
        (WRITE, TRUNCATE, SYNC), (plain.write, plain.truncate, plain.sync), strict=True
    ))  # fmt: skip

    def written(file: int, data: int, size: int, offset: int) -> int:
        refused = note(["write", paths[file], offset, ctypes.string_at(data, size).hex()])
        return refused or int(write(file, data, size, offset))

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
    """Files, by name, that a power cut right after these events could leave.

    A deletion is certain once the folder was synchronised, as SQLite does with the first sync of a log that it made;
    until then the disk may know nothing of it.
    """
    folder_synced = max((place for place, _ in enumerate(events) if _syncs_folder(events, place)), default=-1)
    names = dict.fromkeys(event[1] for event in events if event[0] in {"write", "truncate"})
    for name in names:
        when, mine = zip(*((place, event) for place, event in enumerate(events) if event[1] == name), strict=True)
        certain = [
            place + 1
            for place, event in enumerate(mine)
            if event[0] == "sync" or (event[0] == "delete" and (event[2] or when[place] < folder_synced))
        ]
        safe = max(certain, default=0)
        late = mine[safe:]
        gone = next((place for place, event in enumerate(late) if event[0] == "delete"), None)
        if gone is not None:  # either the deletion and what came after it, or the file as it was before
            safe, late = (safe + gone + 1, late[gone + 1 :]) if rng.random() < 0.5 else (safe, late[:gone])
        content: bytearray | None = None
        for event in mine[:safe]:
            content = _applied(content, event)
        for place in rng.permutation(len(late)) if rng.random() < 0.5 else range(len(late)):
            if rng.random() < 0.7:
                content = _applied(content, _torn(late[place], rng))
        if content is not None:
            yield name, bytes(content)


def _syncs_folder(events: Sequence[Event], place: int) -> bool:
    """Whether this is the first sync of a journal or log since it was made."""
    kind, name = events[place][:2]
    if kind != "sync" or not name.endswith(("-wal", "-journal")):
        return False
    before = [one[0] for one in events[:place] if one[1] == name and one[0] in {"sync", "delete"}]
    return not before or before[-1] == "delete"


def _torn(event: Event, rng: np.random.Generator) -> Event:
    """A write of which the disk has taken some sectors only, now and then."""
    if event[0] != "write" or rng.random() < 0.5:
        return event
    size = len(event[3]) // 2
    keep = int(rng.integers(0, size // SECTOR + 1)) * SECTOR
    return ["write", event[1], event[2], event[3][: 2 * keep]]


def _applied(before: bytearray | None, event: Event) -> bytearray | None:
    """Content of a file after an event; ``None`` where there is no file."""
    if event[0] == "delete":
        return None
    content = bytearray() if before is None else before
    if event[0] == "write":
        data, offset = bytes.fromhex(event[3]), event[2]
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data
    elif event[0] == "truncate":
        del content[event[2] :]
        content.extend(bytes(event[2] - len(content)))
    return content


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
