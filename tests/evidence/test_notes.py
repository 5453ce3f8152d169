"""Signed checkpoints: the known example, what is altered, and keys of other kinds."""

from __future__ import annotations

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.keys import PublicKey
from holdfast.evidence.notes import (
    COSIGNATURE,
    VerifierKey,
    cosign,
    named,
    parse_note,
    read_verifier_key,
    sign_text,
    signed_by,
)
from holdfast.kernels.merkle.note import Note, write_note
from tests.evidence.ledgers import lasting_key

# The example of the package golang.org/x/mod/sumdb/note, whose form this is.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_implementation_is_verified() -> None:
    note, key = parse_note(SAID, source="the example"), read_verifier_key(PETER, source="the example")
    assert str(key) == PETER
    assert signed_by(note, key)
    assert not signed_by(note._replace(text=note.text.replace("answer", "question")), key)


def test_what_was_signed_is_verified_and_nothing_else() -> None:
    key = named(lasting_key(), "example.com/audits")
    note = parse_note(sign_text("a text\n", [key]), source="a note")
    assert signed_by(note, key.verifier)
    assert not signed_by(note._replace(text="another text\n"), key.verifier)
    assert not signed_by(note, named(lasting_key(), "example.com/audits").verifier)
    assert not signed_by(note, VerifierKey("example.com/others", key.verifier.key))


def test_a_witness_signs_text_and_time_and_not_as_a_log() -> None:
    key = lasting_key()
    made = cosign(Note("a text\n", ()), key, name="witness", time=1_800_000_000)
    note = parse_note(write_note(Note("a text\n", (made,))), source="a note")
    assert signed_by(note, VerifierKey("witness", key.public, COSIGNATURE))
    assert not signed_by(note, VerifierKey("witness", key.public))
    later = made._replace(value=(1_800_000_001).to_bytes(8, "big") + made.value[8:])
    assert not signed_by(Note("a text\n", (later,)), VerifierKey("witness", key.public, COSIGNATURE))
    short = made._replace(value=made.value[:20])
    assert not signed_by(Note("a text\n", (short,)), VerifierKey("witness", key.public, COSIGNATURE))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected NAME"),
        ("name", "expected NAME"),
        ("name+c74f20a3+***", "expected NAME"),
        (PETER.replace("c74f20a3", "c74f20a4"), "the hash of the key"),
        (PETER.replace("PeterNeumann", "PeterNewmann"), "the hash of the key"),
        ("name+c74f20a3+BgAA", "is of type 6; known here: 1 .Ed25519., 4"),
    ],
)
def test_other_keys_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_verifier_key(text, source="--witness-key")


def test_a_key_that_is_no_point_signs_nothing() -> None:
    note = parse_note(SAID, source="the example")
    assert not signed_by(note, VerifierKey("PeterNeumann", PublicKey(b"\xff" * 32)))
