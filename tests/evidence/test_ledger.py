"""The ledger on both databases: what is entered stays, whatever is altered is found, and what was erased is gone."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from holdfast.core.errors import InputError
from holdfast.evidence.commitment import commit, opens
from holdfast.evidence.keys import KeyPair, ephemeral_key
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_export import ExportedHistory, export_ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import LedgerVerification, verify_history, verify_ledger
from holdfast.evidence.receipt import read_receipt, vouched_for
from holdfast.evidence.statement import Statement
from holdfast.kernels.merkle.note import read_checkpoint, read_note
from holdfast.kernels.merkle.tree import is_consistent
from tests.evidence.ledgers import event, lasting_key, new_database


def _next_digit(found: re.Match[bytes]) -> bytes:
    return b"%d" % ((int(found[0]) + 1) % 10)


@dataclass
class Place:
    """Where a test keeps its ledger, and its key."""

    name: str
    key: KeyPair

    def create(self) -> Ledger:
        return Ledger.create(self.name, self.key, origin="example.com/audits")

    def filled(self, n: int = 20) -> Ledger:
        """A ledger of its key and n - 1 events, entered one, two or three at a time."""
        ledger = self.create()
        while ledger.size < n:
            step = min(ledger.size % 3 + 1, n - ledger.size)
            ledger.enter([event(ledger.size + k) for k in range(step)])
        return ledger

    def run(self, *statements: str) -> None:
        """Change the database behind the ledger's back."""
        storage = Storage(self.name)
        with storage.writing() as connection:
            for statement in statements:
                connection.execute(text(statement))
        storage.close()

    def verify(self, *, since: str = "", trusted: KeyPair | None = None) -> LedgerVerification:
        storage = Storage(self.name)
        try:
            kept = [since] if since else []
            return verify_ledger(storage, trusted=[(trusted or self.key).public], since=kept)
        finally:
            storage.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(str(tmp_path / "ledger.db"), lasting_key())
    return Place(new_database(request.getfixturevalue("server")), lasting_key())


def test_what_is_entered_is_found_again(place: Place) -> None:
    with place.filled() as ledger:
        where = ledger.enter([event(100), event(101)])
        assert (where.first, where.count, ledger.size) == (20, 2, 22)
    with Ledger.open(place.name) as again:
        assert again.fault == ""
        assert again.size == 22
        last = again.entries(last=1)[0]
        assert (last.position, last.kind, b'"number":101' in last.payload) == (21, "audit", True)
        assert [entry.position for entry in again.entries(5, 8)] == [5, 6, 7]
        assert [entry.position for entry in again.entries(kind="key")] == [0]
    assert place.verify().status == "trusted"


def test_payloads_of_any_length_and_bytes_are_kept_apart(place: Place) -> None:
    payloads = [b"", event(1).encode(), bytes(range(256)), b"", b"\x00" * 3]
    with place.filled() as ledger:
        ledger.append([b""])
        ledger.append(payloads)
        found = ledger.entries(20)
    assert [entry.payload for entry in found] == [b"", *payloads]
    assert [entry.kind for entry in found] == ["", "", "audit", "", "", ""]
    assert place.verify().status == "trusted"


def test_a_stranger_sees_that_it_is_intact_and_not_whose_it_is(place: Place) -> None:
    place.filled().close()
    found = place.verify(trusted=lasting_key())
    assert (found.status, found.exit_code, found.trusted_size) == ("unknown_origin", 4, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("update entries set payload = {other} where position = 7", "entry 7: its content is not"),
        ("update entries set leaf = {hash} where position = 7", "entry 7: its content is not"),
        ("update entries set kind = 'scan' where position = 7", "entry 7: it is filed as 'scan'"),
        ("delete from entries where position = 7", "entry 7: missing"),
        ("update entries set position = 99 where position = 7", "entry 7: missing"),
        ("delete from entries where position >= 12", "the ledger holds 12 entries only"),
        ("insert into entries values (20, 'audit', {other}, {hash})", "under no checkpoint"),
        ("update nodes set hash = {hash} where number = 3", "not as it was signed"),
        ("delete from nodes where number = 3", "node 2 of level 1: missing"),
        ("insert into nodes values (999, {hash})", "expected 18 nodes over 20 entries"),
        ("update checkpoints set note = replace(note, 'example', 'exemple') where size = 4", "checkpoint 4"),
        ("update checkpoints set size = 5 where size = 4", "checkpoint 5: it does not fit"),
        ("delete from checkpoints where size = 4", "checkpoint 6: the one before it is missing"),
        ("delete from checkpoints where size = 20", "under no checkpoint"),
        ("update ledger set origin = 'example.com/others'", "checkpoint 1: it does not fit"),
        ("update ledger set origin = ''", "a name that none can have"),
        ("insert into entries values (-5, 'audit', {other}, {hash})", "the next one is number -5"),
        ("insert into checkpoints values (-1, 'a note')", "checkpoint -1: "),
    ],
)
def test_what_a_hand_altered_is_found(place: Place, change: str, words: str) -> None:
    place.filled().close()
    blob = "decode('{}', 'hex')" if place.name.startswith("postgres") else "x'{}'"
    place.run(change.format(other=blob.format(b"{}".hex()), hash=blob.format("ab" * 32)))
    found = place.verify()
    assert (found.status, found.exit_code) == ("altered", 1)
    assert any(words in fault for fault in found.faults), found.faults


def test_nothing_is_entered_behind_an_end_that_was_altered(place: Place) -> None:
    place.filled().close()
    place.run("update entries set kind = 'scan' where position = 19")
    with Ledger.open(place.name, place.key) as ledger:
        assert ledger.fault
        with pytest.raises(InputError, match="is read only, because its end is not as it was signed"):
            ledger.enter([event(1)])


def test_two_entries_that_change_places_are_found(place: Place) -> None:
    place.filled().close()
    moves = ("-1 where position = 7", "7 where position = 9", "9 where position = -1")
    place.run(*(f"update entries set position = {move}" for move in moves))
    assert len(place.verify().faults) >= 2


def test_an_old_copy_is_found_by_a_checkpoint_that_was_kept(place: Place) -> None:
    with place.filled() as ledger:
        kept = ledger.checkpoint()
    older = ["entries where position >= 12", "checkpoints where size > 12", "nodes where number >= 10"]
    assert place.verify(since=kept).status == "trusted"
    place.run(*(f"delete from {what}" for what in older))
    assert place.verify().status == "trusted"
    found = place.verify(since=kept)
    assert found.status == "altered"
    assert found.faults == ("rolled back: it held 20 entries then and holds 12 now; 8 entries are gone",)


def test_a_history_that_was_written_anew_is_found_by_a_checkpoint_that_was_kept(place: Place) -> None:
    with place.filled(12) as ledger:
        kept = ledger.checkpoint()
    place.run(*(f"delete from {what}" for what in ("entries", "checkpoints", "nodes", "ledger")))
    place.run(*(f"drop table {what}" for what in ("entries", "checkpoints", "nodes", "ledger", "salts")))
    with place.create() as another:
        another.enter([event(number + 50) for number in range(20)])
    assert place.verify().status == "trusted"
    assert place.verify(since=kept).faults == ("rewritten: the first 12 entries are not those that were signed then",)


def test_the_checkpoint_that_was_kept_must_be_of_this_ledger_and_of_a_trusted_key(place: Place) -> None:
    with place.filled() as ledger:
        kept = ledger.checkpoint()
    with pytest.raises(InputError, match="of another ledger"):
        place.verify(since=kept.replace("example", "exemple"))
    with pytest.raises(InputError, match="not signed by a key that you trust"):
        place.verify(since=kept, trusted=lasting_key())
    with pytest.raises(InputError, match="no signed checkpoint"):
        place.verify(since="20 entries")


def test_growth_is_proved(place: Place) -> None:
    with place.filled() as ledger:
        old = read_checkpoint(read_note(ledger.checkpoint()).text)
        ledger.enter([event(1)] * 17)
        note, proof = ledger.growth(old.size)
        new = read_checkpoint(read_note(note).text)
        assert is_consistent(old.size, old.root, new.size, new.root, proof)
        with pytest.raises(InputError, match="entries are gone"):
            ledger.growth(99)


def test_a_receipt_is_verified_without_the_ledger(place: Place) -> None:
    with place.filled() as ledger:
        receipt = ledger.receipt([3, 19])
        with pytest.raises(InputError, match="expected an entry from 0 to 19, got 20"):
            ledger.receipt([20])
        for index in range(20):  # reading holds the proof against the root
            assert read_receipt(ledger.receipt([index]).encode(), source="ledger.json").entries[0].index == index
    again = read_receipt(receipt.encode(), source="ledger.json")
    assert [one.predicate["number"] for one in again.statements()] == [3, 19]
    assert again.state().size == 20
    assert vouched_for(again, [place.key.public])
    assert not vouched_for(again, [lasting_key().public])
    forged = receipt.encode().replace(b'number\\":3', b'number\\":4')
    assert forged != receipt.encode()
    with pytest.raises(InputError, match="entry 3 does not lead to the root"):
        read_receipt(forged, source="ledger.json")


def test_threads_and_two_writers_at_once_lose_nothing(place: Place) -> None:
    place.create().close()
    ledgers = [Ledger.open(place.name, place.key) for _ in range(2)]
    where: list[int] = []

    def write(ledger: Ledger, begin: int) -> None:
        where.extend([ledger.enter([event(number)]).first for number in range(begin, begin + 10)])

    threads = [threading.Thread(target=write, args=(ledgers[k % 2], 10 * k)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ledger in ledgers:
        ledger.close()
    assert sorted(where) == list(range(1, 61))
    found = place.verify()
    assert (found.status, found.size) == ("trusted", 61)


def test_a_key_names_its_successor_and_whoever_trusts_it_trusts_both(place: Place) -> None:
    second, third = lasting_key(), lasting_key()
    with place.filled() as ledger:
        ledger.succeed(second)
        ledger.enter([event(1)])
        with Ledger.open(place.name, place.key) as former, pytest.raises(InputError, match="is signed with the key"):
            former.enter([event(2)])
    assert place.verify().status == "trusted"
    assert place.verify(trusted=third).status == "unknown_origin"
    with Ledger.open(place.name, second) as ledger:
        ledger.succeed(third)
    assert place.verify().status == "trusted"


def test_a_key_does_not_succeed_itself(place: Place) -> None:
    with place.filled() as ledger:
        for change in (ledger.introduce, ledger.succeed):
            with pytest.raises(InputError, match=r"is signed with the key .* already"):
                change(place.key)
    assert place.verify().size == 20


def test_a_lost_key_vouches_for_what_it_signed(place: Place) -> None:
    second = lasting_key()
    with place.filled() as ledger:
        ledger.introduce(second)
        ledger.enter([event(1)])
    found = place.verify()
    assert (found.status, found.trusted_size, found.size) == ("unknown_origin", 20, 22)
    assert place.verify(trusted=second).status == "trusted"


def test_a_stolen_key_counts_for_nothing_from_when_it_was_stolen(place: Place) -> None:
    second = lasting_key()
    with place.filled() as ledger:
        ledger.succeed(second)
        with pytest.raises(InputError, match="expected a former key"):
            ledger.revoke(second.public, since=10, reason="stolen")
        ledger.revoke(place.key.public, since=10, reason="stolen")
    found = place.verify()
    assert (found.status, found.trusted_size) == ("unknown_origin", 10)
    assert any("counts for nothing from entry 10 on" in notice for notice in found.notices)
    assert place.verify(trusted=second).status == "trusted"


def test_a_successor_that_the_former_key_did_not_sign_is_found(place: Place) -> None:
    with place.filled() as ledger:
        ledger.succeed(lasting_key())
    storage = Storage(place.name)
    with storage.reading() as connection:
        note = storage.last_checkpoint(connection)
    storage.close()
    assert note is not None
    first_only = note.note[: note.note.rstrip("\n").rfind("\n") + 1]
    place.run(f"update checkpoints set note = '{first_only}' where size = 21")
    assert "not signed by the key in force" in place.verify().faults[0]


def test_a_commitment_is_opened_until_its_salt_is_erased(place: Place) -> None:
    owner = commit("the owner of the waiver")
    with place.create() as ledger:
        said = Statement(kind="waiver", subjects=event(0).subjects, predicate={"owner": owner.public})
        ledger.enter([said], commitments=[owner])
        salt = ledger.salt(owner.salt)
        assert salt is not None
        assert opens(owner.public, salt, "the owner of the waiver")
        assert not opens(owner.public, salt, "somebody else")
        assert ledger.erase(owner.salt)
        assert ledger.salt(owner.salt) is None
        assert not ledger.erase(owner.salt)
    assert place.verify().status == "trusted"
    if not place.name.startswith("postgres"):
        kept = b"".join(path.read_bytes() for path in Path(place.name).parent.iterdir())
        assert owner.secret not in kept


def test_an_export_is_verified_like_the_ledger_and_without_it(place: Place, tmp_path: Path) -> None:
    with place.filled() as ledger:
        assert export_ledger(ledger.storage, tmp_path / "ledger.jsonl") == 20
        kept = ledger.checkpoint()
    lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True)

    def verify(lines: list[bytes]) -> LedgerVerification:
        (tmp_path / "copy.jsonl").write_bytes(b"".join(lines))
        return verify_history(ExportedHistory(tmp_path / "copy.jsonl"), trusted=[place.key.public], since=[kept])

    assert verify(lines).summary == "intact: 20 entries of example.com/audits, signed by a trusted key"
    for number in range(1, len(lines)):
        assert verify([*lines[:number], *lines[number + 1 :]]).status == "altered"
        assert (
            verify(
                [*lines[:number], re.sub(rb"[0-9]", _next_digit, lines[number], count=1), *lines[number + 1 :]]
            ).status
            == "altered"
        )
    with pytest.raises(InputError, match="line 3 of"):
        verify([*lines[:2], b"{"])
    with pytest.raises(InputError, match="expected an export"):
        verify(lines[1:])


def test_a_clock_that_goes_back_is_said(place: Place) -> None:
    later = Statement(kind="scan", subjects=event(0).subjects, predicate={"recorded": "2999-01-01T00:00:00.000Z"})
    with place.create() as ledger:
        ledger.append([later.encode()])
        ledger.enter([event(1)])
    found = place.verify()
    assert found.status == "trusted"
    assert len(found.notices) == 1
    assert found.notices[0].startswith("entry 2: recorded at 20")


def test_more_than_one_batch_of_entries(place: Place) -> None:
    payloads = [event(number).encode() for number in range(100)]
    with place.create() as ledger:
        ledger.append(payloads * 100)
        ledger.append(payloads)
        kept = ledger.checkpoint()
        ledger.append(payloads * 30)
    assert place.verify(since=kept).size == 13_101
    place.run("update entries set leaf = payload where position = 9000")
    assert [fault.split(":")[0] for fault in place.verify().faults] == ["entry 9000"]


def test_no_ledger_is_made_twice_or_with_a_key_that_is_gone_tomorrow(place: Place) -> None:
    with pytest.raises(InputError, match="a ledger needs a key that stays"):
        Ledger.create(place.name, ephemeral_key())
    with pytest.raises(InputError, match=r"expected a ledger in .*, found none"):
        Ledger.open(place.name)
    with pytest.raises(InputError, match="no ledger can have the name"):
        Ledger.create(place.name, place.key, origin="two words")
    place.create().close()
    with pytest.raises(InputError, match=r"expected no ledger in .*, found one"):
        place.create()
    with Ledger.open(place.name) as ledger:
        with pytest.raises(InputError, match="expected a key to sign with"):
            ledger.enter([event(1)])
        with pytest.raises(InputError, match="expected at least one entry"):
            ledger.enter([])


def test_a_ledger_of_another_version_is_refused(place: Place) -> None:
    place.create().close()
    place.run("update ledger set layout = 2")
    with pytest.raises(InputError, match=r"expected a ledger of layout 1 in .*, got layout 2"):
        Ledger.open(place.name)


@pytest.mark.parametrize("name", ["mysql://host/database", "postgresql://host:port/database"])
def test_a_place_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        Storage(name)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"something else, and long enough to have a header " * 100)
    with pytest.raises(InputError, match="cannot use the ledger"):
        Ledger.open(str(tmp_path / "ledger.db"))


def test_a_full_disk_enters_nothing_and_says_so(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "ledger.db"), lasting_key())
    with place.filled() as ledger:
        with ledger.storage.writing() as connection:
            pages = connection.exec_driver_sql("pragma page_count").scalar_one()
            connection.exec_driver_sql(f"pragma max_page_count = {pages}")
        with pytest.raises(InputError, match="database or disk is full") as caught:
            ledger.append([event(number).encode() for number in range(1000)])
        assert "nothing was entered" in caught.value.hint
    assert place.verify().size == 20


def test_a_file_that_may_not_grow_enters_nothing_and_names_the_likely_cause(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    place = Place(str(tmp_path / "ledger.db"), lasting_key())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with place.filled() as ledger:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
        try:
            with pytest.raises(InputError, match="cannot use the ledger") as caught:
                ledger.append([event(number).encode() for number in range(1000)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "free some space" in caught.value.hint
    assert place.verify().size == 20


def test_what_is_acknowledged_is_synchronised(tmp_path: Path) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    place = Place(str(tmp_path / "ledger.db"), lasting_key())
    with place.create() as ledger, ledger.storage.reading() as connection:
        settings = {name: connection.exec_driver_sql(f"pragma {name}").scalar_one() for name in expected}
    assert settings == expected
