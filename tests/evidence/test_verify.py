"""Verification: intact is recognised, every alteration is found and placed."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError
from holdfast.evidence.bundle import write_bundle
from holdfast.evidence.container import ArchiveWriter
from holdfast.evidence.keys import KeyPair, PublicKey, ephemeral_key
from holdfast.evidence.manifest import PAYLOAD_TYPE, Envelope, describe, parse_manifest, pieces_of_bytes, signed_bytes
from holdfast.evidence.verify import Alteration, verify_bundle
from tests.evidence.conftest import SUBJECT, SignedAudit

CHUNK = 65536


def members_of(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(bundle: Path, members: dict[str, bytes]) -> None:
    """Write an archive in the right form around altered members, as a careful attacker would."""
    file = io.BytesIO()
    archive = ArchiveWriter(file)
    for name, data in members.items():
        archive.add(name, data)
    archive.finish()
    bundle.write_bytes(file.getvalue())


def envelope(manifest: bytes, key: KeyPair) -> bytes:
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, manifest))
    return canonical_json(Envelope(public_key=key.public.raw.hex(), signature=signature.hex(), key_id=key.key_id))


def only(alterations: tuple[Alteration, ...]) -> Alteration:
    assert len(alterations) == 1
    return alterations[0]


def test_intact_bundle_of_a_trusted_key_exits_with_0(signed: SignedAudit) -> None:
    result = verify_bundle(signed.bundle, folder=signed.folder, inputs=signed.inputs, trusted=[signed.key.public])
    assert (result.status, result.exit_code) == ("trusted", 0)
    assert result.checked == 5 * 2 + 2
    assert result.inputs_not_checked == ()


def test_intact_bundle_of_an_unnamed_key_exits_with_4(signed: SignedAudit) -> None:
    result = verify_bundle(signed.bundle, trusted=[ephemeral_key().public])
    assert (result.status, result.exit_code) == ("unknown_origin", 4)
    assert signed.key.key_id in result.summary


def test_ephemeral_key_is_never_a_known_origin(audit_folder: Path) -> None:
    key = ephemeral_key()
    bundle = write_bundle(audit_folder, inputs={}, key=key, subject=SUBJECT)
    result = verify_bundle(bundle, trusted=[key.public])
    assert result.exit_code == 4
    assert "made for this bundle only" in result.summary


def test_inputs_not_handed_over_are_listed(signed: SignedAudit) -> None:
    result = verify_bundle(signed.bundle, inputs={"test": signed.inputs["test"]})
    assert result.inputs_not_checked == ("model",)
    assert result.summary.endswith("inputs not compared: model")


def test_unknown_input_name_is_an_input_error_with_a_suggestion(signed: SignedAudit) -> None:
    with pytest.raises(InputError, match="did you mean 'model'"):
        verify_bundle(signed.bundle, inputs={"modle": signed.inputs["model"]})


def test_absent_bundle_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.holdfast"):
        verify_bundle(tmp_path / "absent.holdfast")


@pytest.mark.parametrize("position", [0, CHUNK - 1, CHUNK, 199_999])
def test_changed_byte_of_an_output_lies_in_the_range_named(signed: SignedAudit, position: int) -> None:
    path = signed.folder / "report.html"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.where, fault.file, fault.what) == ("folder", "report.html", "changed")
    assert fault.start <= position < fault.end <= 200_000
    assert fault.end - fault.start <= CHUNK


def test_changed_byte_of_an_input_lies_in_the_range_named(signed: SignedAudit) -> None:
    path = signed.inputs["model"]
    data = bytearray(path.read_bytes())
    data[100_000] ^= 1
    path.write_bytes(data)
    fault = only(verify_bundle(signed.bundle, inputs=signed.inputs).alterations)
    assert (fault.where, fault.file, fault.start, fault.end) == ("input", "model", CHUNK, 2 * CHUNK)


def test_neighbouring_changes_are_one_range(signed: SignedAudit) -> None:
    (signed.folder / "report.html").write_bytes(b"x" * 200_000)
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.start, fault.end, fault.what) == (0, 200_000, "changed")


def test_missing_file_is_named(signed: SignedAudit) -> None:
    (signed.folder / "report.html").unlink()
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.file, fault.start, fault.end, fault.what) == ("report.html", 0, 200_000, "missing")


def test_extra_file_is_named(signed: SignedAudit) -> None:
    (signed.folder / "evidence" / "more.parquet").write_bytes(b"123")
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.file, fault.start, fault.end, fault.what) == ("evidence/more.parquet", 0, 3, "extra")


def test_truncated_file_is_told_from_a_changed_one(signed: SignedAudit) -> None:
    path = signed.folder / "report.html"
    path.write_bytes(path.read_bytes()[:150_000])
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.start, fault.end, fault.what) == (2 * CHUNK, 200_000, "truncated")


@pytest.mark.parametrize("name", ["report.html", "evidence/data.schema/empty.txt"])
def test_appended_bytes_are_placed_exactly(signed: SignedAudit, name: str) -> None:
    path = signed.folder / name
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"more")
    fault = only(verify_bundle(signed.bundle, folder=signed.folder).alterations)
    assert (fault.start, fault.end, fault.what) == (size, size + 4, "extra")


def test_link_in_the_place_of_an_output_is_a_missing_file(signed: SignedAudit) -> None:
    path = signed.folder / "report.html"
    path.rename(signed.folder.parent / "elsewhere.html")
    path.symlink_to(signed.folder.parent / "elsewhere.html")
    assert verify_bundle(signed.bundle, folder=signed.folder).alterations[0].what == "missing"


def test_link_is_named_as_such(signed: SignedAudit) -> None:
    path = signed.folder / "report.html"
    path.rename(signed.folder.parent / "elsewhere.html")
    path.symlink_to(signed.folder.parent / "elsewhere.html")
    assert str(verify_bundle(signed.bundle, folder=signed.folder).alterations[0]).endswith("a link stands in its place")


def test_bundle_alone_in_a_folder_is_compared_alone_and_says_so(signed: SignedAudit, tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    bundle = signed.bundle.rename(desk / "bundle.holdfast")
    (desk / "signer.pub").write_text("a key lies beside it")
    result = verify_bundle(bundle, folder=desk, trusted=[signed.key.public])
    assert (result.status, result.checked, result.is_alone) == ("trusted", 5, True)
    assert "no file of the audit lies beside the bundle" in result.summary
    (desk / "report.html").write_bytes(b"one file of the audit, altered")
    assert not verify_bundle(bundle, folder=desk).is_alone
    assert "report.html" in {fault.file for fault in verify_bundle(bundle, folder=desk).alterations}


def test_name_that_looks_like_a_signed_one_is_spelt_out(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    rewrite(signed.bundle, {name.replace("report", "rep\u043ert"): data for name, data in members.items()})
    said = [str(fault) for fault in verify_bundle(signed.bundle).alterations]
    assert said[0].startswith("report.html (in the bundle)")
    assert said[1].startswith(r"'outputs/rep\u043ert.html' (in the bundle)")


def test_absent_folder_is_an_input_error(signed: SignedAudit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="audit folder"):
        verify_bundle(signed.bundle, folder=tmp_path / "absent")


def test_file_removed_from_the_bundle_is_named(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    del members["outputs/report.html"]
    rewrite(signed.bundle, members)
    fault = only(verify_bundle(signed.bundle).alterations)
    assert (fault.where, fault.file, fault.what) == ("bundle", "report.html", "missing")


def test_file_added_to_the_bundle_is_named(signed: SignedAudit) -> None:
    rewrite(signed.bundle, members_of(signed.bundle) | {"outputs/run.sh": b"rm"})
    fault = only(verify_bundle(signed.bundle).alterations)
    assert (fault.file, fault.what, fault.end) == ("outputs/run.sh", "extra", 2)


def test_edited_guide_is_found(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    members["VERIFY.txt"] = members["VERIFY.txt"].replace(b"altered", b"fine   ")
    rewrite(signed.bundle, members)
    assert only(verify_bundle(signed.bundle).alterations).file == "VERIFY.txt"


def test_edited_manifest_breaks_the_signature(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    members["outputs/report.html"] = b"better"
    manifest = parse_manifest(members["manifest.json"], source="manifest.json")
    better = describe("report.html", "output", pieces_of_bytes(b"better"))
    old = next(entry for entry in manifest.files if entry.name == "report.html")
    members["manifest.json"] = members["manifest.json"].replace(canonical_json(old), canonical_json(better))
    rewrite(signed.bundle, members)
    fault = only(verify_bundle(signed.bundle, trusted=[signed.key.public]).alterations)
    assert fault.file == "manifest.json"
    assert "signature does not match" in str(fault)


def test_broken_manifest_is_an_alteration_and_not_a_crash(signed: SignedAudit) -> None:
    members = members_of(signed.bundle) | {"manifest.json": b"{"}
    rewrite(signed.bundle, members)
    assert only(verify_bundle(signed.bundle).alterations).file == "manifest.json"


def test_replaced_signature_is_found(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    members["signature.json"] = envelope(b"another manifest", signed.key)
    rewrite(signed.bundle, members)
    assert verify_bundle(signed.bundle, trusted=[signed.key.public]).status == "altered"


def test_bundle_signed_anew_by_another_key_loses_its_origin(signed: SignedAudit) -> None:
    attacker = KeyPair(ephemeral_key().private)
    members = members_of(signed.bundle)
    text = members["manifest.json"].replace(signed.key.key_id.encode(), attacker.key_id.encode())
    rewrite(signed.bundle, members | {"manifest.json": text, "signature.json": envelope(text, attacker)})
    result = verify_bundle(signed.bundle, trusted=[signed.key.public])
    assert (result.status, result.key_id) == ("unknown_origin", attacker.key_id)


def test_manifest_naming_another_signer_is_malformed(signed: SignedAudit) -> None:
    attacker = KeyPair(ephemeral_key().private)
    members = members_of(signed.bundle)
    members["signature.json"] = envelope(members["manifest.json"], attacker)
    rewrite(signed.bundle, members)
    with pytest.raises(InputError, match="another key"):
        verify_bundle(signed.bundle)


@pytest.mark.parametrize("name", ["manifest.json", "signature.json"])
def test_bundle_without_its_parts_is_malformed(signed: SignedAudit, name: str) -> None:
    members = members_of(signed.bundle)
    del members[name]
    rewrite(signed.bundle, members)
    with pytest.raises(InputError, match=f"no {name}"):
        verify_bundle(signed.bundle)


def test_oversized_signature_is_not_read(signed: SignedAudit) -> None:
    rewrite(signed.bundle, members_of(signed.bundle) | {"signature.json": b"x" * 10_000})
    with pytest.raises(InputError, match="at most 4096 bytes"):
        verify_bundle(signed.bundle)


@pytest.mark.parametrize(
    "change", [bytes.upper, lambda text: text.replace(b"version=1", b"version=2"), lambda text: text + b"\n"]
)
def test_signature_in_another_spelling_is_malformed(signed: SignedAudit, change: Callable[[bytes], bytes]) -> None:
    members = members_of(signed.bundle)
    rewrite(signed.bundle, members | {"signature.json": change(members["signature.json"])})
    with pytest.raises(InputError, match="signature"):
        verify_bundle(signed.bundle)


def test_key_of_small_order_vouches_for_nothing(signed: SignedAudit) -> None:
    """The neutral element verifies some signatures over anything; it is trusted by nobody."""
    neutral = PublicKey(bytes([1]) + bytes(31))
    members = members_of(signed.bundle)
    text = members["manifest.json"].replace(signed.key.key_id.encode(), neutral.key_id.encode())
    forged = bytes([1]) + bytes(63)
    sheet = canonical_json(Envelope(public_key=neutral.raw.hex(), signature=forged.hex(), key_id=neutral.key_id))
    rewrite(signed.bundle, members | {"manifest.json": text, "signature.json": sheet})
    assert verify_bundle(signed.bundle, trusted=[signed.key.public]).status != "trusted"


def test_decision_on_other_findings_is_found_under_a_valid_signature(signed: SignedAudit) -> None:
    members = members_of(signed.bundle)
    text = members["manifest.json"]
    manifest = parse_manifest(text, source="manifest.json")
    swapped = members["outputs/findings.json"].replace(b'"age"', b'"sex"')
    old = next(entry for entry in manifest.files if entry.name == "findings.json")
    new = describe("findings.json", "output", pieces_of_bytes(swapped))
    text = text.replace(canonical_json(old), canonical_json(new))
    sheet = envelope(text, signed.key)
    rewrite(
        signed.bundle,
        members | {"manifest.json": text, "signature.json": sheet, "outputs/findings.json": swapped},
    )
    fault = only(verify_bundle(signed.bundle, trusted=[signed.key.public]).alterations)
    assert fault.file == "decision.json"
    assert "other findings" in fault.detail


def test_control_characters_in_a_name_do_not_reach_the_terminal() -> None:
    fault = Alteration(where="folder", file="a\x1b[31m", start=0, end=1, what="extra")
    assert "\x1b" not in str(fault)


def flip(data: bytearray, random_: random.Random) -> None:
    data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)


def truncate(data: bytearray, random_: random.Random) -> None:
    del data[random_.randrange(len(data)) :]


def append(data: bytearray, random_: random.Random) -> None:
    data += random_.randbytes(random_.randrange(1, 100))


def insert(data: bytearray, random_: random.Random) -> None:
    position = random_.randrange(len(data))
    data[position:position] = random_.randbytes(random_.randrange(1, 10))


def delete(data: bytearray, random_: random.Random) -> None:
    position = random_.randrange(len(data))
    del data[position : position + random_.randrange(1, 10)]


def swap(data: bytearray, random_: random.Random) -> None:
    while True:
        first, second = sorted(random_.sample(range(len(data) - 8), 2))
        if second - first >= 8 and data[first : first + 8] != data[second : second + 8]:
            break
    data[first : first + 8], data[second : second + 8] = data[second : second + 8], data[first : first + 8]


@pytest.mark.parametrize("tamper", [flip, truncate, append, insert, delete, swap])
def test_no_random_change_of_the_bundle_goes_unnoticed(
    signed: SignedAudit, tamper: Callable[[bytearray, random.Random], None]
) -> None:
    original = signed.bundle.read_bytes()
    random_ = random.Random(f"{tamper.__name__} 1")
    for _ in range(100):
        data = bytearray(original)
        tamper(data, random_)
        signed.bundle.write_bytes(data)
        try:
            assert verify_bundle(signed.bundle, trusted=[signed.key.public]).status == "altered"
        except InputError:
            continue


def test_flipped_bytes_of_the_contents_lie_in_the_range_named(signed: SignedAudit) -> None:
    random_ = random.Random(2)
    members = members_of(signed.bundle)
    names = [name for name in members if name.startswith("outputs/") and members[name]]
    for _ in range(200):
        name = random_.choice(names)
        data = bytearray(members[name])
        position = random_.randrange(len(data))
        data[position] ^= 1 << random_.randrange(8)
        rewrite(signed.bundle, members | {name: bytes(data)})
        fault = only(verify_bundle(signed.bundle).alterations)
        assert fault.file == name.removeprefix("outputs/")
        assert fault.start <= position < fault.end <= fault.start + CHUNK
