import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.kernels.scan.allow_list import AllowList, shipped_allow_list
from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan import gadgets
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, RIDGE, call, made, name, text

Rules = Callable[[Scan], set[str]]
FOLDER = "/nowhere/marker"
STATE = b"}" + text("alpha") + b"G" + bytes(8) + b"sb"
NEW = ("sklearn.linear_model._newer", "Newer")


def version(number: str) -> bytes:
    return b"}" + text("_sklearn_version") + text(number) + b"sb"


KERNEL = ("sklearn.gaussian_process.kernels", "RBF")
"""A class that no ordinary file holds as a value."""


@pytest.mark.parametrize(("label", "data"), [(label, data) for label, _, data in gadgets.gadgets(FOLDER)])
def test_gadget_fails(label: str, data: bytes, scan_file: ScanFile) -> None:
    assert scan_file(data).verdict == "fail", label


def test_every_gadget_really_executes(tmp_path: Path) -> None:
    folder = str(tmp_path / "made")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", gadgets.__file__, folder],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [label for label, _, _ in gadgets.gadgets(folder)]


def test_class_of_the_list_with_its_state_passes(scan_file: ScanFile) -> None:
    assert scan_file(PROTO + made(*RIDGE) + STATE + b".").verdict == "pass"


def test_new_class_of_an_unseen_version_is_not_examined(scan_file: ScanFile) -> None:
    assert scan_file(PROTO + made(*NEW) + version("99.1") + b".").verdict == "not_examined"


def test_new_class_of_an_unseen_version_that_is_rebuilt_is_not_examined(scan_file: ScanFile) -> None:
    rebuilt = call("copyreg", "_reconstructor", name(*NEW), name("builtins", "object"), b"N")
    assert scan_file(PROTO + rebuilt + version("99.1") + b".").verdict == "not_examined"


def test_new_class_in_compiled_code_of_an_unseen_version_is_not_examined(scan_file: ScanFile) -> None:
    module = "sklearn._loss._loss"
    built = call(module, "__pyx_unpickle_CyNew", name(module, "CyNew"), b"K\x01", b")")
    assert scan_file(PROTO + b"(" + built + made(*RIDGE) + version("99.1") + b"t.").verdict == "not_examined"


def test_unlisted_class_of_a_known_version_fails(scan_file: ScanFile) -> None:
    known = max(shipped_allow_list().versions["sklearn"])
    assert scan_file(PROTO + made(*NEW) + version(known) + b".").verdict == "fail"


@pytest.mark.parametrize("unlisted", [("sklearn.utils._newer", "helper"), ("os", "system"), ("numpy", "load")])
def test_unlisted_callable_of_an_unseen_version_fails(unlisted: tuple[str, str], scan_file: ScanFile) -> None:
    data = PROTO + b"(" + made(*RIDGE) + version("99.1") + call(*unlisted, text("x")) + b"t."
    assert scan_file(data).verdict == "fail"


def test_unlisted_function_as_a_value_fails_whatever_the_version(scan_file: ScanFile) -> None:
    data = PROTO + b"(" + made(*RIDGE) + version("99.1") + name("sklearn.utils._newer", "helper") + b"t."
    assert scan_file(data).verdict == "fail"


@pytest.mark.parametrize(
    ("module", "kind", "verdict"),
    [
        ("torch.nn.modules.newer", "Newer", "not_examined"),
        ("pandas.core.indexes.numeric", "Int64Index", "not_examined"),
        ("torch.fx.graph_module", "GraphModule", "fail"),
        ("torch.package.importer", "Importer", "fail"),
        ("numpy.f2py.newer", "Newer", "fail"),
        ("elsewhere.models", "Model", "fail"),
    ],
)
def test_class_of_a_library_without_version_is_unseen_only_beside_known_classes(
    module: str, kind: str, verdict: str, scan_file: ScanFile
) -> None:
    assert scan_file(PROTO + made(module, kind) + STATE + b".").verdict == verdict


@pytest.mark.parametrize(
    "data",
    [
        PROTO + name("numpy", "ndarray") + b"}" + text("x") + b"Nsb.",
        PROTO + b"\x82\x01)R.",
        PROTO + name(*KERNEL) + b".",
        PROTO + call("builtins", "getattr", name(*RIDGE), text("fit")) + b".",
        PROTO + call("collections", "defaultdict", name("os", "getpid")) + b".",
        PROTO + made("collections", "OrderedDict") + b"(" + text("__class__") + b"Nu.",
        PROTO + text("a") + b"Q.",
        PROTO + b"]N)R.",
        PROTO + name("ｎumpy", "log1p") + b".",
        PROTO + made(*RIDGE) + b"}\x94bh\x00" + text("__setstate__") + b"Ns.",
        PROTO + call("torch._utils", "_rebuild_parameter_with_state", made("torch", "Tensor"), b"\x88", b"N",
                     b"}" + text("__class__") + name(*RIDGE) + b"s") + b".",
    ],
    ids=["state of a class", "extension", "class as value", "attribute", "factory", "item", "identifier", "called list",
         "lookalike", "late key", "attributes by call"],
)  # fmt: skip
def test_use_that_no_rule_allows_fails(data: bytes, scan_file: ScanFile) -> None:
    assert scan_file(data).verdict == "fail"


def test_reference_cannot_be_hidden_by_using_the_same_arguments_again(scan_file: ScanFile) -> None:
    rebuilt = name("copyreg", "_reconstructor") + b"\x94" + name(*KERNEL) + name("builtins", "object") + b"N\x87\x94R"
    data = PROTO + b"(" + rebuilt + b"h\x00h\x01R" * 3 + name(*KERNEL) + b"t."
    assert scan_file(data).verdict == "fail"


def test_state_of_something_only_a_call_returned_is_judged(scan_file: ScanFile) -> None:
    made_of = call("pandas._libs.tslibs.nattype", "_nat_unpickle", b"N")
    assert scan_file(PROTO + made_of + b"}b.").verdict == "fail"


def test_special_name_is_known_after_much_was_memoized(scan_file: ScanFile) -> None:
    memoized = b"N\x940" * 120_010 + text("_attach_methods") + b"\x940"
    data = memoized + made("scipy.stats._continuous_distns", "norm_gen") + b"}j" + (120_010).to_bytes(4, "little")
    assert scan_file(PROTO + data + name("numpy", "log1p") + b"sb.").verdict == "fail"


def test_names_are_translated_as_python_does(rules: Rules, scan_file: ScanFile) -> None:
    for protocol in (b"", b"\x80\x02"):
        assert scan_file(protocol + b"c__builtin__\nset\n(]tR.").verdict == "pass"
    assert scan_file(b"\x80\x03c__builtin__\nset\n(]tR.").verdict == "fail"


def test_bytes_that_torch_loads_in_turn_are_followed_as_a_pickle(scan_file: ScanFile) -> None:
    inside = b"cposix\nsystem\n(Vls\ntR."
    data = PROTO + call("torch.storage", "_load_from_bytes", b"C" + bytes([len(inside)]) + inside) + b"."
    assert scan_file(data).verdict == "fail"


def test_nothing_is_allowed_by_an_empty_list(scan_file: ScanFile) -> None:
    assert scan_file(PROTO + name("numpy", "log1p") + b".", allow=AllowList({})).verdict == "fail"
