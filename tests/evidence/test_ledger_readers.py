"""Whoever may only read a ledger verifies it, and an export has one form."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.core.errors import InputError
from holdfast.evidence.keys import KeyPair
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_export import ExportedHistory, export_ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import verify_history, verify_ledger
from tests.evidence.ledgers import event

KEY = KeyPair(Ed25519PrivateKey.generate())
NOBODY = 65534


@contextmanager
def reader(folder: Path) -> Iterator[None]:
    """Be somebody who may read the folder and not write to it."""
    is_root = os.geteuid() == 0
    os.chmod(folder, 0o755 if is_root else 0o555)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        os.chmod(folder, 0o755)


@pytest.fixture
def folder() -> Iterator[Path]:
    if not hasattr(os, "geteuid"):
        pytest.skip("folders have other rights here")
    with tempfile.TemporaryDirectory() as name:  # where others may go, unlike into tmp_path
        yield Path(name)


def status(place: str) -> str:
    storage = Storage(place)
    try:
        return verify_ledger(storage, trusted=[KEY.public]).status
    finally:
        storage.close()


@pytest.mark.parametrize("name", ["ledger.db", "50 % of?a#ledger.db", "link.db"])
def test_a_reader_verifies_a_ledger_at_rest(folder: Path, name: str) -> None:
    place = folder / name
    if name == "link.db":
        place.symlink_to(folder / "ledger.db")
    with Ledger.create(str(place), KEY) as ledger:
        ledger.enter([event(1)])
    files = sorted(folder.iterdir())
    with reader(folder):
        assert status(str(place)) == "trusted"
        with Ledger.open(str(place), KEY) as ledger:
            assert (ledger.size, ledger.fault) == (2, "")
            with pytest.raises(InputError, match="readonly"):
                ledger.enter([event(2)])
    assert sorted(folder.iterdir()) == files


def test_a_reader_verifies_while_somebody_writes(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    place = str(folder / "ledger.db")
    with Ledger.create(place, KEY) as ledger:
        ledger.enter([event(1)])
        with reader(folder):
            assert status(place) == "trusted"
        ledger.enter([event(2)])
    assert status(place) == "trusted"


@pytest.mark.parametrize("writer_ends", [True, False])
def test_a_reader_is_told_that_a_writer_came_in_between(folder: Path, *, writer_ends: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    place = str(folder / "ledger.db")
    Ledger.create(place, KEY).close()

    def read(storage: Storage) -> None:
        with storage.reading():
            os.seteuid(0)
            writer = Ledger.open(place, KEY)
            closing.callback(writer.close)
            writer.enter([event(1)])
            if writer_ends:
                writer.close()
            os.seteuid(NOBODY)

    with ExitStack() as closing, reader(folder):
        storage = Storage(place)
        with pytest.raises(InputError, match="written to while it was read") as caught:
            read(storage)
        storage.close()
        assert caught.value.hint == "try again"
        assert status(place) == "trusted"


def test_a_line_of_an_export_has_one_form(tmp_path: Path) -> None:
    with Ledger.create(str(tmp_path / "ledger.db"), KEY) as ledger:
        ledger.enter([event(1), event(2)])
        export_ledger(ledger.storage, tmp_path / "ledger.jsonl")
    lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b"audit" in line)

    def verified(line: bytes) -> str:
        (tmp_path / "copy.jsonl").write_bytes(b"".join([*lines[:at], line, *lines[at + 1 :]]))
        return verify_history(ExportedHistory(tmp_path / "copy.jsonl"), trusted=[KEY.public]).status

    assert verified(lines[at]) == "trusted"
    for other in (
        b'{"entry":"forged",' + lines[at][1:],  # another reader takes the first of two
        lines[at][:-2] + b',"more":1}\n',
        lines[at].replace(b"entry", b"\\u0065ntry"),
        b" " + lines[at],
        lines[at][:-1] + b"\r\n",
        b'{"note":"nothing"}\n' + lines[at],
        b"{}\n" + lines[at],
        b"7\n" + lines[at],
        b'{"entry":"\\ud800"}\n',
    ):
        with pytest.raises(InputError, match=f"line {at + 1} of"):
            verified(other)
