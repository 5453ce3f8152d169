from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from holdfast.adapters.artefacts import scanner as scanning_process
from holdfast.adapters.artefacts.scanner import ScanLimits, Scanner
from holdfast.auditing import scanning
from holdfast.auditing.scanning import scan
from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.core.scan import ScannedFile, ScanReport
from holdfast.policy.rules import Policy, parse_policy

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and mapped files behave otherwise elsewhere")
CLEAN = pickle.dumps({"weights": [1.0, 2.0]}, protocol=4)
HOSTILE = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."


def only(report: ScanReport) -> ScannedFile:
    (file,) = report.files
    return file


def rules(file: ScannedFile) -> set[str]:
    return {observed.rule for observed in file.observations}


def approval(digest: str, expires: str) -> Policy:
    entry = {"digest": digest, "owner": "Ada", "reason": "read it", "expires": expires}
    lines = "".join(f"      {key}: {value}\n" for key, value in entry.items()).replace("      ", "    - ", 1)
    return parse_policy(f"artefacts:\n  approved:\n{lines}", source="test")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(HOSTILE)
    return path


def test_a_clean_file_passes_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(CLEAN)
    report = scan(tmp_path / "m.pkl")
    file = only(report)
    import hashlib

    assert (file.verdict, file.digest) == ("pass", f"sha256:{hashlib.sha256(CLEAN).hexdigest()}")
    assert sum(place.end - place.start for place in file.examined) == len(CLEAN)
    assert report.exit_code == 0


def test_a_hostile_file_fails_and_is_not_executed(hostile: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    call = f"open({str(mark)!r}, 'w')".encode()
    hostile.write_bytes(b"cbuiltins\neval\n(V" + call + b"\ntR.")
    report = scan(hostile)
    assert (report.outcome, report.exit_code) == ("fail", 1)
    assert not mark.exists()


def test_what_nobody_can_read_is_not_examined(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(os.urandom(400))
    assert (scan(tmp_path).outcome, scan(tmp_path).exit_code) == ("not_examined", 3)


def test_an_empty_file_passes_and_an_empty_folder_does_not(tmp_path: Path) -> None:
    assert scan(tmp_path).exit_code == 3
    (tmp_path / "empty").write_bytes(b"")
    assert only(scan(tmp_path)).verdict == "pass"


def test_a_failure_comes_before_what_was_not_examined(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(os.urandom(400))
    assert scan(tmp_path).exit_code == 1


def test_no_path_is_an_error() -> None:
    with pytest.raises(InputError, match="no path was given"):
        scan()


def test_an_approved_file_stays_failed_and_counts_as_approved(hostile: Path) -> None:
    digest = only(scan(hostile)).digest
    report = scan(hostile, policy=approval(str(digest), "2030-01-01"), today=date(2026, 1, 1))
    file = only(report)
    assert (file.verdict, file.outcome, report.exit_code) == ("fail", "approved", 0)
    assert (file.approved.owner, report.totals.approved, report.totals.passed) == ("Ada", 1, 0)


def test_an_expired_approval_does_not_count_and_is_mentioned(hostile: Path) -> None:
    digest = only(scan(hostile)).digest
    report = scan(hostile, policy=approval(str(digest), "2025-12-31"), today=date(2026, 1, 1))
    assert report.exit_code == 1
    assert only(report).notes == ("the approval of Ada expired on 2025-12-31",)


def test_an_approval_of_other_bytes_does_not_count(hostile: Path) -> None:
    policy = approval(f"sha256:{'0' * 64}", "2030-01-01")
    assert scan(hostile, policy=policy, today=date(2026, 1, 1)).exit_code == 1


def test_the_report_survives_its_canonical_form(hostile: Path, tmp_path: Path) -> None:
    report = scan(tmp_path)
    assert from_json(ScanReport, canonical_json(report), source="test") == report


def test_the_same_files_give_the_same_bytes(hostile: Path, tmp_path: Path) -> None:
    assert canonical_json(scan(tmp_path)) == canonical_json(scan(tmp_path))


@linux
def test_a_file_that_is_written_to_meanwhile_is_not_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(CLEAN + bytes(60 << 20))
    stop = threading.Event()

    def touch() -> None:
        while not stop.wait(0.002):
            with path.open("r+b") as stream:
                stream.seek(1 << 20)
                stream.write(os.urandom(1))

    writer = threading.Thread(target=touch)
    writer.start()
    try:
        file = only(scan(path))
    finally:
        stop.set()
        writer.join()
    assert "file.changed" in rules(file)
    assert (file.verdict != "pass", file.digest) == (True, None)


@linux
def test_a_mapped_file_that_is_cut_short_costs_only_itself(tmp_path: Path) -> None:
    """The bytes behind the new end are gone; touching them ends the process, and another goes on."""
    big, small = tmp_path / "a.bin", tmp_path / "b.pkl"
    with big.open("wb") as stream:
        stream.truncate(3 << 30)
    small.write_bytes(CLEAN)
    threading.Timer(0.15, lambda: os.truncate(big, 10)).start()
    report = scan(tmp_path, limits=ScanLimits(seconds=20))
    assert [file.verdict for file in report.files] == ["not_examined", "pass"]


@linux
def test_a_sparse_file_of_a_terabyte_ends_at_its_time(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)
    begin = time.monotonic()
    file = only(scan(tmp_path, limits=ScanLimits(seconds=1)))
    assert time.monotonic() - begin < 60
    assert (file.verdict, file.digest) == ("not_examined", None)


def test_the_time_for_everything_ends_and_the_rest_is_named(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(CLEAN)
    report = scan(tmp_path, limits=ScanLimits(total_seconds=1e-9))
    assert [rules(file) for file in report.files] == [{"limit.total-time"}] * 3
    assert report.exit_code == 3


def test_more_files_than_the_limit_are_not_clean(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(CLEAN)
    report = scan(tmp_path, limits=ScanLimits(files=2))
    assert [file.verdict for file in report.files] == ["pass", "pass", "not_examined"]


@pytest.mark.parametrize("limits", [ScanLimits(seconds=0), ScanLimits(memory_mb=1), ScanLimits(files=-1)])
def test_limits_that_mean_nothing_are_refused(limits: ScanLimits, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected"):
        scan(tmp_path, limits=limits)


def test_many_observations_are_bounded_and_every_file_keeps_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_OBSERVATIONS", 3)
    for name in "abcd":
        (tmp_path / name).write_bytes(HOSTILE)
    files = scan(tmp_path).files
    assert all(file.observations and file.verdict == "fail" for file in files)
    assert any("not listed" in note for note in files[-1].notes)


def open_file(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


@linux
def test_the_scanning_process_is_confined(tmp_path: Path) -> None:
    with Scanner(ScanLimits()) as scanner:
        scanner.start()
        assert set(scanner.confinement) == {"environment", "memory", "network", "filesystem", "processes", "lifetime"}
        assert scanner.confinement["memory"] == "rlimit 1024 MB"


@linux
def test_a_process_that_dies_is_replaced_for_the_next_file(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(CLEAN)
    descriptor = open_file(tmp_path / "m.pkl")
    try:
        with Scanner(ScanLimits()) as scanner:
            scanner.start()
            scanner._process.kill()
            first = scanner.scan(descriptor, name="m", seconds=5)
            second = scanner.scan(descriptor, name="m", seconds=5)
    finally:
        os.close(descriptor)
    assert (first["ok"], first["rule"]) == (False, "scanner.ended")
    assert second["ok"]


@linux
def test_a_process_that_stops_answering_is_ended_at_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    monkeypatch.setattr(scanning_process, "GRACE_S", 0.2)
    (tmp_path / "m.pkl").write_bytes(CLEAN)
    descriptor = open_file(tmp_path / "m.pkl")
    try:
        with Scanner(ScanLimits()) as scanner:
            scanner.start()
            os.kill(scanner._process._process.pid, signal.SIGSTOP)
            begin = time.monotonic()
            found = scanner.scan(descriptor, name="m", seconds=0.3)
    finally:
        os.close(descriptor)
    assert (found["ok"], found["rule"]) == (False, "limit.time")
    assert time.monotonic() - begin < 30


@linux
def test_memory_beyond_the_limit_is_said_and_the_next_file_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(16 << 20))
    (tmp_path / "small").write_bytes(CLEAN)
    large, small = open_file(tmp_path / "large"), open_file(tmp_path / "small")
    try:
        with Scanner(ScanLimits(memory_mb=36)) as scanner:
            first = scanner.scan(large, name="m", seconds=5)
            second = scanner.scan(small, name="m", seconds=5)
    finally:
        os.close(large)
        os.close(small)
    assert (first["ok"], first["rule"]) == (False, "limit.memory")
    assert second["ok"]


def test_a_file_that_is_named_twice_is_listed_twice(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(CLEAN)
    report = scan(tmp_path / "m.pkl", tmp_path)
    assert [file.verdict for file in report.files] == ["pass", "pass"]
    assert json.loads(canonical_json(report))["totals"]["files"] == 2


def test_a_text_that_would_be_run_by_its_name_is_not_examined(tmp_path: Path) -> None:
    for name in ("notes.txt", "run.py"):
        (tmp_path / name).write_text("print(1)\n")
    report = scan(tmp_path)
    assert {Path(file.path).name: file.verdict for file in report.files} == {
        "notes.txt": "pass",
        "run.py": "not_examined",
    }
