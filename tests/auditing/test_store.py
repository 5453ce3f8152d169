"""The durable store: what was acknowledged stays, whoever dies and whoever else writes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.auditing.store import KEPT_DAYS, VERSION, Partial, Store
from holdfast.core.errors import InputError

WRITER = """
import sys
from pathlib import Path
from holdfast.auditing.store import Store
path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store(path)
for number in range(count):
    store.put("finding", f"{name}-{number}", {"a": b"x" * 2000, "b": str(number).encode()})
    print(number, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "store.sqlite"


def test_what_was_put_comes_back(path: Path) -> None:
    store = Store(path)
    store.put("finding", "k", {"a": b"1", "b": b""})
    assert store.get("finding", "k") == {"a": b"1", "b": b""}
    store.close()


def test_nothing_under_an_unknown_key_or_another_kind(path: Path) -> None:
    store = Store(path)
    store.put("finding", "k", {"a": b"1"})
    assert (store.get("finding", "other"), store.get("chart", "k")) == ({}, {})
    store.close()


def test_what_was_put_survives_reopening(path: Path) -> None:
    store = Store(path)
    store.put("finding", "k", {"a": b"1"})
    store.close()
    again = Store(path)
    assert again.get("finding", "k") == {"a": b"1"}
    again.close()


def test_put_keeps_all_items_or_none(path: Path) -> None:
    store = Store(path)
    with pytest.raises(sqlite3.Error):
        store.put("finding", "k", {"a": b"1", "b": object()})  # type: ignore[dict-item]
    assert store.get("finding", "k") == {}
    store.close()


def test_store_is_usable_after_a_put_that_failed(path: Path) -> None:
    store = Store(path)
    with pytest.raises(sqlite3.Error):
        store.put("finding", "k", {"a": object()})  # type: ignore[dict-item]
    store.put("finding", "k", {"a": b"2"})
    assert store.get("finding", "k") == {"a": b"2"}
    store.close()


def test_store_that_cannot_grow_says_which_file_and_what_to_do(path: Path) -> None:
    store = Store(path)
    store._connection.execute("pragma max_page_count=5")
    with pytest.raises(InputError, match=r"cannot keep results in .*store.sqlite.*full") as caught:
        store.put("finding", "k", {"a": bytes(1 << 20)})
    assert "free some space" in caught.value.hint
    assert store.get("finding", "k") == {}


def test_drop_forgets_one_key_only(path: Path) -> None:
    store = Store(path)
    store.put("partial", "k", {"a": b"1"})
    store.put("partial", "other", {"a": b"2"})
    store.drop("partial", "k")
    assert (store.get("partial", "k"), store.get("partial", "other")) == ({}, {"a": b"2"})
    store.close()


def test_store_of_another_version_is_refused_and_left_alone(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"pragma user_version={VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="another version"):
        Store(path)
    assert path.read_bytes() == before


def test_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"my notes " * 1000)
    with pytest.raises(InputError, match="cannot keep results"):
        Store(path)
    assert path.read_bytes() == b"my notes " * 1000


def test_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(InputError, match="cannot keep results") as caught:
        Store(tmp_path / "cache" / "store.sqlite")
    assert "--cache" in caught.value.hint


def test_cache_folder_stays_out_of_version_control(path: Path) -> None:
    Store(path).close()
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_version_control_is_told_again_where_a_full_disk_cut_it_off(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / ".gitignore").touch()
    Store(path).close()
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_what_nobody_asked_for_in_a_long_time_goes(path: Path) -> None:
    store = Store(path)
    store.put("finding", "old", {"a": b"1"})
    store.put("finding", "new", {"a": b"1"})
    store.close()
    long_ago = time.time() - (KEPT_DAYS + 1) * 86400
    with sqlite3.connect(path) as connection:
        connection.execute("update items set used = ? where key = 'old'", (long_ago,))
    connection.close()
    again = Store(path)
    assert (again.get("finding", "old"), again.get("finding", "new")) == ({}, {"a": b"1"})
    again.close()


def test_asking_for_something_keeps_it(path: Path) -> None:
    store = Store(path)
    store.put("finding", "k", {"a": b"1"})
    with sqlite3.connect(path) as connection:
        connection.execute("update items set used = 1")
    connection.close()
    store.get("finding", "k")
    store.close()
    again = Store(path)
    assert again.get("finding", "k") == {"a": b"1"}
    again.close()


def test_partial_results_add_up_and_survive_reopening(path: Path) -> None:
    store = Store(path)
    Partial(store, "k").put("chunk 1", b"1")
    store.close()
    again = Store(path)
    partial = Partial(again, "k")
    partial.put("chunk 2", b"2")
    assert (partial.get("chunk 1"), partial.get("chunk 2"), partial.get("chunk 3")) == (b"1", b"2", None)
    again.close()


def test_writers_of_two_processes_lose_nothing(path: Path) -> None:
    writers = [writer(path, name, 40) for name in ("first", "second")]
    for process in writers:
        process.communicate()
    assert [process.returncode for process in writers] == [0, 0]
    store = Store(path)
    kept = [store.get("finding", f"{name}-{number}")["b"] for name in ("first", "second") for number in range(40)]
    assert kept == [str(number).encode() for _ in range(2) for number in range(40)]
    store.close()


def test_new_store_may_be_opened_by_several_processes_at_once(path: Path) -> None:
    writers = [writer(path, str(name), 1) for name in range(6)]
    for process in writers:
        process.communicate()
    assert [process.returncode for process in writers] == [0] * 6


@pytest.mark.parametrize("acknowledged", [1, 3, 8, 15])
def test_killed_writer_loses_nothing_acknowledged_and_leaves_no_half(path: Path, acknowledged: int) -> None:
    process = writer(path, "w", 100_000)
    assert process.stdout is not None
    for _ in range(acknowledged):
        process.stdout.readline()
    process.kill()
    seen = acknowledged + len(process.stdout.read().splitlines())
    process.wait()
    process.stdout.close()
    store = Store(path)
    kept = [store.get("finding", f"w-{number}") for number in range(seen + 2)]
    assert all(item == {"a": b"x" * 2000, "b": str(number).encode()} for number, item in enumerate(kept[:seen]))
    assert all(len(item) in (0, 2) for item in kept[seen:])
    store.close()
