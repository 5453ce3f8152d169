"""What the lexicons reach on names, places and addresses: precision, recall and F1 by label, with intervals.

    python benchmarks/pii_names.py DEV.jsonl [DEV_PL.jsonl]

A span counts when its start, end and label agree with the sample's. Intervals (95 %) come from a bootstrap of whole
templates (``group``; documents where there is none), since rows of one template share their wording. ``covered``: share
of the sample's spans all of whose letters and digits lie within some span that was found, whatever its label.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from holdfast.kernels.personal_data.names import find_names

LABELS = ("PERSON", "ORGANIZATION", "LOCATION", "ADDRESS", "TITLE", "NRP")
ALIASES = {"ORG": "ORGANIZATION", "LOC": "LOCATION"}
N_RESAMPLES = 2000


def counts(rows: list[dict], label: str, found: list) -> np.ndarray:
    """Per template: spans that agree, spans found, spans of the sample, spans of the sample that are covered."""
    groups: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(4))
    for row, spans in zip(rows, found, strict=True):
        gold = {
            (span["start"], span["end"]) for span in row["spans"] if ALIASES.get(span["label"], span["label"]) == label
        }
        got = {(span.start, span.end) for span in spans if span.label == label}
        hidden = {at for span in spans for at in range(span.start, span.end)}
        covered = sum(all(at in hidden or not row["text"][at].isalnum() for at in range(*place)) for place in gold)
        groups[row.get("group", row["id"])] += [len(gold & got), len(got), len(gold), covered]
    return np.array(list(groups.values()))


def figures(sums: np.ndarray) -> np.ndarray:
    """Precision, recall, F1 and share covered, from sums over templates."""
    hits, found, gold, covered = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([hits / found, hits / gold, 2 * hits / (found + gold), covered / gold], axis=-1)


def report(path: Path) -> None:
    """Print one table."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    find_names(texts[:10])
    start = time.perf_counter()
    found = find_names(texts)
    seconds = time.perf_counter() - start
    size = sum(len(text.encode()) for text in texts)
    print(f"{path.name}: {len(rows)} rows, {size / seconds / 1e6:.1f} MB/s")
    rng = np.random.default_rng(0)
    for label in LABELS:
        table = counts(rows, label, found)
        total = int(table[:, 2].sum())
        if not total:
            continue
        picks = rng.integers(0, len(table), (N_RESAMPLES, len(table)))
        low, high = np.nanquantile(figures(table[picks].sum(axis=1)), [0.025, 0.975], axis=0)
        cells = zip(("precision", "recall", "F1", "covered"), figures(table.sum(axis=0)), low, high, strict=True)
        print(f"  {label:13} n={total:5d}", *(f"{name} {value:.3f} [{a:.3f}, {b:.3f}]" for name, value, a, b in cells))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        report(Path(name))
