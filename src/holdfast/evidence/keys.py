"""Ed25519 keys that sign evidence.

A pair lives in two files: ``holdfast.key`` (private, readable by its owner only, encrypted when the environment
variable ``HOLDFAST_KEY_PASSWORD`` is set) and ``holdfast.pub`` (public, to hand to auditors). An ephemeral pair exists
for one bundle: it proves that the bundle is intact, and nothing about who made it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.evidence.writing import write_durably, writing_error

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

PRIVATE_NAME = "holdfast.key"
PUBLIC_NAME = "holdfast.pub"
PASSWORD_VARIABLE = "HOLDFAST_KEY_PASSWORD"  # noqa: S105  (the name of the variable, not a password)
FOLDER_VARIABLE = "HOLDFAST_KEYS"
OTHER_KEYS = frozenset({"holdfast-ec.key", "holdfast-ec.pem"})
LARGEST_KEY_FILE = 1 << 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with; ``raw`` is its 32 bytes."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """``sha256:`` and the digest of the 32 bytes."""
        return digest_bytes(self.raw)

    @property
    def pem(self) -> bytes:
        """The file to hand to auditors (PEM, SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key with its public half; the private one never shows in a ``repr``."""

    private: Ed25519PrivateKey = field(repr=False)
    ephemeral: bool = False

    @property
    def public(self) -> PublicKey:
        """The public half."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return PublicKey(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def key_id(self) -> str:
        """Id of the public half."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self.private.sign(message)


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where keys live: ``HOLDFAST_KEYS``, or ``~/.config/holdfast/keys``."""
    chosen = (os.environ if environment is None else environment).get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".config" / "holdfast" / "keys"


def ephemeral_key() -> KeyPair:
    """Make a pair that is written nowhere."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return KeyPair(Ed25519PrivateKey.generate(), ephemeral=True)


def create_key(folder: Path) -> KeyPair:
    """Make a pair and write its two files.

    Parameters
    ----------
    folder
        Created when absent, readable by its owner only.

    Raises
    ------
    InputError
        When either file is there already (a lost private key cannot be made again), or cannot be written.
    """
    pair = KeyPair(ephemeral_key().private)
    write_pair(folder, {PRIVATE_NAME: pair.private, PUBLIC_NAME: pair.public.pem})
    return pair


def write_pair(folder: Path, files: Mapping[str, Ed25519PrivateKey | EllipticCurvePrivateKey | bytes]) -> None:
    """Write a new pair into a folder, by file name: the private key, and the bytes of the public file.

    Raises
    ------
    InputError
        When one of the files is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

    for name in files:
        if (folder / name).exists():
            hint = f"use it as it is, move it away, or set {FOLDER_VARIABLE} to another folder"
            raise InputError(f"expected no key in {folder}, found {name}; keys are never overwritten", hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise writing_error(folder, error) from error
    for name, key in files.items():
        if isinstance(key, bytes):
            write_durably(folder / name, key, mode=0o644)
        else:
            write_durably(folder / name, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption()), mode=0o600)


def load_key(folder: Path) -> KeyPair:
    """Read the pair of a folder.

    Raises
    ------
    InputError
        When it is absent, readable by others, encrypted under another password, or no Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = folder / PRIVATE_NAME
    data = read_key_file(path, hint="make one with `holdfast keys init`")
    if os.name != "nt" and path.stat().st_mode & 0o077:
        raise InputError(f"expected {path} to be readable by its owner only", hint=f"run `chmod 600 {path}`")
    try:
        key = load_pem_private_key(data, key_password())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = f"set {PASSWORD_VARIABLE} to the password of the key, or unset it when the key has none"
        raise InputError(f"cannot read the private key {path}: {error}", hint=hint) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"expected an Ed25519 private key in {path}, got another kind of key")
    return KeyPair(key)


def own_key() -> KeyPair | None:
    """Read the pair of the default folder; ``None`` when there is none.

    Raises
    ------
    InputError
        When there is one that cannot be used.
    """
    folder = default_folder()
    # a folder with other keys only, such as those that sign models, has no pair; any trace of one must be whole
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return load_key(folder) if names - OTHER_KEYS else None


def load_public_key(path: Path) -> PublicKey:
    """Read a public key file.

    Raises
    ------
    InputError
        When it is absent or no Ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    data = read_key_file(path, hint=f"ask the signer for their {PUBLIC_NAME}")
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            f"expected an Ed25519 public key (PEM) in {path}", hint=f"ask the signer for their {PUBLIC_NAME}"
        )
    return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def known_public_keys(folder: Path) -> tuple[PublicKey, ...]:
    """Read every ``*.pub`` of a folder, in order of name: one's own and those received from others."""
    return tuple(load_public_key(path) for path in sorted(folder.glob("*.pub")))


def encryption() -> KeySerializationEncryption:
    """Return how private keys are written: under the password of the environment, if there is one."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption

    password = key_password()
    return BestAvailableEncryption(password) if password else NoEncryption()


def key_password() -> bytes | None:
    """Return the password of the environment."""
    text = os.environ.get(PASSWORD_VARIABLE)
    return text.encode() if text else None


def read_key_file(path: Path, *, hint: str) -> bytes:
    """Read a file that is small enough to be a key.

    Raises
    ------
    InputError
        When it is absent, too large or cannot be read.
    """
    try:
        if not path.is_file():
            raise InputError(f"expected a key in {path}, found none", hint=hint)
        if path.stat().st_size > LARGEST_KEY_FILE:
            raise InputError(f"expected a key of at most {LARGEST_KEY_FILE} bytes in {path}", hint=hint)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint=hint) from error
