"""Keys on elliptic curves, which sign models: P-256, P-384 and P-521, as the OpenSSF's format asks for.

They lie beside the key that signs audits: ``holdfast-ec.key`` (private, readable by its owner only, encrypted when the
environment variable ``HOLDFAST_KEY_PASSWORD`` is set) and ``holdfast-ec.pem`` (public). Those of other tools, such as
``openssl ecparam -genkey``, are read as well.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError, did_you_mean
from holdfast.evidence.keys import (
    PASSWORD_VARIABLE,
    key_password,
    read_key_file,
    write_pair,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey

EC_PRIVATE_NAME = "holdfast-ec.key"
EC_PUBLIC_NAME = "holdfast-ec.pem"
CURVES = {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}


@dataclass(frozen=True, slots=True)
class EcPublicKey:
    """A key that signatures of models are checked with."""

    key: EllipticCurvePublicKey = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The file to hand to whoever verifies (PEM, SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def hint(self) -> str:
        """SHA-256 of the PEM file, 64 hexadecimal digits: by it a bundle names its key."""
        return hashlib.sha256(self.pem).hexdigest()

    @property
    def key_id(self) -> str:
        """``sha256:`` and the hint."""
        return f"sha256:{self.hint}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed these bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, message, _algorithm(self.key.curve.name))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class EcKeyPair:
    """A private key with its public half; the private one never shows in a ``repr``."""

    private: EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> EcPublicKey:
        """The public half."""
        return EcPublicKey(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the signature (ASN.1 DER); another one each time."""
        return self.private.sign(message, _algorithm(self.private.curve.name))


def ephemeral_ec_key(curve: str = "P-256") -> EcKeyPair:
    """Make a pair that is written nowhere."""
    from cryptography.hazmat.primitives.asymmetric import ec

    kinds: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return EcKeyPair(ec.generate_private_key(kinds[curve]))


def create_ec_key(folder: Path, *, curve: str = "P-256") -> EcKeyPair:
    """Make a pair and write its two files.

    Parameters
    ----------
    folder
        Created when absent, readable by its owner only.
    curve
        ``P-256``, ``P-384`` or ``P-521``.

    Raises
    ------
    InputError
        When there is no such curve, either file is there already, or cannot be written.
    """
    if curve not in CURVES:
        raise InputError(
            f"expected one of the curves {', '.join(CURVES)}, got {curve!r}", hint=did_you_mean(curve, CURVES)
        )
    pair = ephemeral_ec_key(curve)
    write_pair(folder, {EC_PRIVATE_NAME: pair.private, EC_PUBLIC_NAME: pair.public.pem})
    return pair


def load_ec_key(path: Path) -> EcKeyPair:
    """Read a private key.

    Raises
    ------
    InputError
        When it is absent, readable by others, encrypted under another password, or on no curve that signs models.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = read_key_file(path, hint=_MAKE)
    if os.name != "nt" and path.stat().st_mode & 0o077:
        raise InputError(f"expected {path} to be readable by its owner only", hint=f"run `chmod 600 {path}`")
    try:
        key = load_pem_private_key(data, key_password() if b"ENCRYPTED" in data else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = f"give the private key in PEM; where it is encrypted, set {PASSWORD_VARIABLE} to its password"
        raise InputError(f"cannot read the private key {path}: {error}", hint=hint) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES.values():
        raise InputError(
            f"expected a private key on {', '.join(CURVES)} in {path}, got another kind of key", hint=_MAKE
        )
    return EcKeyPair(key)


def load_ec_public_key(path: Path) -> EcPublicKey:
    """Read a public key.

    Raises
    ------
    InputError
        When it is absent or on no curve that signs models.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    hint = f"ask the signer for their {EC_PUBLIC_NAME}"
    data = read_key_file(path, hint=hint)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES.values():
        raise InputError(f"expected a public key on {', '.join(CURVES)} (PEM) in {path}", hint=hint)
    return EcPublicKey(key)


def known_ec_keys(folder: Path) -> tuple[EcPublicKey, ...]:
    """Read every ``*.pem`` of a folder, in order of name: one's own and those received from others."""
    return tuple(load_ec_public_key(path) for path in sorted(folder.glob("*.pem")))


_MAKE = "make one with `holdfast keys init --ec`, or give another with --key"


def _algorithm(curve: str) -> ECDSA:
    """Return ECDSA with the digest that belongs to a curve."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    digests = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}
    return ECDSA(digests[curve])
