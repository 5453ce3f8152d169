"""Checkpoints and signed notes: one text form, and a clear refusal of any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.merkle.note import (
    Checkpoint,
    Note,
    Signature,
    is_key_name,
    read_checkpoint,
    read_note,
    write_checkpoint,
    write_note,
)

ROOT = bytes(range(32))
CHECKPOINT = Checkpoint("example.com/audits", 20852163, ROOT)
TEXT = write_checkpoint(CHECKPOINT)
NOTE = Note(TEXT, (Signature("example.com/audits", b"abcd", bytes(64)), Signature("witness", b"efgh", b"x" * 72)))


def test_a_checkpoint_is_three_lines() -> None:
    assert TEXT.split("\n") == ["example.com/audits", "20852163", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert read_checkpoint(TEXT) == CHECKPOINT


def test_further_lines_of_a_checkpoint_are_allowed() -> None:
    assert read_checkpoint(TEXT + "an extension\n") == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n3\n",
        TEXT[:-1],
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "９"),
        TEXT.replace("20852163", "1" * 30),
        TEXT.replace("Hh8=", "Hh9="),
        TEXT.replace("AAEC", "AAE\n"),
        TEXT.replace("AAEC", ""),
        "\n" + TEXT,
    ],
)
def test_other_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_checkpoint(text)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak", "\u200b"])
def test_names_that_a_log_cannot_have(origin: str) -> None:
    assert not is_key_name(origin)
    with pytest.raises(ValueError, match="expected a name"):
        write_checkpoint(CHECKPOINT._replace(origin=origin))


def test_a_note_is_read_as_it_was_written() -> None:
    written = write_note(NOTE)
    assert written.startswith(TEXT + "\n\N{EM DASH} example.com/audits YWJjZAAA")
    assert read_note(written) == NOTE == read_note(written.encode())


def test_a_text_may_hold_empty_lines() -> None:
    note = NOTE._replace(text="one\n\ntwo\n")
    assert read_note(write_note(note)) == note


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT.encode(),
        (TEXT + "\n").encode(),
        write_note(NOTE)[:-1].encode(),
        write_note(NOTE).encode() + b"\n",
        write_note(NOTE).replace("\N{EM DASH}", "-").encode(),
        write_note(NOTE).replace("YWJjZA", "YWJjZ*").encode(),
        write_note(NOTE._replace(signatures=(Signature("key", b"abcd", b""),))).encode(),
        write_note(NOTE).replace("audits", "aud\tits").encode(),
        write_note(NOTE).encode("utf-16"),
        write_note(NOTE._replace(signatures=NOTE.signatures * 60)).encode(),
        b"x" * (1 << 21),
    ],
)
def test_other_notes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_note(data)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_or_come_back(data: bytes) -> None:
    try:
        note = read_note(data)
    except ValueError:
        return
    assert write_note(note).encode() == data
