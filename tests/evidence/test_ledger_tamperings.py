"""No random tampering with a ledger, its file, an export or a receipt goes unnoticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.evidence.ledgers import new_database
from tests.evidence.tamperings import CHANGES, tamper, victim


def test_no_tampering_on_sqlite_is_missed(tmp_path: Path) -> None:
    one = victim(tmp_path)
    counts = tamper(one, range(300))
    one.storage.close()
    assert sum(counts.values()) == 300
    assert {outcome for _, outcome in counts} == {"found", "without effect"}
    assert all(what.startswith("file: ") for what, outcome in counts if outcome == "without effect")
    assert {what.partition(":")[0] for what, _ in counts} == set(CHANGES)


def test_no_tampering_with_rows_on_postgresql_is_missed(tmp_path: Path, server: object) -> None:
    one = victim(tmp_path, new_database(server))
    counts = tamper(one, range(60), "rows")
    one.storage.close()
    assert sum(counts.values()) == 60
    assert {outcome for _, outcome in counts} == {"found"}


def test_a_tampering_that_verification_cannot_see_is_counted_as_missed(tmp_path: Path) -> None:
    whole = victim(tmp_path)
    early = dict(whole.rows["checkpoints"])[30]
    counts = tamper(replace(whole, kept=early, file=whole.older, older=whole.older), range(20), "file")
    whole.storage.close()
    assert counts["file: put an older one back", "missed"] >= 1
