"""Make these signatures again, with the package model-signing 1.1.1 (and pyOpenSSL): ``python make.py``.

New private keys are drawn each time and thrown away.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from model_signing import hashing, signing

HERE = Path(__file__).parent
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}


def main() -> None:
    model = HERE / "model"
    with tempfile.TemporaryDirectory() as scratch:
        for name, curve in CURVES.items():
            key = ec.generate_private_key(curve)
            private = Path(scratch, name)
            private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            (HERE / f"{name}.pem").write_bytes(public)
            signing.Config().use_elliptic_key_signer(private_key=private).sign(model, HERE / f"{name}.sig")
        private = Path(scratch, "p256")
        ways = {
            "shards": hashing.Config().use_shard_serialization(shard_size=4096),
            "blake2": hashing.Config().use_file_serialization(hashing_algorithm="blake2"),
            "blake3": hashing.Config().use_file_serialization(hashing_algorithm="blake3"),
        }
        for name, way in ways.items():
            config = signing.Config().use_elliptic_key_signer(private_key=private).set_hashing_config(way)
            config.sign(model, HERE / f"{name}.sig")
        signer = signing.Config().use_elliptic_key_signer(private_key=private)
        signer.sign(model / "weights.bin", HERE / "single.sig")


if __name__ == "__main__":
    main()
