"""Scanning model files: a labelled corpus made in code, against picklescan, modelscan, fickling and modelaudit.

``python -m benchmarks scan`` writes the corpus into a temporary folder, loads every file that claims to execute in a
confined child to prove it, asks every scanner about every file, and prints one table; then large files and bombs.
Options: ``--no-peers``, ``--no-proof``, ``--no-large``, ``--cache DIR`` for the environments of the peers,
``--keep DIR`` for the corpus, ``--proofs FILE`` to keep what was proven, and to prove only what is new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import mmap
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.scan_corpus import bombs, peers, prove
from benchmarks.scan_corpus.case import Case
from benchmarks.scan_corpus.corpus import BENIGN, MALICIOUS, cases, written
from benchmarks.scan_corpus.large import LARGE
from holdfast.kernels.scan.allow_list import shipped_allow_list
from holdfast.kernels.scan.worklist import Limits, Scan, scan_bytes

LIMIT_S, PEER_LIMIT_S, PEER_TOTAL_S, LARGE_LIMIT_S = 30.0, 60.0, 900.0, 120.0
WORKERS = 2


@dataclass
class Labelled:
    """One file, and what is known of it."""

    path: Path
    is_malicious: bool
    claims: bool
    is_proven: bool = False


@dataclass
class Score:
    """What one scanner answered."""

    name: str
    answers: dict[str, peers.Answered] = field(default_factory=dict)

    def row(self, files: Iterable[Labelled]) -> str:
        """Return a line of the table."""
        seen = [(file, self.answers[file.path.name]) for file in files if file.path.name in self.answers]
        bad = [answered for file, answered in seen if file.is_malicious]
        proven = [answered for file, answered in seen if file.is_proven]
        good = [answered for file, answered in seen if not file.is_malicious]
        skipped = sum(answered.answer == "skipped" for _, answered in seen)
        errors = sum(answered.answer == "error" for _, answered in seen)
        times = sum(answered.cpu_s for _, answered in seen)
        peak = max((answered.peak_mb for _, answered in seen), default=0.0)
        shares = " | ".join(_share([item.answer == "flagged" for item in group]) for group in (bad, proven, good))
        return f"| {self.name} | {len(seen)} | {shares} | {skipped} | {errors} | {times:.1f} | {peak:.0f} |"


def _share(hits: list[bool]) -> str:
    return f"{100 * sum(hits) / len(hits):.1f} % ({sum(hits)}/{len(hits)})" if hits else "-"


def main() -> None:
    """Run the benchmark."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="holdfast-scan-") as scratch:
        folder = Path(options.keep or scratch)
        files = _labelled(folder, prove_them=not options.no_proof, known=options.proofs)
        proven = sum(file.is_proven for file in files)
        bad = sum(file.is_malicious for file in files)
        print(
            f"{bad} malicious files, {proven} proven to execute; {len(files) - bad} benign; {_megabytes(files):.1f} MB"
        )
        scores = [_ours_in_process(files), *_ours_by_command(files)]
        if not options.no_peers:
            cache = Path(options.cache or Path.home() / ".cache" / "holdfast-benchmarks")
            scores += [_asked(peer, files, cache) for peer in peers.PEERS]
        print("| | files | malicious flagged | proven flagged | benign flagged | skipped | errors | CPU s | peak MB |")
        print("|---|---|---|---|---|---|---|---|---|")
        for score in scores:
            print(score.row(files))
        _print_bombs(folder)
        if not options.no_large:
            _print_large(folder, None if options.no_peers else cache)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("--no-peers", "--no-proof", "--no-large"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--cache", help="folder of the peers' environments")
    parser.add_argument("--proofs", help="file of what is proven already")
    parser.add_argument("--keep", help="folder to leave the corpus in")
    return parser.parse_args()


def _labelled(folder: Path, *, prove_them: bool, known: str | None) -> list[Labelled]:
    """Write the corpus, and prove what claims to execute."""
    warnings.simplefilter("ignore")
    found = [(case, written(case, folder)) for case in cases((*MALICIOUS, *BENIGN))]
    files = [Labelled(path, case.is_malicious, bool(case.loader)) for case, path in found]
    if prove_them:
        for file, (is_proven, said) in zip(files, _proofs([case for case, _ in found], known), strict=True):
            file.is_proven = is_proven
            if file.claims and not is_proven:
                print(f"not proven: {file.path.name}: {said[:120]}", flush=True)
    return files


def _proofs(found: list[Case], known: str | None) -> list[tuple[bool, str]]:
    """Return for each file whether its payload ran; those proven before with the same bytes are not run again."""
    isolated_by = prove.isolation()
    print(f"payloads run in a child without network: {' '.join(isolated_by) or 'by audit hook only'}", flush=True)
    kept = set(json.loads(Path(known).read_text())) if known and Path(known).exists() else set()
    digests = [hashlib.sha256(f"{case.loader} {case.beside}".encode() + case.content).hexdigest() for case in found]

    def one(case: Case, digest: str) -> tuple[bool, str]:
        if not case.loader or digest in kept:
            return bool(case.loader), ""
        return prove.is_proven(case, isolated_by=isolated_by)

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(one, found, digests))
    if known:
        Path(known).write_text(json.dumps([one for one, (proven, _) in zip(digests, answers, strict=True) if proven]))
    return answers


def _megabytes(files: list[Labelled]) -> float:
    return sum(file.path.stat().st_size for file in files) / 1e6


def scanned(data: memoryview, name: str, limit_s: float = LIMIT_S) -> Scan:
    """Scan bytes as the command does, with its limits."""
    until = time.monotonic() + limit_s
    return scan_bytes(
        data, name=name, limits=Limits(), allow=shipped_allow_list(), expired=lambda: time.monotonic() > until
    )


def _ours_in_process(files: list[Labelled]) -> Score:
    score, times = Score("holdfast (in process)"), []
    scanned(memoryview(b"N."), "warm")
    for file in files:
        data = memoryview(file.path.read_bytes())
        begin, begin_cpu = time.perf_counter(), time.process_time()
        scan = scanned(data, file.path.name)
        times.append(time.perf_counter() - begin)
        cpu = time.process_time() - begin_cpu
        answer: peers.Answer = "clean" if scan.verdict == "pass" else "flagged"
        score.answers[file.path.name] = peers.Answered(answer, times[-1], cpu, 0.0)
        if (scan.verdict == "pass") == file.is_malicious:
            why = "; ".join(f"{one.rule} {one.detail}" for one in scan.observations[:3])
            print(f"wrong: {file.path.name}: {scan.verdict} {why}", flush=True)
    slow = statistics.quantiles(times, n=20)[-1]
    print(
        f"in process: median {1e3 * statistics.median(times):.2f} ms, p95 {1e3 * slow:.1f} ms, worst {max(times):.2f} s"
    )
    return score


def _ours_by_command(files: list[Labelled]) -> list[Score]:
    """Ask the command once for the whole folder, then for each file."""
    with tempfile.TemporaryDirectory() as scratch:
        root = files[0].path.parent.parent
        report = Path(scratch, "report.json")
        whole = peers.run(
            [*peers.holdfast(), "--out", str(report), str(root)], peers.holdfast_answer, 600, Path(scratch)
        )
        print(
            f"holdfast scan of the whole folder: {whole.wall_s:.1f} s, {whole.cpu_s:.1f} CPU s, {whole.peak_mb:.0f} MB",
            flush=True,
        )
        if report.exists():
            verdicts = {Path(item["path"]).name: item["verdict"] for item in json.loads(report.read_text())["files"]}
        else:
            verdicts = {}
    score = Score("holdfast scan (one folder)")
    for file in files:
        verdict = verdicts.get(file.path.name, "missing")
        answer: peers.Answer = "clean" if verdict == "pass" else "error" if verdict == "missing" else "flagged"
        score.answers[file.path.name] = peers.Answered(
            answer, whole.wall_s / len(files), whole.cpu_s / len(files), whole.peak_mb
        )
    return [score]


def _asked(peer: peers.Peer, files: list[Labelled], cache: Path) -> Score:
    """Ask a peer about its share of the files, within a time for all of them."""
    programs = peers.environment(peer, cache)
    until = time.monotonic() + PEER_TOTAL_S
    score = Score(peer.name)

    def one(file: Labelled) -> peers.Answered | None:
        return peers.ask(peer, programs, file.path, PEER_LIMIT_S) if time.monotonic() < until else None

    if peer.by_folder is not None:
        root = files[0].path.parent.parent
        score.answers = peers.ask_about_folder(peer, programs, root, (file.path for file in files), PEER_TOTAL_S)
        return score
    chosen = files[:: peer.share]
    with ThreadPoolExecutor(WORKERS) as pool:
        for file, answered in zip(chosen, pool.map(one, chosen), strict=True):
            if answered is not None:
                score.answers[file.path.name] = answered
    print(f"{peer.name}: {len(score.answers)} files", flush=True)
    return score


def _print_bombs(folder: Path) -> None:
    print("| bomb | verdict | CPU s | peak MB |\n|---|---|---|---|", flush=True)
    for case in bombs.cases():
        path = written(case, folder / "bombs")
        verdict, seconds, peak = _measured(path)
        print(f"| {case.name} | {verdict} | {seconds:.2f} | {peak:.0f} |", flush=True)


def _print_large(folder: Path, cache: Path | None) -> None:
    print("| file | MB | scanner | answer | CPU s | peak MB |\n|---|---|---|---|---|---|", flush=True)
    for name, make in LARGE.items():
        path = folder / name
        make(path)
        size = f"{path.stat().st_size / 1e6:.0f}"
        verdict, seconds, peak = _measured(path)
        print(f"| {name} | {size} | holdfast | {verdict} | {seconds:.2f} | {peak:.0f} |", flush=True)
        asked = peers.PEERS if cache is not None and "clean" not in name else ()
        for peer in asked:
            programs = peers.environment(peer, cache or Path())
            answered = peers.ask(peer, programs, path, LARGE_LIMIT_S)
            measured = f"{answered.answer} | {answered.cpu_s:.2f} | {answered.peak_mb:.0f}"
            print(f"| {name} | {size} | {peer.name} | {measured} |", flush=True)
        if name.startswith("large_clean"):
            print(
                f"| {name} | {size} | hash and structure, share of plain SHA-256 | {_hash_share(path):.2f} | | |",
                flush=True,
            )
        path.unlink()


def _measured(path: Path) -> tuple[str, float, float]:
    """Scan one file in a process of its own; return verdict, CPU seconds and the memory above an idle one."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report")
        command = [sys.executable, str(Path(__file__)), "--one"]
        idle = peers.run([*command, os.devnull, str(report)], _any, 60, Path(scratch))
        done = peers.run([*command, str(path), str(report)], _any, 60, Path(scratch))
        if done.answer == "error":
            return "no answer", done.cpu_s, done.peak_mb
        verdict, seconds = report.read_text().split()
        return verdict, float(seconds), max(0.0, done.peak_mb - idle.peak_mb)


def _any(code: int, output: str) -> peers.Answer:
    return "clean" if code == 0 else "error"


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")


def _hash_share(path: Path) -> float:
    """Return the time of plain SHA-256 over the time of SHA-256 and scan, the better of three each."""
    data = _mapped(path)
    plain = min(_timed(lambda: hashlib.sha256(data)) for _ in range(3))
    both = min(_timed(lambda: (hashlib.sha256(data), scanned(data, path.name))) for _ in range(3))
    return plain / both


def _timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _one(path: str, report: str) -> None:
    """Scan one file and write verdict and seconds: what a process of its own does."""
    data = _mapped(Path(path)) if path != os.devnull else memoryview(b"")
    scanned(memoryview(b"N."), "warm")
    begin = time.process_time()
    verdict = scanned(data, path).verdict
    Path(report).write_text(f"{verdict} {time.process_time() - begin}")
    time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _one(*sys.argv[2:4])
    else:
        main()
