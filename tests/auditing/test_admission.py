from __future__ import annotations

import io
import pickle
from datetime import date
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.auditing.admission import Admission, admit
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.policy.approvals import Approval, Artefacts
from holdfast.policy.rules import Policy

HOSTILE = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."
HOSTILE_ONNX_NAME = "model.onnx"


def ordinary(compress: int = 0) -> bytes:
    X = np.random.default_rng(0).normal(size=(40, 2))
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression().fit(X, X[:, 0] > 0), buffer, compress=compress)
    return buffer.getvalue()


def approving(data: bytes, expires: date) -> Policy:
    approval = Approval(digest=digest_bytes(data), owner="Ada", reason="read it", expires=expires)
    return Policy(artefacts=Artefacts(approved=(approval,)))


def admitted(
    data: bytes, folder: Path, *, name: str = "model.pkl", policy: Policy | None = None, trust: object = False
) -> Admission:
    copy = folder / "copy"
    copy.write_bytes(data)
    return admit(
        copy,
        data,
        name=name,
        digest=digest_bytes(data),
        policy=policy or Policy(),
        trust_pickle=trust,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("compress", [0, 3])
def test_an_ordinary_joblib_file_is_vouched_for_by_its_scan(compress: int, tmp_path: Path) -> None:
    found = admitted(ordinary(compress), tmp_path, name="model.joblib")
    assert (found.vouched, found.notes, found.file.path) == ("scan", (), "model.joblib")


def test_a_hostile_pickle_is_refused_with_reasons_and_ways_on(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"model\.pkl is not loaded, because its scan failed: .*builtins:eval"
    ) as caught:
        admitted(HOSTILE, tmp_path)
    for way in ("holdfast scan model.pkl", digest_bytes(HOSTILE), "--trust-pickle"):
        assert way in caught.value.hint


def test_a_pickle_that_could_not_be_examined_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not all of it could be examined"):
        admitted(pickle.dumps([1.0] * 50, protocol=4)[:-1], tmp_path)


def test_an_approved_pickle_is_admitted_and_the_report_says_by_whom(tmp_path: Path) -> None:
    found = admitted(HOSTILE, tmp_path, policy=approving(HOSTILE, date.max))
    assert (found.vouched, found.file.outcome) == ("policy", "approved")
    assert "approved by Ada" in found.notes[0]


def test_an_expired_approval_admits_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not loaded"):
        admitted(HOSTILE, tmp_path, policy=approving(HOSTILE, date(2020, 1, 1)))


def test_a_forced_pickle_is_admitted_without_a_voucher_and_with_a_note(tmp_path: Path) -> None:
    found = admitted(HOSTILE, tmp_path, trust=True)
    assert found.vouched == ""
    assert "because of --trust-pickle" in found.notes[0]


def custom_operator() -> bytes:
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Run", ["x"], ["y"], domain="evil.ops")
    return helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:])).SerializeToString()


@pytest.mark.parametrize("trust", [False, True])
def test_a_failing_file_that_is_no_pickle_is_refused_even_when_forced(trust: bool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.onnx is not loaded") as caught:
        admitted(custom_operator(), tmp_path, name="model.onnx", trust=trust)
    assert "--trust-pickle" not in caught.value.hint


def test_a_failing_file_that_is_no_pickle_is_admitted_when_approved(tmp_path: Path) -> None:
    data = custom_operator()
    assert admitted(data, tmp_path, name="model.onnx", policy=approving(data, date.max)).vouched == "policy"
