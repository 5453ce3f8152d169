"""The whole corpus: every maker, and the folder it is written into."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scan_corpus.case import Case

MALICIOUS = (
    "malicious_pickle", "malicious_execution", "malicious_files", "malicious_libraries", "malicious_arrays",
    "malicious_archives", "malicious_documents", "malicious_attributes", "malicious_readers",
)  # fmt: skip
BENIGN = ("benign_estimators", "benign_models", "benign_documents")


def cases(makers: tuple[str, ...] = (*MALICIOUS, *BENIGN)) -> Iterator[Case]:
    """Yield the files of the makers, each name once."""
    seen: set[str] = set()
    for maker in makers:
        for case in importlib.import_module(f"benchmarks.scan_corpus.{maker}").cases():
            if case.name in seen:
                raise ValueError(f"expected every file name once, got {case.name!r} twice")
            seen.add(case.name)
            yield case


def written(case: Case, folder: Path) -> Path:
    """Write a file, and return where it is."""
    path = folder / ("malicious" if case.is_malicious else "benign") / case.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.content)
    return path
