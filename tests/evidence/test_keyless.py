"""Signatures without a key: what is accepted, and that every part of the proof is looked at."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from holdfast.core.errors import InputError
from holdfast.core.signature import SignerIdentity
from holdfast.evidence.ec_keys import ephemeral_ec_key
from holdfast.evidence.keyless import KeylessTrust
from holdfast.evidence.model_signature import (
    Opened,
    Serialization,
    SignedModel,
    model_statement,
    open_bundle,
    sign_bundle,
)
from tests.evidence.small_sigstore import KINDS, PROVIDER, SIGNED_AT, SOMEONE, SmallSigstore

pytest.importorskip("sigstore", reason="needs the extra sigstore")

MODEL = SignedModel(name="m", entries={"a": "a" * 64, "b/x": "b" * 64}, serialization=Serialization())
PAYLOAD = model_statement(MODEL)
TRUSTED = SignerIdentity(identity=SOMEONE, provider=PROVIDER)


@pytest.fixture(scope="module")
def services() -> SmallSigstore:
    return SmallSigstore()


@pytest.fixture(scope="module")
def trust(services: SmallSigstore, tmp_path_factory: pytest.TempPathFactory) -> KeylessTrust:
    return trusting(services, tmp_path_factory.mktemp("root"))


def trusting(services: SmallSigstore, folder: Path, *identities: SignerIdentity) -> KeylessTrust:
    place = folder / "trusted_root.json"
    place.write_text(json.dumps(services.trusted_root()))
    return KeylessTrust(identities=identities or (TRUSTED,), root=place)


def opened(bundle: dict[str, Any], trust: KeylessTrust) -> Opened:
    return open_bundle(json.dumps(bundle).encode(), [], source="m.sig", keyless=trust)


@pytest.mark.parametrize("n_before", [0, 1, 2, 6, 7, 21])
def test_a_signature_by_a_trusted_identity_is_read(n_before: int, tmp_path: Path) -> None:
    services = SmallSigstore(n_before=n_before)
    result = opened(services.bundle(PAYLOAD), trusting(services, tmp_path))
    assert (result.model, result.identity, result.key, result.problem) == (MODEL, TRUSTED, None, "")
    assert "newest part of 2024-01-01" in result.root


def test_each_of_several_trusted_identities_counts(services: SmallSigstore, tmp_path: Path) -> None:
    job = SignerIdentity(identity="https://code.example.com/a/b.yml@refs/heads/main", provider="https://ci.example.com")
    trust = trusting(services, tmp_path, TRUSTED, job)
    names = (x509.UniformResourceIdentifier(job.identity),)
    assert opened(services.bundle(PAYLOAD, names=names, provider=job.provider), trust).identity == job
    assert opened(services.bundle(PAYLOAD), trust).identity == TRUSTED
    mixed = opened(services.bundle(PAYLOAD, names=names, provider=PROVIDER), trust)
    assert "not among the trusted" in mixed.problem


def test_a_user_of_another_kind_and_a_long_provider_are_read(services: SmallSigstore, tmp_path: Path) -> None:
    who = SignerIdentity(identity="user!example.com", provider=f"https://{'a' * 180}.example.com")
    kind = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
    name = x509.OtherName(kind, b"\x0c" + bytes([len(who.identity)]) + who.identity.encode())
    bundle = services.bundle(PAYLOAD, names=(name,), provider=who.provider)
    assert opened(bundle, trusting(services, tmp_path, who)).identity == who


def test_nothing_is_asked_of_the_network(
    services: SmallSigstore, trust: KeylessTrust, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert opened(services.bundle(PAYLOAD), trust).model == MODEL
    assert opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,))).model is None


def test_without_a_root_the_one_of_the_package_is_taken_and_the_home_folder_left_alone(
    services: SmallSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    result = opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,)))
    assert "no authority in the trusted root" in result.problem
    assert "it came with sigstore" in result.root
    assert not list(tmp_path.iterdir())


MADE: dict[str, tuple[dict[str, Any], str]] = {
    "another identity": ({"names": (x509.RFC822Name("eve@example.com"),)}, r"made by eve@example\.com .*not among"),
    "other capitals": ({"names": (x509.RFC822Name("Someone@example.com"),)}, "not among the trusted"),
    "another provider": ({"provider": "https://elsewhere.example.com"}, r"elsewhere\.example\.com.*not among"),
    "a provider with a slash": ({"provider": PROVIDER + "/"}, "not among the trusted"),
    "two providers": ({"old_provider": "https://elsewhere.example.com"}, "one identity provider"),
    "two names": ({"names": (x509.RFC822Name(SOMEONE), x509.RFC822Name("eve@example.com"))}, "names 2 accounts"),
    "a name of a host": ({"names": (x509.DNSName("example.com"),)}, "neither an e-mail address"),
    "signed after the certificate was over": ({"logged_at": SIGNED_AT + timedelta(hours=1)}, "not valid"),
    "signed before the certificate": ({"logged_at": SIGNED_AT - timedelta(hours=1)}, "not valid"),
}


@pytest.mark.parametrize("what", MADE)
def test_what_the_services_state_of_somebody_else_or_another_time_is_refused(
    what: str, services: SmallSigstore, trust: KeylessTrust
) -> None:
    how, words = MADE[what]
    result = opened(services.bundle(PAYLOAD, **how), trust)
    assert result.model is None
    assert_says(result, words)


def assert_says(result: Opened, words: str) -> None:
    assert re.search(words, result.problem), result.problem
    assert len(result.problem) < 500


@pytest.mark.parametrize("part", ["authority", "certificate_log", "log"])
def test_a_service_that_is_not_of_the_trusted_root_vouches_for_nothing(
    part: str, services: SmallSigstore, trust: KeylessTrust
) -> None:
    keys = {name: getattr(services, name) for name in ("authority", "certificate_log", "log") if name != part}
    result = opened(SmallSigstore(**keys).bundle(PAYLOAD), trust)
    assert result.model is None
    words = {"authority": "no authority", "certificate_log": "no log of certificates", "log": "entry in the public log"}
    assert words[part] in result.problem


def turned(text: str) -> str:
    """Turn a bit in the middle of something in base64."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


def entry(bundle: dict[str, Any]) -> dict[str, Any]:
    (only,) = bundle["verificationMaterial"]["tlogEntries"]
    found: dict[str, Any] = only
    return found


def proof(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = entry(bundle)["inclusionProof"]
    return found


def later(bundle: dict[str, Any]) -> None:
    entry(bundle)["integratedTime"] = str(int(entry(bundle)["integratedTime"]) + 1)


def other_checkpoint(bundle: dict[str, Any]) -> None:
    head, tail = proof(bundle)["checkpoint"]["envelope"].split("\n\n")
    lines = head.split("\n")
    lines[2] = turned(lines[2])
    proof(bundle)["checkpoint"]["envelope"] = "\n".join(lines) + "\n\n" + tail


def other_signature_of_the_checkpoint(bundle: dict[str, Any]) -> None:
    head, signature = proof(bundle)["checkpoint"]["envelope"].rstrip("\n").rsplit(" ", 1)
    proof(bundle)["checkpoint"]["envelope"] = f"{head} {turned(signature)}\n"


def put(holder: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Callable[[dict[str, Any]], None]:
    def alter(bundle: dict[str, Any]) -> None:
        place = holder(bundle)
        place[name] = turned(place[name])

    return alter


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "promise": (put(lambda b: entry(b)["inclusionPromise"], "signedEntryTimestamp"), "SET"),
    "time": (later, "SET"),
    "place in the log": (lambda b: entry(b).update(logIndex="4"), "SET"),
    "proof": (lambda b: proof(b)["hashes"].__setitem__(0, turned(proof(b)["hashes"][0])), "inclusion proof"),
    "shorter proof": (lambda b: proof(b)["hashes"].pop(), "inclusion proof"),
    "root": (put(proof, "rootHash"), "root"),
    "size": (lambda b: proof(b).update(treeSize="9"), "inclusion proof"),
    "place in the tree": (lambda b: proof(b).update(logIndex="3"), "inclusion proof"),
    "checkpoint": (other_checkpoint, "checkpoint"),
    "signature of the checkpoint": (other_signature_of_the_checkpoint, "checkpoint"),
    "entry": (put(entry, "canonicalizedBody"), "invalid log entry"),
    "statement": (put(lambda b: b["dsseEnvelope"], "payload"), "does not match"),
    "signature": (put(lambda b: b["dsseEnvelope"]["signatures"][0], "sig"), "does not match"),
}


@pytest.mark.parametrize("part", ALTERED)
def test_each_part_that_was_altered_is_found(part: str, services: SmallSigstore, trust: KeylessTrust) -> None:
    alter, words = ALTERED[part]
    bundle = services.bundle(PAYLOAD)
    alter(bundle)
    result = opened(bundle, trust)
    assert result.model is None
    assert_says(result, words)


@pytest.mark.parametrize("part", ["certificate", "tlogEntries"])
def test_a_part_of_another_signature_by_the_same_person_does_not_help(
    part: str, services: SmallSigstore, trust: KeylessTrust
) -> None:
    other = SignedModel(name="m", entries={"a": "c" * 64}, serialization=Serialization())
    bundle, spare = services.bundle(PAYLOAD), services.bundle(model_statement(other))
    bundle["verificationMaterial"][part] = spare["verificationMaterial"][part]
    assert opened(bundle, trust).model is None


def test_the_statement_of_another_model_does_not_fit_the_signature(
    services: SmallSigstore, trust: KeylessTrust
) -> None:
    bundle = services.bundle(PAYLOAD)
    other = SignedModel(name="m", entries={"a": "c" * 64}, serialization=Serialization())
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(model_statement(other)).decode()
    assert "invalid signature" in opened(bundle, trust).problem


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in items for each in leaves(item, (*path, key)))]


ELSE: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "x", "AA==", [], {}, [[]], {"a": {}}, "9" * 5000, "\x00", "🔑")


@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_in_place_of_a_part_nothing_else_than_what_was_signed_is_read(
    seed: int, services: SmallSigstore, trust: KeylessTrust
) -> None:
    draw = random.Random(seed)
    whole = services.bundle(PAYLOAD)
    places = [path for path in leaves(whole) if path]
    n_refused = 0
    for _ in range(25):
        bundle, path = copy.deepcopy(whole), draw.choice(places)
        holder: Any = bundle
        for step in path[:-1]:
            holder = holder[step]
        old = holder[path[-1]]
        holder[path[-1]] = draw.choice(ELSE)
        if isinstance(old, str) and draw.random() < 0.5:
            place = draw.randrange(len(old))
            holder[path[-1]] = old[:place] + chr(ord(old[place]) ^ 1) + old[place + 1 :]
        try:
            model = opened(bundle, trust).model
        except InputError:
            model = None
        assert model in (None, MODEL)
        n_refused += model is None
    assert n_refused >= 20  # what may change: unused bits at the end of base64, and the name beside a signature


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "no entry": lambda b: b["verificationMaterial"].update(tlogEntries=[]),
    "two entries": lambda b: b["verificationMaterial"]["tlogEntries"].append(entry(b)),
    "no promise": lambda b: entry(b).pop("inclusionPromise"),
    "no proof": lambda b: entry(b).pop("inclusionProof"),
    "a certificate that is none": lambda b: b["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
    "a certificate of another kind": lambda b: b["verificationMaterial"].update(certificate="AAAA"),
    "an unknown version": lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle.v9+json"),
    "another form": lambda b: b.update(mediaType="application/json"),
    "an unknown field": lambda b: b.update(extra=1),
    "two envelopes": lambda b: b.update(dsse_envelope=b["dsseEnvelope"]),
    "two signatures": lambda b: b["dsseEnvelope"]["signatures"].append({"sig": "AA=="}),
    "another payload": lambda b: b["dsseEnvelope"].update(payloadType="text/plain"),
    "a number": lambda b: entry(b).update(integratedTime=1),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_bundle_is_refused_in_words(what: str, services: SmallSigstore, trust: KeylessTrust) -> None:
    bundle = services.bundle(PAYLOAD)
    WRONG[what](bundle)
    with pytest.raises(InputError, match=r"m\.sig") as refused:
        opened(bundle, trust)
    assert len(refused.value.message) < 500


@pytest.mark.parametrize("time", ["0", "253402300800", "9223372036854775807", "18446744073709551615"])
def test_impossible_times_are_refused(time: str, services: SmallSigstore, trust: KeylessTrust) -> None:
    bundle = services.bundle(PAYLOAD)
    entry(bundle)["integratedTime"] = time
    assert opened(bundle, trust).model is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"mediaType":' * 100_000,
        b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "mediaType": "x"}',
        b"[" * 200_000,
        b'{"mediaType": NaN}',
        b"\xff\xfe",
        b"",
    ],
    ids=["deep objects", "twice", "deep lists", "no number", "no text", "empty"],
)
def test_hostile_text_is_refused_before_sigstore_sees_it(data: bytes, trust: KeylessTrust) -> None:
    with pytest.raises(InputError, match=r"m\.sig"):
        open_bundle(data, [], source="m.sig", keyless=trust)


def test_a_statement_of_another_kind_is_refused_though_a_trusted_identity_signed_it(
    services: SmallSigstore, trust: KeylessTrust
) -> None:
    for payload in (b"[]", PAYLOAD.replace(b"model_signing/signature/v1.0", b"model_signing/signature/v9.0"), b"{"):
        with pytest.raises(InputError, match=r"m\.sig"):
            opened(services.bundle(payload), trust)
    with pytest.raises(InputError, match="expected the payload"):
        opened(services.bundle(PAYLOAD, payload_type="text/plain"), trust)


def test_trust_in_a_key_and_in_an_identity_do_not_mix(services: SmallSigstore, trust: KeylessTrust) -> None:
    key = ephemeral_ec_key()
    by_key = sign_bundle(MODEL, key)
    assert open_bundle(by_key, [], source="m.sig", keyless=trust).model is None
    assert open_bundle(by_key, [key.public], source="m.sig", keyless=trust).key == key.public
    both = services.bundle(PAYLOAD)
    both["verificationMaterial"]["publicKey"] = json.loads(by_key)["verificationMaterial"]["publicKey"]
    assert opened(both, trust).model is None
    with pytest.raises(InputError, match="one by Sigstore's certificates"):
        open_bundle(json.dumps(services.bundle(PAYLOAD)).encode(), [key.public], source="m.sig")


ROOTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another form": lambda root: root.update(mediaType="application/json"),
    "an unknown field": lambda root: root.update(extra=1),
    "a key that is none": lambda root: root.update(tlogs=[{}]),
    "no list": lambda root: root.update(tlogs={"a": 1}),
    "a day that is none": lambda root: root["ctlogs"][0]["publicKey"].update(validFor={"start": "2024-13-01"}),
    "another spelling": lambda root: root.update(ct_logs=root["ctlogs"]),
}


@pytest.mark.parametrize("what", ROOTS)
def test_what_is_no_trusted_root_is_refused(what: str, services: SmallSigstore, tmp_path: Path) -> None:
    root, place = services.trusted_root(), tmp_path / "root.json"
    ROOTS[what](root)
    place.write_text(json.dumps(root))
    with pytest.raises(InputError, match=r"root\.json"):
        opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,), root=place))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b" " * (5 << 20)])
def test_a_file_that_is_no_trusted_root_is_refused(content: bytes, services: SmallSigstore, tmp_path: Path) -> None:
    place = tmp_path / "root.json"
    place.write_bytes(content)
    for root in (place, tmp_path / "absent.json", tmp_path):
        with pytest.raises(InputError, match="trusted root"):
            opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,), root=root))


@pytest.mark.parametrize("part", KINDS)
@pytest.mark.parametrize("days", [-1, 1])
def test_a_service_counts_for_what_was_signed_before_it_was_retired(
    part: str, days: int, services: SmallSigstore, tmp_path: Path
) -> None:
    place = tmp_path / "root.json"
    place.write_text(json.dumps(services.trusted_root(**{part: SIGNED_AT + timedelta(days=days)})))
    result = opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,), root=place))
    assert result.model == (MODEL if days > 0 else None), result.problem


@pytest.mark.parametrize("part", KINDS)
def test_a_root_that_trusts_no_service_of_a_kind_accepts_nothing(
    part: str, services: SmallSigstore, tmp_path: Path
) -> None:
    place = tmp_path / "root.json"
    place.write_text(json.dumps({**services.trusted_root(), part: []}))
    assert opened(services.bundle(PAYLOAD), KeylessTrust(identities=(TRUSTED,), root=place)).model is None
