"""What a bundle holds, and what it refuses to hold."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from holdfast.core.errors import InputError
from holdfast.evidence.bundle import BUNDLE_NAME, output_names, write_bundle
from holdfast.evidence.keys import ephemeral_key
from holdfast.evidence.manifest import Manifest, describe, parse_manifest, pieces_of_bytes, signed_bytes
from tests.evidence.conftest import SUBJECT, SignedAudit


def manifest_of(bundle: Path) -> Manifest:
    with zipfile.ZipFile(bundle) as archive:
        return parse_manifest(archive.read("manifest.json"), source="manifest.json")


def test_outputs_are_copied_and_inputs_are_not(signed: SignedAudit) -> None:
    with zipfile.ZipFile(signed.bundle) as archive:
        names = set(archive.namelist())
        assert archive.read("outputs/report.html") == (signed.folder / "report.html").read_bytes()
    expected = {"outputs/" + name for name in output_names(signed.folder)}
    assert names == {"manifest.json", "signature.json", "VERIFY.txt"} | expected
    assert signed.inputs["test"].read_bytes() not in signed.bundle.read_bytes()


def test_manifest_lists_every_output_input_and_the_guide(signed: SignedAudit) -> None:
    entries = {(entry.role, entry.name) for entry in manifest_of(signed.bundle).files}
    outputs = {("output", name) for name in output_names(signed.folder)}
    assert entries == outputs | {("input", "model"), ("input", "test"), ("guide", "VERIFY.txt")}


def test_manifest_binds_the_digests_of_the_subject(signed: SignedAudit) -> None:
    assert manifest_of(signed.bundle).subject == {"model": "sha256:" + "0" * 64, "test": "sha256:" + "1" * 64}


def test_same_folder_and_key_give_the_same_bytes(signed: SignedAudit) -> None:
    first = signed.bundle.read_bytes()
    write_bundle(signed.folder, inputs=signed.inputs, key=signed.key, subject=SUBJECT)
    assert signed.bundle.read_bytes() == first


def test_bytes_and_files_are_the_same_input(signed: SignedAudit) -> None:
    first = signed.bundle.read_bytes()
    inputs = {name: path.read_bytes() for name, path in signed.inputs.items()}
    write_bundle(signed.folder, inputs=inputs, key=signed.key, subject=SUBJECT)
    assert signed.bundle.read_bytes() == first


def test_hidden_files_and_the_bundle_are_no_outputs(signed: SignedAudit) -> None:
    (signed.folder / ".cache").mkdir()
    (signed.folder / ".cache" / "run.sqlite").write_bytes(b"x")
    assert BUNDLE_NAME not in output_names(signed.folder)
    assert not [name for name in output_names(signed.folder) if "sqlite" in name]


def test_link_in_the_folder_is_refused(audit_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (audit_folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="link or device"):
        write_bundle(audit_folder, inputs={}, key=ephemeral_key(), subject=SUBJECT)


def test_decision_on_other_findings_is_refused(audit_folder: Path) -> None:
    findings = audit_folder / "findings.json"
    findings.write_bytes(findings.read_bytes().replace(b'"income"', b'"outcome"'))
    with pytest.raises(InputError, match="other findings"):
        write_bundle(audit_folder, inputs={}, key=ephemeral_key(), subject=SUBJECT)
    assert not (audit_folder / BUNDLE_NAME).exists()


@pytest.mark.parametrize("name", ["findings.json", "decision.json"])
def test_unfinished_audit_is_refused(audit_folder: Path, name: str) -> None:
    (audit_folder / name).unlink()
    with pytest.raises(InputError, match="holdfast audit"):
        write_bundle(audit_folder, inputs={}, key=ephemeral_key(), subject=SUBJECT)


def test_missing_input_is_named(audit_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.onnx"):
        write_bundle(audit_folder, inputs={"model": tmp_path / "absent.onnx"}, key=ephemeral_key(), subject=SUBJECT)


def test_entry_of_an_empty_file_has_no_chunks() -> None:
    entry = describe("x", "output", pieces_of_bytes(b""))
    assert (entry.size, entry.chunks) == (0, ())
    assert entry.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_signed_bytes_are_those_of_the_dsse_example() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert signed_bytes("http://example.com/HelloWorld", b"hello world") == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"name":"model"', '"name":"test"', "listed twice"),
        ('"name":"report.html"', '"name":"../report.html"', "no safe name"),
        ('"size":196608', '"size":196609', "do not fit"),
        ('"size":196608', '"size":-196608', "do not fit"),
        ('{"files"', '{ "files"', "canonical form"),
        ('{"files"', '{"extra":1,"files"', "canonical form"),
        ('"ledger":null,', "", "canonical form"),
        ('"files"', '"fils"', "not a valid Manifest"),
    ],
)
def test_malformed_manifests_are_refused(signed: SignedAudit, old: str, new: str, message: str) -> None:
    with zipfile.ZipFile(signed.bundle) as archive:
        text = archive.read("manifest.json").decode()
    assert old in text
    with pytest.raises(InputError, match=message):
        parse_manifest(text.replace(old, new).encode(), source="manifest.json")


def run_guide(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the Python of the guide's steps 2 to 4 where a bundle was unpacked."""
    guide = (folder / "VERIFY.txt").read_text()
    steps = guide[guide.index("  2. ") : guide.index("Where the audit was entered")]
    code = "\n".join(line[7:] for line in steps.splitlines() if line.startswith("       ") and "<n>" not in line)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, capture_output=True, text=True)


def unpack(signed: SignedAudit, folder: Path) -> Path:
    with zipfile.ZipFile(signed.bundle) as archive:
        archive.extractall(folder)
    (folder / "signer.pub").write_bytes(signed.key.public.pem)
    return folder


def test_python_in_the_guide_finds_nothing_in_an_intact_bundle(signed: SignedAudit, tmp_path: Path) -> None:
    done = run_guide(unpack(signed, tmp_path / "out"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("manifest.json", None, "InvalidSignature"),
        ("outputs/report.html", b"better", "AssertionError: ['outputs/report.html']"),
        ("outputs/more.html", b"unsigned", "AssertionError: {'outputs/more.html'}"),
        ("signer.pub", ephemeral_key().public.pem, "AssertionError"),
    ],
)
def test_python_in_the_guide_finds(
    signed: SignedAudit, tmp_path: Path, file: str, content: bytes | None, said: str
) -> None:
    path = unpack(signed, tmp_path / "out") / file
    path.write_bytes(path.read_bytes() + b" " if content is None else content)
    assert said in run_guide(tmp_path / "out").stderr


def test_digests_in_the_manifest_are_plain_sha256(signed: SignedAudit, tmp_path: Path) -> None:
    with zipfile.ZipFile(signed.bundle) as archive:
        entry = next(e for e in json.loads(archive.read("manifest.json"))["files"] if e["name"] == "report.html")
    import hashlib

    data = (signed.folder / "report.html").read_bytes()
    assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert entry["chunks"][1] == hashlib.sha256(data[65536:131072]).hexdigest()
