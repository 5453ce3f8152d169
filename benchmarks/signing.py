"""Signing and verifying a model of 1 GB: ours, the package model-signing, and plain SHA-256, in turn in one run.

``python benchmarks/signing.py [--peer PYTHON]`` takes the interpreter of an environment with model-signing 1.1.1;
without it, ours and plain SHA-256 are measured. Signatures are checked by the other side as well, also with a file
added in ``.git``. The folder is read once beforehand, so that all sides read from memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import run

GIGABYTE = 1_000_000_000
MOST = 100_000_000
LAYOUTS = {
    "4 files of 250 MB, 20 small": [GIGABYTE // 4] * 4 + [2_000] * 20,
    "1 file": [GIGABYTE],
    "1,000 files of 1 MB": [GIGABYTE // 1_000] * 1_000,
}
TIMED = """
import time
begin, cpu = time.perf_counter(), time.process_time()
{call}
print('seconds', time.perf_counter() - begin, time.process_time() - cpu)
"""
OURS_SIGN = """
from pathlib import Path
from holdfast.auditing.signing import check_model, sign_model
from holdfast.evidence.ec_keys import load_ec_key, load_ec_public_key
from holdfast.evidence.writing import write_durably
pair = load_ec_key(Path("k/holdfast-ec.key"))
"""
OURS_VERIFY = OURS_SIGN.replace("pair = load_ec_key", "keys = load_ec_public_key").replace(".key", ".pem")
THEIRS = "from model_signing import signing, verifying\n"
PLAIN = """
import concurrent.futures, hashlib, pathlib
def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
files = [path for path in pathlib.Path("m").rglob("*") if path.is_file()]
"""


@dataclass(frozen=True)
class Side:
    """One way to do it: as a command, or, where it prints its ``seconds``, without its start-up."""

    name: str
    command: Sequence[str]


def sides(peer: str | None) -> dict[str, list[Side]]:
    """Return who takes part, by what is done."""
    ours = [sys.executable, "-m", "holdfast"]
    sign = [Side("holdfast, command", [*ours, "sign", "m", "--key", "k/holdfast-ec.key", "--out", "ours.sig"])]
    verify = [
        Side("holdfast, command", [*ours, "verify", "m", "--signature", "ours.sig", "--key", "k/holdfast-ec.pem"])
    ]
    call = "write_durably(Path('ours.sig'), sign_model(Path('m'), pair, out=Path('ours.sig')).bundle)"
    sign.append(Side("holdfast, call", [sys.executable, "-c", OURS_SIGN + TIMED.format(call=call)]))
    call = "assert check_model(Path('m'), Path('ours.sig'), [keys]).record.holds"
    verify.append(Side("holdfast, call", [sys.executable, "-c", OURS_VERIFY + TIMED.format(call=call)]))
    if peer is not None:
        theirs = [peer, "-m", "model_signing"]
        key = ["--private_key", "k/holdfast-ec.key"]
        sign.append(Side("model-signing, command", [*theirs, "sign", "key", "m", *key, "--signature", "theirs.sig"]))
        call = "signing.Config().use_elliptic_key_signer(private_key='k/holdfast-ec.key').sign('m', 'theirs.sig')"
        sign.append(Side("model-signing, call", [peer, "-c", THEIRS + TIMED.format(call=call)]))
        key = ["--public_key", "k/holdfast-ec.pem"]
        verify.append(
            Side("model-signing, command", [*theirs, "verify", "key", "m", *key, "--signature", "theirs.sig"])
        )
        call = "verifying.Config().use_elliptic_key_verifier(public_key='k/holdfast-ec.pem').verify('m', 'theirs.sig')"
        verify.append(Side("model-signing, call", [peer, "-c", THEIRS + TIMED.format(call=call)]))
    one, two = "[digest(path) for path in files]", "list(concurrent.futures.ThreadPoolExecutor().map(digest, files))"
    plain = [
        Side("sha256sum", ["sh", "-c", "find m -type f -print0 | xargs -0 sha256sum"]),
        Side("hashlib, call, 1 thread", [sys.executable, "-c", PLAIN + TIMED.format(call=one)]),
        Side("hashlib, call, threads", [sys.executable, "-c", PLAIN + TIMED.format(call=two)]),
    ]
    return {"sign": sign, "verify": verify, "digests only": plain}


def race(layout: str, peer: str | None, rounds: int, *, calls: bool) -> None:
    """Let all sides do all tasks in turn, and print medians, ratios and peak memory."""
    tasks = {
        task: [side for side in those if not calls or ", call" in side.name] for task, those in sides(peer).items()
    }
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for task, those in tasks.items():
            for side in random.sample(those, len(those)):
                measured = run(list(side.command))
                assert measured.exit_code == 0, (side.name, measured.output)
                seconds = [measured.wall_s, measured.cpu_s]
                if ", call" in side.name:
                    seconds = [float(word) for word in measured.output.rsplit("seconds", 1)[1].split()]
                found.setdefault((task, side.name), []).append((seconds[0], seconds[1], measured.peak_mb))
    print(f"\n{layout}; medians of {rounds}")
    medians = {name: [statistics.median(column) for column in zip(*each, strict=True)] for name, each in found.items()}
    for (task, name), (wall, cpu, _) in sorted(medians.items()):
        rival = medians.get((task, f"model-signing, {name.partition(', ')[2]}"))
        ratio = f"wall {wall / rival[0]:.2f}, CPU {cpu / rival[1]:.2f} x model-signing" if rival else ""
        peak = max(megabytes for _, _, megabytes in found[task, name])
        print(f"{task:<13} {name:<24} {wall:6.2f} s wall {cpu:6.2f} s CPU {peak:6.0f} MB  {ratio}", flush=True)


def cross(peer: str) -> None:
    """Check each other's signatures, before and after a file is added that nobody signed."""
    ours, theirs = [sys.executable, "-m", "holdfast"], [peer, "-m", "model_signing"]
    public = "k/holdfast-ec.pem"
    checks = {
        "their signature, checked by us": [*ours, "verify", "m", "--signature", "theirs.sig", "--key", public],
        "our signature, checked by them": [
            *theirs, "verify", "key", "m", "--signature", "ours.sig", "--public_key", public,
        ],
        "our signature, checked by us": [*ours, "verify", "m", "--signature", "ours.sig", "--key", public],
        "their signature, checked by them": [
            *theirs, "verify", "key", "m", "--signature", "theirs.sig", "--public_key", public,
        ],
    }  # fmt: skip
    states = {}
    states["as signed"] = {name: run(command).exit_code for name, command in checks.items()}
    added = Path("m/.git/hooks/post-checkout")
    added.parent.mkdir(parents=True)
    added.write_text("#!/bin/sh\n")
    states["with a file added in .git"] = {name: run(command).exit_code for name, command in checks.items()}
    added.unlink()
    first = min(path for path in Path("m").iterdir() if path.is_file())
    with first.open("r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    states["with one bit turned"] = {name: run(command).exit_code for name, command in checks.items()}
    print()
    for state, codes in states.items():
        for name, code in codes.items():
            print(f"{state:<26} {name:<34} {'holds' if code == 0 else 'does not hold'}")


def fill(sizes: Sequence[int]) -> None:
    """Write files of random bytes."""
    Path("m").mkdir()
    for number, size in enumerate(sizes):
        with Path("m", f"{number:05d}.safetensors").open("wb") as file:
            for start in range(0, size, MOST):
                file.write(random.Random(number).randbytes(min(MOST, size - start)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="python of an environment with model-signing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", action="store_true", help="leave out whole commands and their start-up")
    options = parser.parse_args()
    peer = os.path.abspath(options.peer) if options.peer else None
    for number, (layout, sizes) in enumerate(LAYOUTS.items()):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            subprocess.run([sys.executable, "-m", "holdfast", "keys", "init", "--ec", "--folder", "k"], check=True)
            fill(sizes)
            subprocess.run(["sh", "-c", "cat m/* > /dev/null"], check=True)
            race(layout, peer, options.rounds, calls=options.calls)
            if number == 0 and peer and not options.calls:
                cross(peer)
            os.chdir("/")


if __name__ == "__main__":
    main()
