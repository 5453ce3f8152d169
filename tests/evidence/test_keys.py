"""Keys: written once, private to their owner, read back whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from holdfast.core.errors import InputError
from holdfast.evidence.keys import (
    PRIVATE_NAME,
    PUBLIC_NAME,
    PublicKey,
    create_key,
    default_folder,
    ephemeral_key,
    known_public_keys,
    load_key,
    load_public_key,
)


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_KEY_PASSWORD", raising=False)


def test_rfc_8032_vector_verifies() -> None:
    public = PublicKey(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"))
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert public.verifies(signature, b"\x72")
    assert not public.verifies(signature, b"\x73")


def test_loaded_key_signs_what_the_written_public_key_verifies(tmp_path: Path) -> None:
    created = create_key(tmp_path / "keys")
    signature = load_key(tmp_path / "keys").sign(b"message")
    assert load_public_key(tmp_path / "keys" / PUBLIC_NAME).verifies(signature, b"message")
    assert created.key_id == load_key(tmp_path / "keys").key_id


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_private_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    create_key(tmp_path)
    assert stat.S_IMODE((tmp_path / PRIVATE_NAME).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_private_key_open_to_others_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path)
    (tmp_path / PRIVATE_NAME).chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        load_key(tmp_path)


@pytest.mark.parametrize("name", [PRIVATE_NAME, PUBLIC_NAME])
def test_existing_key_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(InputError, match="never overwritten"):
        create_key(tmp_path)
    assert (tmp_path / name).read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_key_under_a_password_opens_with_it_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_KEY_PASSWORD", "correct horse")
    created = create_key(tmp_path)
    assert b"ENCRYPTED" in (tmp_path / PRIVATE_NAME).read_bytes()
    assert load_key(tmp_path).key_id == created.key_id
    monkeypatch.setenv("HOLDFAST_KEY_PASSWORD", "wrong")
    with pytest.raises(InputError, match="HOLDFAST_KEY_PASSWORD"):
        load_key(tmp_path)
    monkeypatch.delenv("HOLDFAST_KEY_PASSWORD")
    with pytest.raises(InputError, match="HOLDFAST_KEY_PASSWORD"):
        load_key(tmp_path)


def test_missing_key_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holdfast keys init"):
        load_key(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_damaged_private_key_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PRIVATE_NAME).write_bytes(content)
    (tmp_path / PRIVATE_NAME).chmod(0o600)
    with pytest.raises(InputError, match=PRIVATE_NAME):
        load_key(tmp_path)


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / PRIVATE_NAME).write_bytes(private)
    (tmp_path / PRIVATE_NAME).chmod(0o600)
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / PUBLIC_NAME).write_bytes(public)
    with pytest.raises(InputError, match="Ed25519"):
        load_key(tmp_path)
    with pytest.raises(InputError, match="Ed25519"):
        load_public_key(tmp_path / PUBLIC_NAME)


def test_oversized_key_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / PUBLIC_NAME).write_bytes(b"x" * 100_000)
    with pytest.raises(InputError, match="at most"):
        load_public_key(tmp_path / PUBLIC_NAME)


def test_known_keys_are_all_public_keys_of_the_folder(tmp_path: Path) -> None:
    own, other = create_key(tmp_path), ephemeral_key()
    (tmp_path / "auditor.pub").write_bytes(other.public.pem)
    assert set(known_public_keys(tmp_path)) == {own.public, other.public}
    assert known_public_keys(tmp_path / "absent") == ()


def test_ephemeral_keys_differ_and_say_so() -> None:
    first, second = ephemeral_key(), ephemeral_key()
    assert first.ephemeral
    assert first.key_id != second.key_id


def test_private_key_does_not_show_in_the_repr() -> None:
    assert "rivate" not in repr(ephemeral_key())


def test_folder_comes_from_the_environment_or_the_home() -> None:
    assert default_folder({"HOLDFAST_KEYS": "/somewhere"}) == Path("/somewhere")
    assert default_folder({}).parts[-3:] == (".config", "holdfast", "keys")
