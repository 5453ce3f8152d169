"""What treating the values of a JSON payload of 1 KB costs, beside finding them; and memory on long logs.

``python benchmarks/redaction.py`` prints CPU microseconds per payload.
"""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from holdfast.auditing.redacting import redact_file
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.documents import document_leaves, redact_record
from holdfast.redaction.keys import KeyRing, new_key
from holdfast.redaction.plan import parse_plan, preset_plan
from holdfast.redaction.redacting import Redactor

PAYLOAD = {
    "request": "3f1c7a52", "model": "claims-2", "user": {"name": "Ann Miller", "email": "ann.miller@mail.example.org"},
    "inputs": {"amount": 1250.75, "currency": "EUR", "days": 14, "repeat": False},
    "text": (
        "Dear team, I called on 2026-03-04 from +1 212 555 0142 about my claim. The card 4539 1488 0343 6467 was "
        "charged twice, and the refund should go to GB82 WEST 1234 5698 7654 32. "
        "Write to ann.miller@mail.example.org, please. "
    ) + "The assessor said that the report would be ready within two weeks, and that nothing else was needed. " * 6,
}  # fmt: skip
METHODS = ("replace", "mask", "generalise", "hash", "token", "encrypt")
N = 1500


def cost_of(method: str, leaves: list, found: list[list[Span]]) -> tuple[float, float]:  # type: ignore[type-arg]
    """Return median and 99th percentile of the CPU microseconds that treating one payload takes."""
    plan = parse_plan({"purpose": "bench", "default": method}, source="the benchmark")
    redactor = Redactor(plan, keys=KeyRing((new_key(),)))
    times = np.empty(N)
    for turn in range(N):
        start = time.process_time()
        redact_record(leaves, found, redactor)
        times[turn] = time.process_time() - start
    return float(np.median(times)) * 1e6, float(np.quantile(times, 0.99)) * 1e6


def peak_mb(n_lines: int) -> float:
    """Return the peak of Python's memory while a log of so many lines is redacted, in MB."""
    line = "2026-11-30T10:00:00Z user=ann@mail.example.org ip=10.1.2.3 card 4539 1488 0343 6467\n"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.log"
        source.write_text(line * n_lines)
        tracemalloc.start()
        redact_file(source, Path(folder) / "b.log", preset_plan("log"), default_detector(), look_again=False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    plan = parse_plan({"purpose": "bench"}, source="the benchmark")
    leaves, _ = document_leaves(PAYLOAD, plan, source="the benchmark")
    found = default_detector().find([leaf.text for leaf in leaves])
    found[4] = [Span(0, 10, "PERSON", 0.9)]
    n_spans = sum(map(len, found))
    print(f"payload of {len(json.dumps(PAYLOAD))} bytes, {len(leaves)} texts, {n_spans} values; {N} turns")
    for method in METHODS:
        median, high = cost_of(method, leaves, found)
        print(f"{method:12s} median {median:7.1f} us   p99 {high:7.1f} us")
    for n_lines in (10_000, 40_000):
        print(f"log of {n_lines:,} lines: peak {peak_mb(n_lines):.1f} MB")


if __name__ == "__main__":
    main()
