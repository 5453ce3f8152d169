"""Faults in where a model comes from: files exchanged after signing, files that nobody signed, vulnerable software."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from holdfast.auditing.credit import Twin, clean_twin
from holdfast.auditing.signing import sign_model
from holdfast.core.materials import Bill, Component
from holdfast.evidence.ec_keys import EcKeyPair, ephemeral_ec_key
from holdfast.reports.cyclonedx import render_cyclonedx

FILE = "incomes.joblib"
LIBRARY, INSTALLED = "example-tables", "1.10.0"


def signed_twin(seed: int) -> Twin:
    """Draw the clean subject, and sign the files that belong to its model."""
    twin = clean_twin(seed)
    return _signed({**twin.files, "config.json": b'{"threshold": 0.5}\n'}, twin, ephemeral_ec_key())


def exchanged_file(twin: Twin) -> Twin:
    """Put another file of the same kind, of another sample, in the place of one that was signed."""
    return replace(twin, files={**twin.files, FILE: _other_file()})


def signed_again(twin: Twin) -> Twin:
    """Exchange a file, and have the whole signed again by somebody who is trusted."""
    return _signed({**twin.files, FILE: _other_file()}, twin, ephemeral_ec_key())


def unsigned_file(twin: Twin) -> Twin:
    """Put a file where tools that skip the folder of version control do not look."""
    return replace(twin, files={**twin.files, ".git/hooks/post-checkout.json": b"{}\n"})


def signed_by_a_stranger(twin: Twin) -> Twin:
    """Exchange a file, and sign the whole with a key of one's own."""
    forged = _signed({**twin.files, FILE: _other_file()}, twin, ephemeral_ec_key())
    return replace(forged, given={**forged.given, "trusted_keys": twin.given["trusted_keys"]})


def lost_signature(twin: Twin) -> Twin:
    """Deliver the model without its signature; who may sign it is still stated."""
    return replace(twin, given={name: each for name, each in twin.given.items() if name != "signature"})


def altered_signature(twin: Twin) -> Twin:
    """Turn one bit of the signature, and leave the files as they are."""
    bundle = json.loads(twin.given["signature"])
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    raw = bytearray(base64.b64decode(signature["sig"]))
    raw[-1] ^= 1
    signature["sig"] = base64.b64encode(raw).decode()
    return replace(twin, given={**twin.given, "signature": json.dumps(bundle).encode()})


def listed_twin(seed: int) -> Twin:
    """Draw the clean subject with a bill of materials, and an advisory for a library that is not in it."""
    parts = (
        Component(ref="model", kind="machine-learning-model", name="credit", needs=("library",)),
        Component(
            ref="library",
            kind="library",
            name=LIBRARY,
            version=INSTALLED,
            purl=f"pkg:pypi/{LIBRARY}@{INSTALLED}",
            licences=("Apache-2.0",),
            hashes={"SHA-256": "0" * 64},
        ),
    )
    bill = render_cyclonedx(Bill(source="environment", components=parts), tool_version="", spdx=("Apache-2.0",))
    twin = clean_twin(seed)
    return replace(twin, given={"bill_of_materials": bill, "advisories": _advisory("another-library", "2.0")})


def vulnerable_library(twin: Twin) -> Twin:
    """Add an advisory for all versions before the next one; 1.10 comes after 1.9, which texts do not know."""
    return replace(twin, given={**twin.given, "advisories": _advisory("Example.Tables", "1.11")})


def mended_library(twin: Twin) -> Twin:
    """Add an advisory that ends with the version that is installed."""
    return replace(twin, given={**twin.given, "advisories": _advisory("Example.Tables", "1.10")})


def _signed(files: Mapping[str, bytes], twin: Twin, key: EcKeyPair) -> Twin:
    with tempfile.TemporaryDirectory(prefix="holdfast-signed-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        bundle = sign_model(Path(folder), key, out=Path(folder).parent / "model.sig").bundle
    return replace(twin, files=files, given={"signature": bundle, "trusted_keys": key.public.pem})


def _other_file() -> bytes:
    return dict(clean_twin(1 << 20).files)[FILE]


def _advisory(name: str, fixed: str) -> bytes:
    events = [{"introduced": "1.9"}, {"fixed": fixed}]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    affected = [{"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges}]
    record = {"id": "EXAMPLE-1", "summary": "a planted advisory, of no real library", "affected": affected}
    return json.dumps([record]).encode()
