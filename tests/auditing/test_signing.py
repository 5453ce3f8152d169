"""A signature vouches for every file that is there, and for nothing else."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.auditing.signing import check_model, sign_model, unsigned_model
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.signature import SignatureRecord
from holdfast.evidence.ec_keys import (
    EC_PRIVATE_NAME,
    EC_PUBLIC_NAME,
    EcKeyPair,
    create_ec_key,
    load_ec_public_key,
)

PEER = Path(__file__).parents[1] / "data" / "model_signing"
FILES = {"config.json": b"{}", "weights/a.bin": b"a" * 5000, "weights/b.bin": b"b" * 5000, ".hidden/notes": b"x"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> EcKeyPair:
    return create_ec_key(tmp_path_factory.mktemp("keys") / "k")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).write_bytes(content)
    return tmp_path / "m"


@pytest.fixture
def signature(model: Path, key: EcKeyPair) -> Path:
    place = model.parent / "m.sig"
    place.write_bytes(sign_model(model, key, out=place).bundle)
    return place


def check(model: Path, signature: Path, key: EcKeyPair, *allow: str) -> SignatureRecord:
    return check_model(model, signature, [key.public], allow=allow).record


def faults(record: SignatureRecord) -> dict[str, str]:
    return {fault.path: fault.kind for fault in record.faults}


def test_a_model_as_it_was_signed_is_vouched_for(model: Path, signature: Path, key: EcKeyPair) -> None:
    record = check(model, signature, key)
    assert record.holds
    assert (record.n_signed, record.n_files) == (4, 4)


def add(model: Path, name: str, content: bytes = b"x") -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_bytes(content)


def rename(model: Path) -> None:
    (model / "config.json").rename(model / "renamed.json")


def exchange(model: Path) -> None:
    (model / "weights/a.bin").rename(model / "t")
    (model / "weights/b.bin").rename(model / "weights/a.bin")
    (model / "t").rename(model / "weights/b.bin")


def replace_by_link(model: Path) -> None:
    (model / "weights/a.bin").rename(model.parent / "elsewhere")
    (model / "weights/a.bin").symlink_to(model.parent / "elsewhere")


ATTACKS: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "one bit": (lambda m: (m / "weights/a.bin").write_bytes(b"a" * 4999 + b"c"), {"weights/a.bin": "changed"}),
    "truncated": (lambda m: (m / "weights/a.bin").write_bytes(b"a" * 4999), {"weights/a.bin": "changed"}),
    "emptied": (lambda m: (m / "weights/a.bin").write_bytes(b""), {"weights/a.bin": "changed"}),
    "longer": (lambda m: (m / "weights/a.bin").write_bytes(b"a" * 5001), {"weights/a.bin": "changed"}),
    "removed": (lambda m: (m / "config.json").unlink(), {"config.json": "missing"}),
    "renamed": (rename, {"config.json": "missing", "renamed.json": "unsigned"}),
    "exchanged": (exchange, {"weights/a.bin": "changed", "weights/b.bin": "changed"}),
    "extra": (lambda m: add(m, "extra.py"), {"extra.py": "unsigned"}),
    "extra, empty": (lambda m: add(m, "extra.py", b""), {"extra.py": "unsigned"}),
    "extra in .git": (lambda m: add(m, ".git/hooks/post-checkout"), {".git/hooks/post-checkout": "unsigned"}),
    "extra .gitattributes": (lambda m: add(m, ".gitattributes"), {".gitattributes": "unsigned"}),
    "extra in .github": (lambda m: add(m, "weights/.github/w.yml"), {"weights/.github/w.yml": "unsigned"}),
    "link": (lambda m: (m / "link").symlink_to("config.json"), {"link": "refused"}),
    "link out": (lambda m: (m / "link").symlink_to("/etc/hostname"), {"link": "refused"}),
    "link to a folder": (lambda m: (m / "link").symlink_to("weights"), {"link": "refused"}),
    "link in place": (replace_by_link, {"weights/a.bin": "refused"}),
    "pipe": (lambda m: os.mkfifo(m / "pipe"), {"pipe": "refused"}),
    "other case": (lambda m: add(m, "CONFIG.json"), {"CONFIG.json": "unsigned", "config.json": "ambiguous"}),
    "other spelling": (lambda m: [add(m, "e\u0301"), add(m, "\u00e9")], {"e\u0301": "unsigned", "\u00e9": "unsigned"}),
    "no Unicode": (lambda m: Path(os.fsdecode(os.fsencode(m) + b"/\xff")).touch(), {"\\xff": "unsigned"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_is_done_to_a_signed_model_is_found(attack: str, model: Path, signature: Path, key: EcKeyPair) -> None:
    done, expected = ATTACKS[attack]
    done(model)
    record = check(model, signature, key)
    assert not record.holds
    assert faults(record).items() >= expected.items() or attack in {"other case", "other spelling", "link in place"}
    assert set(faults(record)) == set(expected)


def test_of_a_file_that_moved_the_new_place_is_said(model: Path, signature: Path, key: EcKeyPair) -> None:
    rename(model)
    missing = next(fault for fault in check(model, signature, key).faults if fault.kind == "missing")
    assert missing.detail == "its content is in renamed.json"


def test_of_files_that_were_exchanged_it_is_said(model: Path, signature: Path, key: EcKeyPair) -> None:
    exchange(model)
    assert {fault.detail for fault in check(model, signature, key).faults} == {
        "it holds what was signed as weights/b.bin",
        "it holds what was signed as weights/a.bin",
    }


def test_the_signature_may_lie_in_the_folder_and_a_second_one_not(model: Path, key: EcKeyPair) -> None:
    place = model / "model.sig"
    for _ in range(2):  # signing again replaces it
        place.write_bytes(sign_model(model, key, out=place).bundle)
    assert check(model, place, key).holds
    shutil.copy(place, model / "other.sig")
    assert faults(check(model, place, key)) == {"other.sig": "unsigned"}


def test_what_the_signer_left_out_is_allowed_by_the_verifier_only(model: Path, key: EcKeyPair) -> None:
    place = model.parent / "m.sig"
    place.write_bytes(sign_model(model, key, out=place, leave_out=["weights"]).bundle)
    record = check(model, place, key)
    assert faults(record) == {"weights/a.bin": "unsigned", "weights/b.bin": "unsigned"}
    assert record.left_out == ("weights",)
    record = check(model, place, key, "weights")
    assert record.holds
    assert record.allowed == ("weights/a.bin", "weights/b.bin")


def test_allowing_a_path_allows_no_other_and_no_signed_file_to_change(
    model: Path, signature: Path, key: EcKeyPair
) -> None:
    add(model, "weights2/x")
    (model / "weights/a.bin").write_bytes(b"other")
    assert faults(check(model, signature, key, "weights")) == {"weights2/x": "unsigned", "weights/a.bin": "changed"}


@pytest.mark.parametrize("path", ["../other", "/etc", "", "."])
def test_only_paths_in_the_model_can_be_allowed(path: str, model: Path, signature: Path, key: EcKeyPair) -> None:
    if path == ".":
        assert check(model, signature, key, path).holds  # which names no file
        return
    with pytest.raises(InputError, match="inside the model"):
        check(model, signature, key, path)


def test_a_key_that_is_not_trusted_vouches_for_nothing(
    model: Path, signature: Path, key: EcKeyPair, tmp_path: Path
) -> None:
    other = create_ec_key(tmp_path / "other", curve="P-384")
    record = check(model, signature, other)
    assert "not among the trusted ones" in record.problem
    assert set(faults(record).values()) == {"unsigned"}
    assert len(record.faults) == record.n_files == 4


def test_without_a_key_nothing_is_checked(model: Path, signature: Path) -> None:
    with pytest.raises(InputError, match="at least one key"):
        check_model(model, signature, [])


def test_one_file_is_signed_by_itself_and_known_by_its_digest(model: Path, key: EcKeyPair) -> None:
    file, place = model / "weights/a.bin", model.parent / "a.sig"
    signed = sign_model(file, key, out=place)
    place.write_bytes(signed.bundle)
    assert check(file, place, key).holds
    assert signed.statement.subjects == {"a.bin": digest_bytes(FILES["weights/a.bin"])}
    assert check(file, place, key).root_digest == digest_bytes(FILES["weights/a.bin"])
    file.write_bytes(b"other")
    assert faults(check(file, place, key)) == {"a.bin": "changed"}


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("link", "a link to config.json"),
        ("pipe", "it is a pipe"),
        ("no Unicode", "its name is no Unicode"),
        ("other case", "elsewhere one name with"),
        ("other spelling", "elsewhere one name with"),
    ],
)
def test_what_nothing_could_vouch_for_is_not_signed(attack: str, words: str, model: Path, key: EcKeyPair) -> None:
    ATTACKS[attack][0](model)
    with pytest.raises(InputError, match=words):
        sign_model(model, key, out=model.parent / "m.sig")


def test_an_empty_folder_is_not_signed(tmp_path: Path, key: EcKeyPair) -> None:
    with pytest.raises(InputError, match="no file to sign"):
        sign_model(tmp_path, key, out=tmp_path / "m.sig")


@pytest.fixture
def restless(model: Path, signature: Path) -> Iterator[Path]:
    """A model to which something writes all the time."""
    (model / "weights/a.bin").write_bytes(b"a" * (32 << 20))  # read for longer than a thread waits its turn
    over = threading.Event()

    def write() -> None:
        for size in itertools.cycle(range(1, 1000)):  # another size each time: clocks of file systems are coarse
            if over.is_set():
                return
            (model / "config.json").write_bytes(os.urandom(size))

    writer = threading.Thread(target=write)
    writer.start()
    yield model
    over.set()
    writer.join()


def test_what_is_written_to_while_it_is_read_is_not_signed_nor_vouched_for(
    restless: Path, signature: Path, key: EcKeyPair
) -> None:
    with pytest.raises(InputError, match=r"config\.json: it changed while it was read"):
        sign_model(restless, key, out=restless.parent / "n.sig")
    assert "unstable" in {fault.kind for fault in check(restless, signature, key).faults}


def test_digests_of_a_scan_are_taken_over(model: Path, signature: Path, key: EcKeyPair) -> None:
    known = {str(model / "config.json"): "0" * 64}
    record = check_model(model, signature, [key.public], known=known).record
    assert faults(record) == {"config.json": "changed"}


def test_a_model_without_a_signature_is_signed_by_nobody(model: Path) -> None:
    record = unsigned_model(model)
    assert record.problem == "there is no signature"
    assert len(record.faults) == 4


# Signatures of the package model-signing


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PEER / "model", tmp_path / "model"))


def peer_check(model: Path, name: str, key: str = "p256", *allow: str) -> SignatureRecord:
    return check_model(model, PEER / f"{name}.sig", [load_ec_public_key(PEER / f"{key}.pem")], allow=allow).record


@pytest.mark.parametrize("name", ["p256", "p384", "p521", "shards", "blake2"])
def test_their_signatures_are_checked(name: str, theirs: Path) -> None:
    key = name if name in {"p384", "p521"} else "p256"
    assert peer_check(theirs, name, key).holds
    content = bytearray((theirs / "weights.bin").read_bytes())
    content[9000] ^= 1
    (theirs / "weights.bin").write_bytes(content)
    assert faults(peer_check(theirs, name, key)) == {"weights.bin": "changed"}


def test_shards_vouch_for_the_whole_file_and_for_no_empty_one(theirs: Path) -> None:
    with (theirs / "weights.bin").open("ab") as file:
        file.write(b"more")
    (theirs / "empty.py").touch()
    assert faults(peer_check(theirs, "shards")) == {"weights.bin": "changed", "empty.py": "unsigned"}


def test_a_file_that_their_signature_leaves_out_is_found(theirs: Path) -> None:
    add(theirs, ".git/config")
    assert faults(peer_check(theirs, "p256")) == {".git/config": "unsigned"}
    assert peer_check(theirs, "p256", "p256", ".git").holds


def test_their_signature_of_one_file_is_checked(theirs: Path) -> None:
    assert peer_check(theirs / "weights.bin", "single").holds
    assert faults(peer_check(theirs / "config.json", "single")) == {"config.json": "changed"}


def test_digests_that_are_not_computed_here_are_refused_with_a_next_step(theirs: Path) -> None:
    with pytest.raises(InputError, match="BLAKE3") as refused:
        peer_check(theirs, "blake3")
    assert "sha256" in refused.value.hint


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=5, unique_by=str.casefold), data=st.data())
def test_any_names_and_contents_are_signed_and_a_changed_byte_is_found(
    names: list[str], data: st.DataObject, key: EcKeyPair, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m")
    for name in names:
        if name not in {".", ".."}:
            (folder / name).write_bytes(data.draw(st.binary(max_size=20)))
    place = folder.parent / f"{folder.name}.sig"
    try:
        place.write_bytes(sign_model(folder, key, out=place).bundle)
    except InputError as error:
        assert "elsewhere one name" in error.message or "no file to sign" in error.message  # noqa: PT017
        return
    assert check(folder, place, key).holds
    changed = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    (folder / changed).write_bytes((folder / changed).read_bytes() + b"!")
    assert [fault.kind for fault in check(folder, place, key).faults] == ["changed"]


def test_the_package_model_signing_checks_ours_and_we_check_its(model: Path, key: EcKeyPair, tmp_path: Path) -> None:
    reason = "the package model-signing is not installed; its stored signatures are checked above"
    signing = pytest.importorskip("model_signing.signing", reason=reason)
    verifying = pytest.importorskip("model_signing.verifying", reason=reason)
    pair = create_ec_key(tmp_path / "pair")
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    ours.write_bytes(sign_model(model, pair, out=ours).bundle)
    signer = signing.Config().use_elliptic_key_signer(private_key=tmp_path / "pair" / EC_PRIVATE_NAME)
    signer.sign(model, theirs)
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=tmp_path / "pair" / EC_PUBLIC_NAME)
    verifier.verify(model, ours)
    verifier.verify(model, theirs)
    assert check(model, theirs, pair).holds
    (model / "weights/a.bin").write_bytes(b"a" * 4999 + b"c")
    with pytest.raises(ValueError, match="Signature mismatch"):
        verifier.verify(model, ours)
    assert faults(check(model, theirs, pair)) == {"weights/a.bin": "changed"}
