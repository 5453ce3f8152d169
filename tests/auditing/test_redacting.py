from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from holdfast.auditing.leak_testing import leak_rates, read_labelled
from holdfast.auditing.record_layouts import LONGEST_RECORD
from holdfast.auditing.redacting import note_of, redact_file
from holdfast.auditing.redaction_keys import create_keys, load_keys, rotate_keys
from holdfast.auditing.restoring import key_ids_in, restore_file
from holdfast.core.errors import InputError
from holdfast.core.redaction import RedactionRecord
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.redaction.plan import Plan
from tests.redaction.finding import KEYS, OTHER_KEYS, Finding, plan_of

REVERSIBLE = plan_of("token", labels={"CREDIT_CARD": "encrypt"})
DOCUMENTS = [
    {"id": 1, "text": "Ann Smith ann@x.org paid 4111 1111 1111 1111", "card": 4111111111111111, "none": None},
    {
        "id": 2,
        "Bob Miller": ["Zoë Ünal <bob@y.com>", 1.5, True],
        "token": "[PERSON:s:00000000:test:AAAAAAAAAAAAAAAAAAAAAAAA]",
    },
    {"half": "\ud800 Ann Smith"},
]
JSON_LINES = "".join(json.dumps(document) + "\n" for document in DOCUMENTS).encode()
CSV = b'id,name,note\r\n1,Ann Smith,"hello, ann@x.org"\r\n2,Bob Lee,4111111111111111\r\n3,,\r\n'
LOG = b"2020 Ann Smith \xff bad\r\n\x00 ann@x.org 4111-1111-1111-1111\n\nlast Bob Lee"


def redact(folder: Path, name: str, content: bytes, plan: Plan = REVERSIBLE) -> tuple[RedactionRecord, Path]:
    source, out = folder / name, folder / f"redacted-{name}"
    source.write_bytes(content)
    return redact_file(source, out, plan, Finding(), keys=KEYS, vault=folder / "vault"), out


@pytest.mark.parametrize(("name", "content"), [("a.csv", CSV), ("a.log", LOG), ("a.txt", LOG), ("b.log", b"")])
def test_text_files_come_back_byte_by_byte(tmp_path: Path, name: str, content: bytes) -> None:
    _, out = redact(tmp_path, name, content)
    record = restore_file(out, tmp_path / "back", KEYS)
    assert (tmp_path / "back").read_bytes() == content
    assert record.n_altered == 0
    assert (tmp_path / "back").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_documents_come_back_with_their_types(tmp_path: Path, name: str) -> None:
    content = JSON_LINES if name == "a.jsonl" else json.dumps(DOCUMENTS).encode()
    record, out = redact(tmp_path, name, content)
    restore_file(out, tmp_path / "back", KEYS)
    back = (tmp_path / "back").read_bytes()
    assert ([json.loads(line) for line in back.splitlines()] if name == "a.jsonl" else json.loads(back)) == DOCUMENTS
    assert record.n_records == 3
    assert record.remaining == {}


@pytest.mark.parametrize("method", ["token", "encrypt", "vault", "hash", "replace"])
@pytest.mark.parametrize(("name", "content"), [("a.jsonl", JSON_LINES), ("a.csv", CSV), ("a.log", LOG)])
def test_no_value_is_left_in_any_file_that_is_written(tmp_path: Path, name: str, content: bytes, method: str) -> None:
    """Neither in the output nor in the vault nor in the note of places."""
    redact(tmp_path, name, content, plan_of(method))
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != name)
    for value in ("Ann Smith", "Bob Lee", "Bob Miller", "Zoë Ünal", "ann@x.org", "bob@y.com", "111 1111", "11111111"):
        assert value.encode() not in written
        assert json.dumps(value).strip('"').encode() not in written


def test_columns_are_treated_whole_and_keep_their_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"name": ["Xi", None, "Bo"], "card": [4111111111111111, 4222222222222220, None], "age": [34, 95, None],
         "born": [date(1980, 1, 2), None, date(1990, 3, 4)], "x": [1.5, None, 2.5], "note": ["ann@x.org", "no", ""]}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    plan = plan_of(
        "token", subject="name",
        columns={"name": "vault", "card": {"transform": "encrypt", "label": "CREDIT_CARD"}, "born": "shift_date",
                 "age": {"transform": "generalise", "to": "age_band"}},
    )  # fmt: skip
    record = redact_file(
        tmp_path / "a.parquet", tmp_path / "out.parquet", plan, Finding(), keys=KEYS, vault=tmp_path / "v"
    )
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found.schema == frame.schema
    assert found["age"].to_list() == [30, 90, None]
    assert found["x"].equals(frame["x"])
    assert not set(found["card"].drop_nulls()) & set(frame["card"].drop_nulls())
    assert found["born"].drop_nulls().len() == 2
    assert record.fallbacks == {}
    restore_file(tmp_path / "out.parquet", tmp_path / "back.parquet", KEYS, vault=tmp_path / "v")
    back = pl.read_parquet(tmp_path / "back.parquet")
    assert back.select("name", "card", "x", "note").equals(frame.select("name", "card", "x", "note"))


def test_ages_of_text_tables_stay_numbers(tmp_path: Path) -> None:
    plan = plan_of(columns={"age": {"transform": "generalise", "to": "age_band"}})
    _, out = redact(tmp_path, "a.csv", b"age;name\n34;Ann Smith\n93;x\n?;y\n", plan)
    assert out.read_bytes() == b"age;name\n30;[PERSON_1]\n90;x\n[AGE_1];y\n"


def test_records_with_a_suppressed_label_are_left_out_and_the_rest_comes_back(tmp_path: Path) -> None:
    plan = plan_of("encrypt", labels={"EMAIL_ADDRESS": "suppress"})
    record, out = redact(tmp_path, "a.log", b"ann@x.org\nBob Smithson\n", plan)
    assert (record.n_records, record.n_suppressed) == (2, 1)
    restore_file(out, tmp_path / "back", KEYS)
    assert (tmp_path / "back").read_bytes() == b"Bob Smithson\n"


# What a value is called


DETECTOR = default_detector()
NAMED = {"ssn": "123456789", "tel": 24428557, "phone": 24428557.0, "born": "1980-03-12"}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet"])
def test_columns_and_keys_tell_what_their_values_are(tmp_path: Path, name: str) -> None:
    """Digits that are nothing by themselves; the search finds them behind their names, so they must not stay."""
    frame = pl.DataFrame([NAMED])
    if name == "a.parquet":
        frame.write_parquet(tmp_path / name)
    else:
        text = frame.write_csv() if name == "a.csv" else json.dumps(NAMED)
        (tmp_path / name).write_text(text, encoding="utf-8")
    record = redact_file(tmp_path / name, tmp_path / f"out-{name}", plan_of("replace"), DETECTOR)
    assert record.remaining == {}
    written = (tmp_path / f"out-{name}").read_bytes()
    cells = pl.read_parquet(tmp_path / f"out-{name}").rows()[0] if name == "a.parquet" else ()
    for value in ("123456789", "24428557", "1980"):
        assert value.encode() not in written
        assert not any(value in str(cell) for cell in cells)


def test_a_table_without_names_of_columns_keeps_no_first_line(tmp_path: Path) -> None:
    record, out = redact(tmp_path, "a.csv", b"Ann Smith,ann@x.org\nBob Lee,bob@y.org\n")
    assert b"Ann" not in out.read_bytes()
    assert record.n_records == 1  # the first line is taken for names, and looked at all the same
    restore_file(out, tmp_path / "back", KEYS)
    assert (tmp_path / "back").read_bytes() == b"Ann Smith,ann@x.org\nBob Lee,bob@y.org\n"


def test_lists_structures_and_dates_of_a_table_are_looked_at(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"who": [["Ann Smith", "x"], None, []], "more": [{"mail": "ann@x.org", "n": 1}, {"mail": "", "n": None}, None],
         "on": [date(1980, 1, 2), None, date(1990, 3, 4)], "raw": [b"x", None, b"z"], "y": [0.5, None, float("nan")]}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    record = redact_file(tmp_path / "a.parquet", tmp_path / "out.parquet", REVERSIBLE, Finding(), keys=KEYS)
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert "Ann" not in str(found.rows())
    assert "ann@" not in str(found.rows())
    assert str(found["on"][0]).startswith("[DATE_TIME:s:")
    assert any("Columns of bytes were not looked at: raw." in note for note in record.notes)
    restore_file(tmp_path / "out.parquet", tmp_path / "back.parquet", KEYS)
    back = pl.read_parquet(tmp_path / "back.parquet")
    assert back.with_columns(pl.col("on").str.to_date()).equals(frame)


def test_texts_in_base64_of_tensors_are_treated_and_come_back(tmp_path: Path) -> None:
    element = base64.b64encode(b"write to ann@x.org").decode()
    request = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [2], "data": [element, "Bob Lee"]}]}
    record, out = redact(tmp_path, "a.json", json.dumps(request).encode())
    assert {count.label for count in record.treated} == {"EMAIL_ADDRESS", "PERSON"}
    assert base64.b64encode(b"ann@x.org")[:8] not in base64.b64encode(out.read_bytes())
    assert b"ann@" not in base64.b64decode(json.loads(out.read_bytes())["inputs"][0]["data"][0])
    restore_file(out, tmp_path / "back.json", KEYS)
    assert json.loads((tmp_path / "back.json").read_bytes()) == request


def test_columns_that_a_plan_leaves_to_the_search_are_named(tmp_path: Path) -> None:
    record, _ = redact(
        tmp_path, "a.csv", b"surname,postcode,colour\nKlein,10115,red\n", plan_of(columns={"surname": "drop"})
    )
    assert [note for note in record.notes if "postcode (ZIP_CODE)" in note and "surname" not in note]


# What is altered, missing or wrong


def test_an_altered_card_is_noticed_though_ff1_keeps_no_integrity(tmp_path: Path) -> None:
    _, out = redact(tmp_path, "a.log", b"card 4111 1111 1111 1111\nAnn Smith\n")
    text = out.read_bytes()
    out.write_bytes(text.replace(text[14:15], b"0" if text[14:15] != b"0" else b"1", 1))
    record = restore_file(out, tmp_path / "back", KEYS)
    assert record.n_altered == 1
    assert b"4111 1111 1111 1111" not in (tmp_path / "back").read_bytes()
    assert b"Ann Smith" in (tmp_path / "back").read_bytes()


def test_records_that_were_cut_off_are_noticed(tmp_path: Path) -> None:
    _, out = redact(tmp_path, "a.log", b"x\n4111 1111 1111 1111\n")
    out.write_bytes(b"x\n")
    assert restore_file(out, tmp_path / "back", KEYS).n_altered == 1


@pytest.mark.parametrize("entry", ["x'00'", "'text'", "7"])
def test_an_altered_entry_of_a_vault_is_noticed(tmp_path: Path, entry: str) -> None:
    _, out = redact(tmp_path, "a.log", b"Ann Smith\n", plan_of("vault"))
    with closing(sqlite3.connect(tmp_path / "vault")) as connection, connection:
        connection.execute(f"UPDATE entry SET sealed = {entry}")
    record = restore_file(out, tmp_path / "back", KEYS, vault=tmp_path / "vault")
    assert record.n_altered == 1
    assert (tmp_path / "back").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("place", ['["x",0,9,"A","",false]', '[0,"0",9,"A","",false]', '[0,0,9,"A"]', "7"])
def test_a_damaged_note_is_named(tmp_path: Path, place: str) -> None:
    _, out = redact(tmp_path, "a.log", b"4111 1111 1111 1111\n")
    note = note_of(out)
    head = note.read_text().splitlines()[0]
    note.write_text(f'{head}\n{{"record":0,"key":"{KEYS.newest.id}","seal":"","places":[{place}]}}\n')
    with pytest.raises(InputError, match="line 2, is damaged"):
        restore_file(out, tmp_path / "back", KEYS)


@pytest.mark.parametrize("content", [b"Ann Smith\n", b"4111 1111 1111 1111\n"])
def test_a_wrong_key_is_named_and_nothing_is_written(tmp_path: Path, content: bytes) -> None:
    _, out = redact(tmp_path, "a.log", content)
    with pytest.raises(InputError, match=f"expected the key {KEYS.newest.id}, .* holds {OTHER_KEYS.newest.id}"):
        restore_file(out, tmp_path / "back", OTHER_KEYS)
    assert not (tmp_path / "back").exists()
    assert key_ids_in(out) == (KEYS.newest.id,)


def test_originals_and_outputs_are_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "a.log"
    source.write_bytes(b"Ann Smith\n")
    (tmp_path / "link.log").symlink_to(source)
    (tmp_path / "there.log").write_bytes(b"x")
    for name, said in (("a.log", "the original"), ("link.log", "the original"), ("there.log", "a file that exists")):
        with pytest.raises(InputError, match=f"is {said}, and no file is overwritten"):
            redact_file(source, tmp_path / name, REVERSIBLE, Finding(), keys=KEYS)
    assert source.read_bytes() == b"Ann Smith\n"
    assert (tmp_path / "there.log").read_bytes() == b"x"


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    class Other(Finding):
        def find(self, texts):  # type: ignore[no-untyped-def]
            (tmp_path / "out.log").write_bytes(b"of somebody else")
            return super().find(texts)

    (tmp_path / "a.log").write_bytes(b"Ann Smith 4111 1111 1111 1111\n")
    with pytest.raises(InputError, match="a file has taken this name meanwhile"):
        redact_file(tmp_path / "a.log", tmp_path / "out.log", REVERSIBLE, Other(), keys=KEYS)
    assert (tmp_path / "out.log").read_bytes() == b"of somebody else"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2: Expecting value"),
        ("a.jsonl", b'{"a": "\xff"}\n', "expected UTF-8 in .* line 1"),
        ("a.json", b"[" * 200_000, "nested too deeply|at most 100 levels"),
        ("a.jsonl", b"[" * 150 + b"]" * 150, "at most 100 levels"),
        ("a.log", b"\xff\xfea\x00", "got UTF-16"),
        ("a.log", b"x" * (LONGEST_RECORD + 2), "lines of at most 16 MiB"),
        ("a.txt", b"x" * (LONGEST_RECORD + 2), "at most 16 MiB in"),
        ("a.csv", b"", "no readable record"),
        ("a.zip", b"PK", "does not tell its format"),
        ("a.parquet", b"PAR1 not really", "a.parquet"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_are_named_and_nothing_is_written(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        redact(tmp_path, name, content)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("vault")) == [name]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'nmae', which .* lacks") as caught:
        redact(tmp_path, "a.csv", CSV, plan_of(columns={"nmae": "drop"}))
    assert "did you mean 'name'" in str(caught.value)


def test_what_the_second_search_still_finds_is_counted(tmp_path: Path) -> None:
    """A detector that misses half of what it sees in long texts, as models of names do."""

    class Forgetful(Finding):
        def find(self, texts):  # type: ignore[no-untyped-def]
            return [spans[: 1 if len(spans) > 1 else None] for spans in super().find(texts)]

    (tmp_path / "a.log").write_bytes(b"ann@x.org bob@y.org\n")
    record = redact_file(tmp_path / "a.log", tmp_path / "out", plan_of("drop"), Forgetful(), format="log")
    assert record.remaining == {"EMAIL_ADDRESS": 1}
    assert replace(record, remaining={}).treated[0].n == 1


# Keys


def test_keys_rotate_and_old_tokens_still_open(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = create_keys(path)
    (tmp_path / "a.log").write_bytes(b"Ann Smith\n")
    redact_file(tmp_path / "a.log", tmp_path / "one.log", plan_of("token"), Finding(), keys=first)
    both = rotate_keys(path)
    redact_file(tmp_path / "one.log", tmp_path / "two.log", plan_of("token"), Finding(), keys=both)
    assert (path.stat().st_mode & 0o777, len(both.keys)) == (0o600, 2)
    assert load_keys(path) == both
    assert key_ids_in(tmp_path / "two.log") == (both.newest.id,)
    restore_file(tmp_path / "two.log", tmp_path / "one-back.log", both)
    restore_file(tmp_path / "one-back.log", tmp_path / "back.log", both)
    assert (tmp_path / "back.log").read_bytes() == b"Ann Smith\n"
    with pytest.raises(InputError, match="keys are never overwritten"):
        create_keys(path)


def test_keys_come_from_the_environment_and_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = create_keys(path)
    assert load_keys(None, {"HOLDFAST_PII_KEY_FILE": str(path)}) == ring
    assert load_keys(None, {"HOLDFAST_PII_KEYS": path.read_text()}) == ring
    assert load_keys(None, {}) is None
    path.chmod(0o644)
    with pytest.raises(InputError, match="readable by its owner only"):
        load_keys(path, {})


# Leak test


def test_the_leak_test_counts_spans_that_stay_readable(tmp_path: Path) -> None:
    rows = [
        {"text": "Ann Smith here", "spans": [{"start": 0, "end": 9, "label": "PERSON"}], "group": "a"},
        {"text": "Eve Smith here", "spans": [{"start": 0, "end": 9, "label": "PERSON"}], "group": "b"},
        {"text": "Ann Smith Jones", "spans": [{"start": 0, "end": 15, "label": "PERSON"}], "group": "b"},
        {"text": "on Monday", "spans": [{"start": 3, "end": 9, "label": "DATE_TIME"}], "group": "c"},
    ]
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole, part, person = leak_rates(read_labelled(path), plan_of(labels={"DATE_TIME": "keep"}), Finding())
    assert (whole.n, whole.n_leaked, whole.n_groups) == (3, 1, 2)
    assert (part.n, part.n_leaked) == (3, 2)
    assert (person.label, person.n, person.n_leaked) == ("PERSON", 3, 2)
    assert part.value == pytest.approx(2 / 3)
    assert part.low <= part.value <= part.high


@pytest.mark.parametrize(
    "line", ["{", '{"text": "a"}', '{"text": "a", "spans": [{"start": 0, "end": 2, "label": "X"}]}']
)
def test_a_sample_that_cannot_be_used_names_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text('{"text": "b", "spans": []}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        read_labelled(path)


def test_the_note_of_places_is_private(tmp_path: Path) -> None:
    _, out = redact(tmp_path, "a.log", LOG)
    assert note_of(out).stat().st_mode & 0o077 == 0
