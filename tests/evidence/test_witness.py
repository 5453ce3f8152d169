"""Witnesses: they sign what grows, refuse what was rewritten or rolled back, and remember over a restart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.notes import named, parse_note, signed_by
from holdfast.evidence.witness import (
    Answer,
    Witness,
    grown_from,
    keep_in_file,
    keep_in_git,
    write_request,
)
from tests.evidence.ledgers import event, lasting_key

KEY = lasting_key()
ORIGIN = "example.com/audits"


def ledger_at(path: Path, n: int, *, begin: int = 0) -> Ledger:
    ledger = Ledger.create(str(path), KEY, origin=ORIGIN)
    for number in range(begin, begin + n):
        ledger.enter([event(number)])
    return ledger


def witness_in(folder: Path) -> Witness:
    return Witness(folder, WITNESS, name="witness", logs={ORIGIN: named(KEY, ORIGIN).verifier})


WITNESS = lasting_key()


def ask(witness: Witness, ledger: Ledger, old: int) -> Answer:
    note, proof = ledger.growth(old)
    return witness.add_checkpoint(write_request(old, proof, note), now=1_800_000_000)


def test_a_witness_signs_what_grows(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    with ledger_at(tmp_path / "a.db", 5) as ledger:
        first = ask(witness, ledger, 0)
        assert first.status == 200
        note = parse_note(ledger.checkpoint() + first.body, source="a note")
        assert signed_by(note, witness.verifier)
        assert signed_by(note, named(KEY, ORIGIN).verifier)
        assert ask(witness, ledger, 6).status == 200  # the same again
        ledger.enter([event(9)])
        again = witness_in(tmp_path)  # after a restart
        assert ask(again, ledger, 0) == Answer(409, "6\n", "text/x.tlog.size")
        assert ask(again, ledger, 6).status == 200


def test_a_witness_refuses_a_history_that_was_rewritten(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    with ledger_at(tmp_path / "a.db", 5) as ledger:
        assert ask(witness, ledger, 0).status == 200
    with ledger_at(tmp_path / "b.db", 9, begin=50) as rewritten:
        assert ask(witness, rewritten, 6).status == 422
    with ledger_at(tmp_path / "c.db", 5, begin=50) as as_long:
        assert ask(witness, as_long, 6).status == 409
    with ledger_at(tmp_path / "d.db", 2) as rolled_back:
        assert ask(witness, rolled_back, 0).status == 409
        note, _ = rolled_back.growth(0)
        assert witness.add_checkpoint(write_request(6, (), note)).status == 400


def test_a_witness_signs_for_logs_that_it_knows_and_their_keys(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    with Ledger.create(str(tmp_path / "a.db"), KEY, origin="example.com/others") as unknown:
        assert ask(witness, unknown, 0).status == 404
    with Ledger.create(str(tmp_path / "b.db"), lasting_key(), origin=ORIGIN) as forged:
        assert ask(witness, forged, 0).status == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"",
        lambda body: b"\xff\xfe",
        lambda body: body.replace(b"old 0", b"old -1"),
        lambda body: body.replace(b"old 0", b"old 0\nAAAA"),
        lambda body: body.replace(b"old 0", b"old 0" + b"\n" + b"A" * 43 + b"=" * 200),
        lambda body: body + b"x" * 100_000,
        lambda body: body.replace(b"\n\n", b"\n"),
    ],
)
def test_a_malformed_request_is_refused(tmp_path: Path, change: object) -> None:
    with ledger_at(tmp_path / "a.db", 2) as ledger:
        note, proof = ledger.growth(0)
    assert callable(change)
    assert witness_in(tmp_path).add_checkpoint(change(write_request(0, proof, note))).status == 400


def test_a_checkpoint_in_a_file_is_replaced_by_a_later_one_only(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    with ledger_at(tmp_path / "a.db", 5) as ledger:
        first = keep_in_file(ledger, kept)
        ledger.enter([event(7)])
        second = keep_in_file(ledger, kept)
        assert first != second == kept.read_text(encoding="utf-8")
    with ledger_at(tmp_path / "b.db", 2) as rolled_back, pytest.raises(InputError, match="entries are gone"):
        keep_in_file(rolled_back, kept)
    with ledger_at(tmp_path / "c.db", 9, begin=50) as rewritten, pytest.raises(InputError, match="it was rewritten"):
        keep_in_file(rewritten, kept)
    with Ledger.create(str(tmp_path / "d.db"), KEY) as other, pytest.raises(InputError, match="is of the ledger"):
        grown_from(other, second, source="kept.txt")
    assert kept.read_text(encoding="utf-8") == second


def test_a_checkpoint_as_a_git_note(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=tests", "-c", "user.email=tests@example.com"]
    with ledger_at(tmp_path / "a.db", 2) as ledger:
        with pytest.raises(InputError, match="git cannot keep the checkpoint"):
            keep_in_git(ledger, repository)
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "config", "user.name", "tests"], check=True)
        subprocess.run([*git, "config", "user.email", "tests@example.com"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
        note = keep_in_git(ledger, repository)
    shown = subprocess.run([*git, "notes", "--ref=holdfast-ledger", "show"], check=True, capture_output=True, text=True)
    assert shown.stdout == note
