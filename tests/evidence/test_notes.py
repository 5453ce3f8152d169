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
from holdfast.kernels.merkle.note import Note, read_checkpoint, write_note
from tests.evidence.ledgers import KEY, lasting_key

# The example of the package golang.org/x/mod/sumdb/note, whose form this is.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

# A checkpoint of the log arche2025h1 (staging), which four witnesses run by others have signed (tlog-cosignature).
WITNESSED = (
    "arche2025h1.staging.ct.transparency.dev\n"
    "1432088532\n"
    "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
    "\n"
    "\N{EM DASH} arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "\N{EM DASH} transparency.dev/DEV:witness-little-garden "
    "2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n"
    "\N{EM DASH} witness1.smartit.nu/witness1 "
    "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "\N{EM DASH} remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "\N{EM DASH} witness.stagemole.eu "
    "Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
)


def test_a_note_of_another_implementation_is_verified() -> None:
    note, key = parse_note(SAID, source="the example"), read_verifier_key(PETER, source="the example")
    assert str(key) == PETER
    assert signed_by(note, key)
    assert not signed_by(note._replace(text=note.text.replace("answer", "question")), key)


@pytest.mark.parametrize(
    "text",
    [
        "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
        "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
        "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    ],
)
def test_a_public_checkpoint_and_its_witnesses_are_verified(text: str) -> None:
    note, key = parse_note(WITNESSED, source="a public log"), read_verifier_key(text, source="a public log")
    assert str(key) == text
    assert write_note(note) == WITNESSED
    assert read_checkpoint(note.text).size == 1_432_088_532
    assert signed_by(note, key)
    assert not signed_by(note._replace(text=note.text.replace("1432088532", "1432088533")), key)
    others = tuple(one for one in note.signatures if one.hint != key.hint)
    assert len(others) == 4
    assert not signed_by(note._replace(signatures=others), key)


def test_signatures_have_the_bytes_that_another_implementation_makes() -> None:
    """What ``openssl pkeyutl -sign -rawin`` gives for the text, and for it under the two lines of a cosignature."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    log = (
        "\N{EM DASH} example.com/behind-the-sofa "
        "H1no9Vbha/V7K+0nOUyOYWY2eeqkJO0R/8eVdJBP1U6klJ63rYHH36AjiNbqMeYZ5wXtNMpYFqOQG4s/igFrnBBp3AU=\n"
    )
    witness = (
        "\N{EM DASH} witness.example.com/w1 "
        "oAWfEQAAAABkGFDLBuRDazBLVac2NE+Y+IjbjQOcXLfF9CSDZVUIoS83rE1nFZsVE8YiWV6Ngr7lV8H6bdoBQGP/l73euDMQ9k+bBQ==\n"
    )
    assert sign_text(text, [named(KEY, "example.com/behind-the-sofa")]) == f"{text}\n{log}"
    made = cosign(Note(text, ()), KEY, name="witness.example.com/w1", time=1_679_315_147)
    assert write_note(Note(text, (made,))) == f"{text}\n{witness}"


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
