"""An account signs a model through services on the loopback, and what they made is checked as any signature is."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from holdfast.auditing.signing import check_model, sign_model
from holdfast.core.errors import InputError
from holdfast.core.signature import SignerIdentity
from holdfast.evidence.keyless import TOKEN_VARIABLE, KeylessTrust, keyless_signer
from tests.evidence.small_sigstore import PROVIDER, SOMEONE, SmallSigstore, identity_token

pytest.importorskip("sigstore", reason="needs the extra sigstore")

TRUSTED = SignerIdentity(identity=SOMEONE, provider=PROVIDER)


@dataclass
class Place:
    """A model, services that listen, and the two files that say what to trust of them."""

    folder: Path
    services: SmallSigstore
    asked: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def model(self) -> Path:
        return self.folder / "m"

    @property
    def config(self) -> Path:
        return self.folder / "trust_config.json"

    @property
    def trust(self) -> KeylessTrust:
        return KeylessTrust(identities=(TRUSTED,), root=self.folder / "trusted_root.json")

    def configure(self, url: str, services: SmallSigstore | None = None) -> None:
        self.config.write_text(json.dumps((services or self.services).trust_config(url)))
        (self.folder / "trusted_root.json").write_text(json.dumps(self.services.trusted_root()))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "m" / ".git").mkdir(parents=True)
    (tmp_path / "m" / "weights.bin").write_bytes(b"w" * 5000)
    (tmp_path / "m" / ".git" / "hook").write_bytes(b"h")
    made = Place(tmp_path, SmallSigstore())
    with made.services.listening(made.asked) as url:
        made.configure(url)
        yield made


def test_a_model_that_an_account_signed_is_vouched_for_until_a_file_changes(place: Place) -> None:
    signer = keyless_signer(identity_token(), trust_config=place.config)
    signed = sign_model(place.model, signer, out=place.folder / "m.sig")
    assert [path for path, _ in place.asked] == ["/api/v2/signingCert", "/api/v1/log/entries"]
    assert signed.signer == f"as {SOMEONE} (by {PROVIDER})"
    assert json.loads(signed.statement.encode())["predicate"]["identity"] == SOMEONE
    (place.folder / "m.sig").write_bytes(signed.bundle)
    checked = check_model(place.model, place.folder / "m.sig", [], keyless=place.trust)
    assert checked.record.holds
    assert (checked.record.identity, checked.record.n_signed) == (TRUSTED, 2)
    predicate = json.loads(checked.statement.encode())["predicate"]
    assert predicate["identity"] == SOMEONE
    assert predicate["trusted_root"].startswith("sha256:")
    (place.model / "weights.bin").write_bytes(b"v" * 5000)
    (place.model / "extra.py").write_bytes(b"")
    record = check_model(place.model, place.folder / "m.sig", [], keyless=place.trust).record
    assert {fault.path: fault.kind for fault in record.faults} == {"weights.bin": "changed", "extra.py": "unsigned"}


def test_a_stranger_vouches_for_no_file(place: Place) -> None:
    signer = keyless_signer(identity_token(sub="eve@example.com"), trust_config=place.config)
    (place.folder / "m.sig").write_bytes(sign_model(place.model, signer, out=place.folder / "m.sig").bundle)
    record = check_model(place.model, place.folder / "m.sig", [], keyless=place.trust).record
    assert "eve@example.com" in record.problem
    assert (record.identity, len(record.faults)) == (None, 2)


def test_the_token_comes_from_the_environment_too_and_never_shows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = identity_token()
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    signer = keyless_signer(trust_config=place.config)
    assert signer.account == f"{SOMEONE} (by {PROVIDER})"
    assert token not in repr(signer)


TOKENS = {
    "over": (identity_token(exp=1), "no identity token"),
    "for somebody else": (identity_token(aud="another"), "no identity token"),
    "no token": ("x.y.z", "no identity token"),
    "none": (None, "identity token to sign with"),
}


@pytest.mark.parametrize("what", TOKENS)
def test_a_token_that_is_of_no_use_is_refused_before_anything_is_sent(what: str, place: Place) -> None:
    token, words = TOKENS[what]
    with pytest.raises(InputError, match=words) as refused:
        keyless_signer(token, trust_config=place.config)
    assert "--identity-token" in refused.value.hint
    assert not place.asked


@pytest.mark.parametrize("content", ["", "{", "{}", '{"mediaType": "x"}'])
def test_a_file_that_is_no_trust_configuration_is_refused(content: str, place: Place) -> None:
    place.config.write_text(content)
    with pytest.raises(InputError, match="trust configuration"):
        keyless_signer(identity_token(), trust_config=place.config)


def test_a_trust_configuration_without_services_is_refused(place: Place) -> None:
    config = json.loads(place.config.read_bytes())
    config["signingConfig"]["caUrls"] = []
    place.config.write_text(json.dumps(config))
    signer = keyless_signer(identity_token(), trust_config=place.config)
    with pytest.raises(InputError, match="did not sign"):
        sign_model(place.model, signer, out=place.folder / "m.sig")


@pytest.mark.parametrize("part", ["authority", "certificate_log", "log"])
def test_what_other_services_sign_is_not_accepted(part: str, place: Place) -> None:
    keys = {name: getattr(place.services, name) for name in ("authority", "certificate_log", "log") if name != part}
    url = json.loads(place.config.read_bytes())["signingConfig"]["caUrls"][0]["url"]
    place.configure(url, SmallSigstore(**keys))
    signer = keyless_signer(identity_token(), trust_config=place.config)
    with pytest.raises(InputError, match=r"did not sign|does not hold"):
        sign_model(place.model, signer, out=place.folder / "m.sig")


ANSWERS: dict[str, tuple[int, bytes]] = {
    "an error": (500, b"oops"),
    "a refusal": (403, b'{"message": "the token is not accepted"}'),
    "no JSON": (201, b"<html>"),
    "another JSON": (201, b"[1]"),
    "a chain of nothing": (201, b'{"signedCertificateEmbeddedSct": {"chain": {"certificates": ["x", "y"]}}}'),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_services_that_answer_anything_else_are_refused_in_words(what: str, place: Place) -> None:
    status, content = ANSWERS[what]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        place.configure(f"http://127.0.0.1:{server.server_port}")
        token = identity_token()
        with pytest.raises(InputError, match="did not sign") as refused:
            sign_model(place.model, keyless_signer(token, trust_config=place.config), out=place.folder / "m.sig")
        server.shutdown()
    assert token not in str(refused.value)
    assert "log has an entry" in refused.value.hint


def test_services_that_are_not_there_are_named(place: Place) -> None:
    place.configure("http://127.0.0.1:9")
    with pytest.raises(InputError, match="did not sign"):
        sign_model(place.model, keyless_signer(identity_token(), trust_config=place.config), out=place.folder / "m.sig")


def test_a_model_that_cannot_be_signed_is_not_sent_anywhere(place: Place) -> None:
    (place.model / "link").symlink_to("weights.bin")
    with pytest.raises(InputError, match="cannot be signed"):
        sign_model(place.model, keyless_signer(identity_token(), trust_config=place.config), out=place.folder / "m.sig")
    assert not place.asked


def test_the_log_is_sent_the_statement_and_no_file(place: Place) -> None:
    sign_model(place.model, keyless_signer(identity_token(), trust_config=place.config), out=place.folder / "m.sig")
    _, (_, request) = place.asked
    assert set(request["spec"]["proposedContent"]) == {"envelope", "verifiers"}
    envelope = json.loads(request["spec"]["proposedContent"]["envelope"])
    assert b"weights.bin" in base64.b64decode(envelope["payload"])
    assert b"w" * 20 not in base64.b64decode(envelope["payload"])


def test_the_package_model_signing_checks_ours_and_we_check_its(place: Place) -> None:
    signing = pytest.importorskip("model_signing.signing", reason="the package model-signing is not installed")
    verifying = pytest.importorskip("model_signing.verifying", reason="the package model-signing is not installed")
    shutil.rmtree(place.model / ".git")  # that package never looks there
    ours, theirs, token = place.folder / "ours.sig", place.folder / "theirs.sig", identity_token()
    ours.write_bytes(sign_model(place.model, keyless_signer(token, trust_config=place.config), out=ours).bundle)
    signer = signing.Config().use_sigstore_signer(identity_token=token, trust_config=place.config)
    signer.sign(place.model, theirs)
    who = {"identity": SOMEONE, "oidc_issuer": PROVIDER}
    verifier = verifying.Config().use_sigstore_verifier(**who, trust_config=place.config)
    verifier.verify(place.model, ours)
    verifier.verify(place.model, theirs)
    record = check_model(place.model, theirs, [], keyless=place.trust).record
    assert (record.holds, record.identity) == (True, TRUSTED)
    (place.model / "weights.bin").write_bytes(b"v" * 5000)
    with pytest.raises(ValueError, match="Signature mismatch"):
        verifier.verify(place.model, ours)
    record = check_model(place.model, theirs, [], keyless=place.trust).record
    assert {fault.path: fault.kind for fault in record.faults} == {"weights.bin": "changed"}
