from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from holdfast.core.errors import InputError
from holdfast.evidence.ec_keys import (
    EC_PRIVATE_NAME,
    EC_PUBLIC_NAME,
    create_ec_key,
    known_ec_keys,
    load_ec_key,
    load_ec_public_key,
)
from holdfast.evidence.keys import create_key


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_a_key_is_read_as_it_was_written_and_checks_what_it_signed(curve: str, tmp_path: Path) -> None:
    create_ec_key(tmp_path, curve=curve)
    pair, public = load_ec_key(tmp_path / EC_PRIVATE_NAME), load_ec_public_key(tmp_path / EC_PUBLIC_NAME)
    signature = pair.sign(b"message")
    assert public.verifies(signature, b"message")
    assert not public.verifies(signature, b"massage")
    assert not public.verifies(b"", b"message")
    assert public.key_id == pair.public.key_id
    assert (tmp_path / EC_PRIVATE_NAME).stat().st_mode & 0o777 == 0o600


def test_the_private_key_shows_nowhere(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(create_ec_key(tmp_path))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    create_ec_key(tmp_path)
    with pytest.raises(InputError, match="never overwritten"):
        create_ec_key(tmp_path)


def test_a_key_is_encrypted_under_the_password_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_KEY_PASSWORD", "one")
    create_ec_key(tmp_path)
    assert b"ENCRYPTED" in (tmp_path / EC_PRIVATE_NAME).read_bytes()
    load_ec_key(tmp_path / EC_PRIVATE_NAME)
    monkeypatch.setenv("HOLDFAST_KEY_PASSWORD", "another")
    with pytest.raises(InputError, match="cannot read the private key") as refused:
        load_ec_key(tmp_path / EC_PRIVATE_NAME)
    assert "HOLDFAST_KEY_PASSWORD" in refused.value.hint


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_ec_key(tmp_path)
    os.chmod(tmp_path / EC_PRIVATE_NAME, 0o644)
    with pytest.raises(InputError, match="owner only"):
        load_ec_key(tmp_path / EC_PRIVATE_NAME)


def test_keys_of_openssl_are_read(tmp_path: Path) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "p.pem"
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    private.chmod(0o600)
    assert load_ec_public_key(public).verifies(load_ec_key(private).sign(b"m"), b"m")


@pytest.mark.parametrize("kind", ["RSA", "other curve", "Ed25519", "nonsense", "absent"])
def test_other_keys_are_refused_with_a_next_step(kind: str, tmp_path: Path) -> None:
    private, public = tmp_path / "k", tmp_path / "p"
    if kind in {"RSA", "other curve"}:
        pair = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256K1())
        private.write_bytes(pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    elif kind == "Ed25519":
        create_key(tmp_path / "ed")
        private, public = tmp_path / "ed/holdfast.key", tmp_path / "ed/holdfast.pub"
    elif kind == "nonsense":
        private.write_text("nonsense")
        public.write_text("nonsense")
    if private.exists():
        private.chmod(0o600)
    for load, path in ((load_ec_key, private), (load_ec_public_key, public)):
        with pytest.raises(InputError, match=r"expected|cannot read") as refused:
            load(path)
        assert refused.value.hint


def test_an_unknown_curve_is_refused_with_the_nearest_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="P-257") as refused:
        create_ec_key(tmp_path, curve="P-257")
    assert "P-256" in refused.value.hint


def test_keys_of_others_in_the_folder_are_known(tmp_path: Path) -> None:
    ours = create_ec_key(tmp_path / "ours")
    theirs = create_ec_key(tmp_path / "theirs")
    (tmp_path / "ours" / "acme.pem").write_bytes(theirs.public.pem)
    assert [key.key_id for key in known_ec_keys(tmp_path / "ours")] == [theirs.public.key_id, ours.public.key_id]
