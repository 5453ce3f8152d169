import io
import pickle
import zipfile
from collections.abc import Callable

import pytest

from holdfast.kernels.scan.pytorch_archive import MAGIC
from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import call, name, text

Rules = Callable[[Scan], set[str]]
PROTO = b"\x80\x02"


def storage(key: str, count: int, kind: str = "FloatStorage", *, extra: bytes = b"") -> bytes:
    asked = (
        b"("
        + text("storage")
        + name("torch", kind)
        + text(key)
        + text("cpu")
        + b"J"
        + count.to_bytes(4, "little", signed=True)
    )
    return asked + extra + b"tQ"


def tensor(stored: bytes, size: int = 6) -> bytes:
    extent = b"K" + bytes([size]) + b"\x85"
    return call("torch._utils", "_rebuild_tensor_v2", stored, b"K\x00", extent, b"K\x01\x85", b"\x89", b"N")


def archive(object_: bytes, members: dict[str, bytes], root: str = "model/") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr(f"{root}data.pkl", object_)
        for key, content in {"byteorder": b"little", "version": b"3\n", **members}.items():
            made.writestr(root + key, content)
    return held.getvalue()


def legacy(object_: bytes, behind: bytes, keys: tuple[str, ...] = ("7",)) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return MAGIC + pickle.dumps(1001, 2) + pickle.dumps(system, 2) + object_ + pickle.dumps(list(keys), 2) + behind


def test_tensor_whose_storage_is_a_member_passes(scan_file: ScanFile) -> None:
    found = scan_file(archive(PROTO + tensor(storage("0", 6)) + b".", {"data/0": bytes(24)}))
    assert found.observations == ()


@pytest.mark.parametrize(
    ("count", "members", "rule"),
    [
        (6, {}, "malformed torch.storage"),
        (6, {"data/0": bytes(20)}, "malformed torch.storage"),
        (600, {"data/0": bytes(24)}, "malformed torch.storage"),
        (-6, {"data/0": bytes(24)}, "malformed torch.storage"),
        (6, {"data/0": bytes(24), "data/1": bytes(8)}, "suspicious torch.unreferenced"),
    ],
)
def test_storage_that_is_not_as_the_pickle_says_is_found(
    count: int, members: dict[str, bytes], rule: str, scan_file: ScanFile, rules: Rules
) -> None:
    assert rule in rules(scan_file(archive(PROTO + tensor(storage("0", count)) + b".", members)))


def test_storage_of_another_name_is_found(scan_file: ScanFile, rules: Rules) -> None:
    data = archive(PROTO + tensor(storage("../version", 6)) + b".", {"data/0": bytes(24)})
    assert "malformed torch.storage" in rules(scan_file(data))


def test_type_that_is_not_known_is_not_examined(scan_file: ScanFile, rules: Rules) -> None:
    data = archive(PROTO + tensor(storage("0", 6, "TypedStorage")) + b".", {"data/0": bytes(24)})
    assert "not_examined torch.storage" in rules(scan_file(data))


@pytest.mark.parametrize("file", ["data.pkl", "DATA.PKL"])
def test_object_of_an_archive_is_a_pickle_whatever_it_looks_like(file: str, scan_file: ScanFile) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr(f"model/{file}", b"I1\n0" * 9 + b"cposix\nsystem\n(Vls\ntR.")
        made.writestr("model/version", b"3\n")
    assert scan_file(held.getvalue()).verdict == "fail"


def test_object_that_is_no_pickle_is_malformed(scan_file: ScanFile) -> None:
    assert scan_file(archive(b"just text", {})).verdict == "not_examined"


def test_file_of_the_old_format_passes(scan_file: ScanFile) -> None:
    data = legacy(PROTO + tensor(storage("7", 6, extra=b"N")) + b".", (6).to_bytes(8, "little") + bytes(24))
    found = scan_file(data)
    assert (found.format, found.observations) == ("torch", ())


@pytest.mark.parametrize("behind", [b"", (6).to_bytes(8, "little") + bytes(20), (5).to_bytes(8, "little") + bytes(24)])
def test_old_storage_of_another_size_is_malformed(behind: bytes, scan_file: ScanFile) -> None:
    data = legacy(PROTO + tensor(storage("7", 6, extra=b"N")) + b".", behind)
    assert scan_file(data).verdict == "not_examined"


def test_bytes_behind_the_old_storages_are_found(scan_file: ScanFile) -> None:
    data = legacy(
        PROTO + tensor(storage("7", 6, extra=b"N")) + b".", (6).to_bytes(8, "little") + bytes(24) + b"cos\nsystem\n"
    )
    assert scan_file(data).verdict == "fail"


def test_call_in_the_old_format_fails(scan_file: ScanFile) -> None:
    assert scan_file(legacy(PROTO + call("os", "system", text("ls")) + b".", b"", ())).verdict == "fail"


def test_module_of_the_old_format_passes(scan_file: ScanFile) -> None:
    linear = name("torch.nn.modules.linear", "Linear")
    asked = b"(" + text("module") + linear + text("linear.py") + text("class Linear") + b"tQ"
    assert scan_file(legacy(PROTO + asked + b")\x81}b.", b"", ())).verdict == "pass"


def test_module_that_is_not_listed_fails(scan_file: ScanFile) -> None:
    asked = b"(" + text("module") + name("mine", "Net") + text("net.py") + text("class Net") + b"tQ"
    assert scan_file(legacy(PROTO + asked + b")\x81}b.", b"", ())).verdict == "fail"
