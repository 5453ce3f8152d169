"""The format of signatures: what is written, and what is refused whoever wrote it."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError, MissingExtra
from holdfast.core.signature import SignerIdentity
from holdfast.evidence.ec_keys import EcKeyPair, create_ec_key, load_ec_public_key
from holdfast.evidence.keyless import KeylessTrust, keyless_signer
from holdfast.evidence.manifest import signed_bytes
from holdfast.evidence.model_signature import PAYLOAD_TYPE, Serialization, SignedModel, open_bundle, sign_bundle

PEER = Path(__file__).parents[1] / "data" / "model_signing"
A, B = "a" * 64, "b" * 64
MODEL = SignedModel(name="m", entries={"b/x": B, "a": A}, serialization=Serialization(ignore_paths=("m.sig",)))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> EcKeyPair:
    return create_ec_key(tmp_path_factory.mktemp("keys") / "k")


def statement(bundle: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))
    return value


def signed_again(bundle: bytes, payload: bytes, key: EcKeyPair) -> bytes:
    """Put another statement in a bundle, and sign it with the trusted key: what a careless signer would do."""
    value = json.loads(bundle)
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    signature = base64.b64encode(key.sign(signed_bytes(PAYLOAD_TYPE, payload))).decode()
    value["dsseEnvelope"]["signatures"][0]["sig"] = signature
    return json.dumps(value).encode()


def test_a_bundle_has_the_form_of_the_specification(key: EcKeyPair) -> None:
    bundle = json.loads(sign_bundle(MODEL, key))
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    hint = hashlib.sha256(key.public.pem).hexdigest()
    assert bundle["verificationMaterial"] == {"publicKey": {"hint": hint}, "tlogEntries": []}
    root = hashlib.sha256(bytes.fromhex(A) + bytes.fromhex(B)).hexdigest()
    assert statement(sign_bundle(MODEL, key)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["m.sig"]
            },
            "resources": [
                {"name": "a", "algorithm": "sha256", "digest": A},
                {"name": "b/x", "algorithm": "sha256", "digest": B},
            ],
        },
    }  # fmt: skip


def test_the_root_digest_is_that_of_the_package_model_signing() -> None:
    theirs = (PEER / "p256.sig").read_bytes()
    opened = open_bundle(theirs, [load_ec_public_key(PEER / "p256.pem")], source="p256.sig")
    assert opened.model is not None
    assert opened.model.root_digest == "sha256:" + statement(theirs)["subject"][0]["digest"]["sha256"]


def test_a_bundle_is_read_as_it_was_written(key: EcKeyPair) -> None:
    opened = open_bundle(sign_bundle(MODEL, key), [key.public], source="m.sig")
    assert (opened.model, opened.key, opened.problem) == (MODEL, key.public, "")


@pytest.mark.parametrize("place", range(0, 900, 37))
def test_a_statement_that_was_altered_is_not_read(place: int, key: EcKeyPair) -> None:
    value = json.loads(sign_bundle(MODEL, key))
    payload = bytearray(base64.b64decode(value["dsseEnvelope"]["payload"]))
    payload[place % len(payload)] ^= 1
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    opened = open_bundle(json.dumps(value).encode(), [key.public], source="m.sig")
    assert opened.model is None
    assert "does not match" in opened.problem


def test_the_hint_may_lie_but_not_help(key: EcKeyPair, tmp_path: Path) -> None:
    other = create_ec_key(tmp_path / "k")
    value = json.loads(sign_bundle(MODEL, other))
    value["verificationMaterial"]["publicKey"]["hint"] = key.public.hint
    assert open_bundle(json.dumps(value).encode(), [key.public], source="m.sig").model is None


def test_a_bundle_that_names_no_key_is_checked_with_each_trusted_one(key: EcKeyPair, tmp_path: Path) -> None:
    value = json.loads(sign_bundle(MODEL, key))
    value["verificationMaterial"] = {"publicKey": {"rawBytes": "AA==", "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}
    value["dsseEnvelope"]["signatures"][0]["keyid"] = None
    keys = [create_ec_key(tmp_path / "k", curve="P-384").public, key.public]
    assert open_bundle(json.dumps(value).encode(), keys, source="m.sig").key == key.public


def with_resources(*resources: object, **serialization: object) -> dict[str, Any]:
    value = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, **serialization}
    root = hashlib.sha256(bytes.fromhex(A)).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": value, "resources": list(resources)},
    }


def resource(name: object = "a", **other: object) -> dict[str, object]:
    return {"name": name, "algorithm": "sha256", "digest": A, **other}


WRONG = {
    "climbs out": with_resources(resource("../a")),
    "absolute": with_resources(resource("/a")),
    "not normal": with_resources(resource("a//b")),
    "a dot inside": with_resources(resource("a/./b")),
    "no name": with_resources(resource("")),
    "a number": with_resources(resource(1)),
    "twice": with_resources(resource(), resource()),
    "other digest": with_resources(resource(algorithm="md5")),
    "short digest": with_resources(resource(digest="ab")),
    "capitals": with_resources(resource(digest=A.upper())),
    "no files": with_resources(),
    "other root": {**with_resources(resource()), "subject": [{"name": "m", "digest": {"sha256": B}}]},
    "two subjects": {**with_resources(resource()), "subject": [{"name": "m"}, {"name": "n"}]},
    "old": {**with_resources(resource()), "predicateType": "https://model_signing/Digests/v0.1"},
    "other type": {**with_resources(resource()), "_type": "https://in-toto.io/Statement/v0.1"},
    "unknown method": with_resources(resource(), method="trees"),
    "shards without a size": with_resources(resource("a:0:1"), method="shards"),
    "shards of a byte": with_resources(resource("a:0:1"), method="shards", shard_size=1),
    "files with a size": with_resources(resource(), shard_size=4096),
    "ignores what is outside": with_resources(resource(), ignore_paths=["../x"]),
    "a list": [],
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_statement_of_a_model_is_refused_though_a_trusted_key_signed_it(what: str, key: EcKeyPair) -> None:
    bundle = signed_again(sign_bundle(MODEL, key), canonical_json(WRONG[what]), key)
    with pytest.raises(InputError, match=r"m\.sig"):
        open_bundle(bundle, [key.public], source="m.sig")


def test_a_statement_in_another_order_and_spelling_is_read(key: EcKeyPair) -> None:
    value = statement(sign_bundle(MODEL, key))
    value["predicate"]["resources"].reverse()
    value["subject"][0]["digest"]["sha256"] = hashlib.sha256(bytes.fromhex(B) + bytes.fromhex(A)).hexdigest()
    bundle = signed_again(sign_bundle(MODEL, key), json.dumps(value, indent=3).encode(), key)
    opened = open_bundle(bundle, [key.public], source="m.sig")
    assert opened.model == MODEL


def test_keys_that_stand_twice_are_refused(key: EcKeyPair) -> None:
    payload = canonical_json(statement(sign_bundle(MODEL, key))).replace(
        b'"predicate":', b'"predicate":{},"predicate":'
    )
    with pytest.raises(InputError, match="twice"):
        open_bundle(signed_again(sign_bundle(MODEL, key), payload, key), [key.public], source="m.sig")


@pytest.mark.parametrize("material", ["x509CertificateChain", "certificate", "other"])
def test_signatures_by_other_methods_are_refused_with_a_next_step(material: str, key: EcKeyPair) -> None:
    value = json.loads(sign_bundle(MODEL, key))
    value["verificationMaterial"] = {material: {}}
    with pytest.raises(InputError, match="expected a signature by key") as refused:
        open_bundle(json.dumps(value).encode(), [key.public], source="m.sig")
    assert ("--identity" if material == "certificate" else "model-signing") in refused.value.hint


def test_a_signature_without_a_key_needs_the_extra(key: EcKeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)
    value = json.loads(sign_bundle(MODEL, key))
    value["verificationMaterial"] = {"certificate": {}}
    trust = KeylessTrust(identities=(SignerIdentity(identity="a@example.com", provider="https://example.com"),))
    with pytest.raises(MissingExtra, match=r"holdfast\[sigstore\]"):
        open_bundle(json.dumps(value).encode(), [], source="m.sig", keyless=trust)
    with pytest.raises(MissingExtra, match="signing without a key"):
        keyless_signer("token")


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=3), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_anything_else_is_refused(key: EcKeyPair, data: bytes) -> None:
    with pytest.raises(InputError):
        open_bundle(data, [key.public], source="m.sig")


@pytest.mark.parametrize("path", sorted(PEER.glob("p*.sig")), ids=lambda path: path.name)
@pytest.mark.parametrize("field", ["mediaType", "verificationMaterial", "dsseEnvelope"])
def test_a_bundle_without_a_part_is_refused(path: Path, field: str, key: EcKeyPair) -> None:
    value = json.loads(path.read_bytes())
    del value[field]
    with pytest.raises(InputError):
        open_bundle(json.dumps(value).encode(), [key.public], source="m.sig")
