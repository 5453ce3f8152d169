"""What goes wrong around a ledger: a full disk, files exchanged or replaced, a clock that goes backwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence import ledger_databases
from holdfast.evidence.commitment import commit
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import LedgerVerification, verify_ledger
from holdfast.evidence.statement import Statement
from tests.evidence.ledgers import KEY, event

ROOT = Path(__file__).parents[2]
FULL_DISK = """
import sys
from pathlib import Path
from holdfast.core.errors import InputError
from holdfast.evidence.commitment import commit
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_verify import verify_ledger
from holdfast.evidence.statement import Statement
from tests.evidence.ledgers import KEY, event
from tests.evidence.recorded_writes import FULL, record

left = 1 << 60

def note(what):
    global left
    left -= what[0] == "write"
    return FULL if left < 0 else 0

stop = record(note)
folder, refused = Path(sys.argv[1]), {"init": 0, "erase": 0}
for room in range(1000):
    place, left = str(folder / "ledger.db"), room
    try:
        Ledger.create(place, KEY).close()
        left = 1 << 60
        break
    except InputError as error:
        assert error.hint == "free some space: nothing was entered", error
        refused["init"] += 1
    left = 1 << 60
    if room % 7 == 0:
        Ledger.create(place, KEY).close()
        with Ledger.open(place, KEY) as ledger:
            assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"
        for path in folder.iterdir():
            path.unlink()
owner = commit("the owner")
with Ledger.open(place, KEY) as ledger:
    said = Statement(kind="waiver", subjects=event(0).subjects, predicate={"owner": owner.public})
    ledger.enter([said], commitments=[owner])
    for room in range(1000):
        left = room
        try:
            assert ledger.erase(owner.salt)
            break
        except InputError as error:
            refused["erase"] += 1
            assert error.hint == "free some space: nothing was entered", error
        left = 1 << 60
        assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"
        if ledger.salt(owner.salt) is None:  # erased, and the files were not rid of it yet
            ledger.erase(owner.salt)
            break
    left = 1 << 60
    assert ledger.salt(owner.salt) is None
    assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"
stop()
assert owner.secret not in b"".join(path.read_bytes() for path in folder.iterdir())
assert min(refused.values()) > 0, refused
"""


def verified(place: Path, kept: str = "") -> LedgerVerification:
    storage = Storage(str(place))
    try:
        return verify_ledger(storage, trusted=[KEY.public], since=[kept] if kept else [])
    finally:
        storage.close()


@contextmanager
def filled(place: Path, *numbers: int) -> Iterator[Ledger]:
    """A ledger of its key and these events."""
    with Ledger.create(str(place), KEY, origin=f"example.com/{place.stem}") as ledger:
        for number in numbers:
            ledger.enter([event(number)])
        yield ledger


def test_a_full_disk_leaves_all_or_nothing_of_a_new_ledger_and_of_an_erasure(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the library of SQLite is found by its name on Linux")
    path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if "libsqlite3.so.0" in done.stderr:
        pytest.skip("Python brings an SQLite of its own here, whose methods cannot be reached")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ends", [["-wal"], ["-shm"], ["-wal", "-shm"]])
def test_files_of_two_ledgers_that_were_exchanged_are_found(tmp_path: Path, ends: list[str]) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with filled(tmp_path / "a.db", 1, 2) as first, filled(tmp_path / "b.db", 3, 4, 5) as second:
        kept = {"a.db": first.checkpoint(), "b.db": second.checkpoint()}
        for folder in (here, there):
            shutil.copytree(tmp_path, folder, ignore=lambda _, names: [one for one in names if "." not in one])
    for end in ends:
        one, other = here / f"a.db{end}", here / f"b.db{end}"
        one.rename(here / "aside")
        other.rename(one)
        (here / "aside").rename(other)
    for name, note in kept.items():
        assert verified(there / name, note).status == "trusted"
        outcome = "refused"
        with suppress(InputError):
            outcome = verified(here / name, note).status
        # Without its log a file is an older state, or another ledger; the index is made anew from the log.
        assert outcome in ({"trusted"} if ends == ["-shm"] else {"altered", "refused"})


@pytest.mark.parametrize("way", ["in its place", "into it"])
def test_an_older_copy_under_an_open_ledger_is_found(tmp_path: Path, way: str) -> None:
    place, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with filled(place, 1, 2):
        pass
    shutil.copyfile(place, copy)
    with Ledger.open(str(place), KEY) as ledger:
        where = ledger.enter([event(3)])
        if way == "in its place":
            for end in ("-wal", "-shm"):
                Path(f"{place}{end}").unlink()
            os.replace(copy, place)
        else:
            with Ledger.open(str(copy), KEY) as forked:
                forked.enter([event(4)])
                forked.enter([event(5)])
            with Ledger.open(str(place)) as other:  # somebody else writes by way of the database
                other.storage.close()
            _overwrite(place, copy)
        for _ in range(2):
            with pytest.raises(InputError, match=r"took the place of|these are not those|is read only"):
                ledger.enter([event(6)])
    with suppress(InputError):
        assert verified(place, where.checkpoint).status == "altered"


def _overwrite(place: Path, copy: Path) -> None:
    """Put all rows of another ledger in the place of those of one that is open."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(place)) as database:
        database.execute("attach ? as other", (str(copy),))
        for table in ("entries", "nodes", "checkpoints"):
            database.execute(f"delete from main.{table}")
            database.execute(f"insert into main.{table} select * from other.{table}")
        database.commit()


def test_an_erasure_that_a_reader_holds_up_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_databases, "BUSY_SECONDS", 0.1)
    owner = commit("the owner")
    with filled(tmp_path / "ledger.db") as ledger:
        said = Statement(kind="waiver", subjects=event(0).subjects, predicate={"owner": owner.public})
        ledger.enter([said], commitments=[owner])
        reader = Storage(str(tmp_path / "ledger.db"))
        with reader.reading() as connection:
            assert reader.salt(connection, owner.salt) == owner.secret
            with pytest.raises(InputError, match="somebody reads the ledger"):
                ledger.erase(owner.salt)
        reader.close()
        assert not ledger.erase(owner.salt)
    assert owner.secret not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
