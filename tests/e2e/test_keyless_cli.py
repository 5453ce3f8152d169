"""An account signs a model on the command line, through services on the loopback; verified, audited, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.e2e.workplace import Workplace
from tests.evidence.small_sigstore import PROVIDER, SOMEONE, SmallSigstore, identity_token

pytest.importorskip("sigstore", reason="needs the extra sigstore")

POLICY = """
name: supply
rules:
  - {measurement: supply_chain.signature.n_untrusted, max: 0}
  - {measurement: supply_chain.signature.n_altered, max: 0}
  - {measurement: supply_chain.signature.n_unsigned, max: 0}
"""
CONFIG = """
model: model.onnx
test: test.csv
target: approved
policy: policy.yaml
signature: model.onnx.sig
trusted_identities: [{identity: %s, provider: "%s"}]
trusted_root: trusted_root.json
"""
WHO = ("--identity", SOMEONE, "--identity-provider", PROVIDER)
ROOT = ("--trusted-root", "trusted_root.json")
SIGN = ("sign", "model.onnx", "--keyless", "--trust-config", "trust_config.json")


@dataclass(frozen=True)
class Services:
    """A workplace, and what was asked of the services that listen beside it."""

    place: Workplace
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def sign(self, **claims: Any) -> Any:
        return self.place.run(*SIGN, "--identity-token", identity_token(**claims))

    def verify(self, *options: str | Path) -> Any:
        return self.place.run("verify", "model.onnx", "--signature", "model.onnx.sig", *options)


@pytest.fixture
def services(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    small, made = SmallSigstore(), Services(place)
    with small.listening(made.asked) as url:
        (place.folder / "trust_config.json").write_text(json.dumps(small.trust_config(url)))
        (place.folder / "trusted_root.json").write_text(json.dumps(small.trusted_root()))
        yield made


def test_an_account_signs_and_its_signature_is_verified(services: Services) -> None:
    done = services.sign()
    assert (done.returncode, done.stdout) == (0, f"{services.place.folder / 'model.onnx.sig'}\n")
    notice, account, signed = done.stderr.splitlines()
    assert "in a public log, for ever" in notice
    assert account == f"account {SOMEONE} (by {PROVIDER}), the services of trust_config.json"
    assert signed == f"signed 1 file as {SOMEONE} (by {PROVIDER})"
    verified = services.verify(*WHO, *ROOT)
    assert verified.returncode == 0, verified.stdout
    assert f"signed by {SOMEONE} (by {PROVIDER})" in verified.stdout
    assert "trusted root sha256:" in verified.stdout
    stranger = services.verify("--identity", "eve@example.com", "--identity-provider", PROVIDER, *ROOT)
    assert stranger.returncode == 1
    assert f"made by {SOMEONE}" in stranger.stdout
    public = services.verify(*WHO)
    assert public.returncode == 1
    assert "it came with sigstore" in public.stdout
    with (services.place.folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    changed = services.verify(*WHO, *ROOT)
    assert changed.returncode == 1
    assert "model.onnx: not what was signed" in changed.stdout


WRONG_USE: dict[str, tuple[tuple[str, ...], str]] = {
    "no provider": (("verify", "m", "--signature", "s", "--identity", SOMEONE), "got no --identity-provider"),
    "no identity": (("verify", "m", "--signature", "s", "--identity-provider", PROVIDER), "got no --identity"),
    "only a root": (("verify", "m", "--signature", "s", *ROOT), "got no --identity"),
    "empty": (("verify", "m", "--signature", "s", "--identity", "", "--identity-provider", PROVIDER), "got no"),
    "no signature": (("verify", "m", *WHO), "expected --signature"),
    "a key too": ((*SIGN, "--key", "k.pem"), "got both"),
    "nothing said of the log": (("sign", "model.onnx", "--trust-config", "trust_config.json"), "expected --keyless"),
    "no token": (SIGN, "identity token to sign with"),
}


@pytest.mark.parametrize("what", WRONG_USE)
def test_half_of_what_is_needed_is_refused_and_nothing_sent(what: str, services: Services) -> None:
    arguments, words = WRONG_USE[what]
    done = services.place.run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not services.asked
    assert not (services.place.folder / "model.onnx.sig").exists()


@pytest.mark.parametrize("who", ["somebody trusted", "a stranger"])
def test_an_audit_counts_a_signature_by_a_trusted_identity_as_one_by_a_trusted_key(
    who: str, services: Services
) -> None:
    folder = services.place.folder
    assert services.sign(**{} if who == "somebody trusted" else {"sub": "eve@example.com"}).returncode == 0
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "holdfast.yaml").write_text(CONFIG % (SOMEONE, PROVIDER))
    check = ("--check", "supply_chain.signature")
    done = services.place.run("audit", "--config", "holdfast.yaml", "--out", "audit", "--jobs", "1", *check)
    failed = {
        one["measurement"].rpartition(".")[2]
        for one in services.place.read("audit/decision.json")["verdicts"]
        if one["verdict"] == "fail"
    }
    assert failed == (set() if who == "somebody trusted" else {"n_untrusted", "n_unsigned"}), done.stdout
    table = pl.read_parquet(folder / "audit/evidence/supply_chain.signature/signature.parquet")
    kept = dict(table.iter_rows())
    assert kept["identity"] == (f"{SOMEONE} (by {PROVIDER})" if who == "somebody trusted" else "")
    assert kept["trusted_root"].startswith("sha256:")
