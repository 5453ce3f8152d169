"""A network is compared with the model's own answers before anything is done with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import OnnxModel, load
from holdfast.adapters.models.opening import HeldModel
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.deployment import Deployment
from holdfast.core.errors import MissingExtra, NotRun
from holdfast.core.network import RawNetwork, Step
from holdfast.core.subject import Table
from tests.onnx_graphs import model, node, small_cnn, weights


def images(n: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.random(n) for i in range(36)})
    return frame.with_columns(y=pl.Series(rng.integers(0, 3, n)))


def subject_of(opened: Any, frame: pl.DataFrame | None = None) -> AuditSubject:
    frame = images() if frame is None else frame
    test = Table(name="test", frame=frame, digest="sha256:0")
    deployment = Deployment()
    facts = settle(deployment, target="y", train=None, test=test, model=opened)
    return AuditSubject(facts=facts, deployment=deployment, test=test, model=opened)


class Changed:
    """A model that shows another network than it is."""

    def __init__(self, real: OnnxModel, shown: RawNetwork) -> None:
        self._real, self._shown = real, shown
        self.info = real.info

    def answer(self, X: pl.DataFrame) -> Any:
        return self._real.answer(X)

    def network(self) -> RawNetwork:
        return self._shown


def showing(data: bytes, **changes: Any) -> AuditSubject:
    real = load(data)
    return subject_of(HeldModel(Changed(real, replace(real.network(), **changes)), batch_rows=1000))


def with_torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")


@pytest.mark.parametrize("after", [(), ("Softmax",)])
def test_a_network_that_answers_as_the_model_does_is_handed_out(after: tuple[str, ...]) -> None:
    with_torch()
    made = subject_of(HeldModel(load(small_cnn(*after)), batch_rows=1000))
    network = made.network()
    assert network.link == "logits"
    assert made.network() is network


def test_a_network_with_other_weights_is_refused_with_how_far_it_is_off() -> None:
    with_torch()
    real = load(small_cnn("Softmax")).network()
    other = {name: value + np.float32(0.1) for name, value in real.constants.items()}
    with pytest.raises(NotRun, match=r"scores differ by up to 0\.\d+, and by more than 0\.001 in \d+ of 64 rows"):
        showing(small_cnn("Softmax"), constants=other).network()


def test_quantised_networks_and_half_precision_may_be_further_off() -> None:
    """Their runtimes add with larger errors; what was read of them is still to be the network."""
    with_torch()
    real = load(small_cnn("Softmax")).network()
    exact = [Step(op="Mul", inputs=(real.output, "step"), output="q")]
    quantised = [Step(op="QuantizeLinear", inputs=(real.output, "step", "zero"), output="i",
                      attributes={"low": -128, "high": 127}),
                 Step(op="Mul", inputs=("i", "step"), output="q")]  # fmt: skip
    half = [Step(op="Cast", inputs=(real.output,), output="h", attributes={"to": 10}),
            Step(op="Mul", inputs=("h", "step"), output="q")]  # fmt: skip
    for steps, width in ((quantised, 0.3), (half, 1.003)):
        constants = {**real.constants, "step": np.float32(width), "zero": np.float32(0)}
        changed = {"constants": constants, "output": "q"}
        assert showing(small_cnn("Softmax"), steps=(*real.steps, *steps), **changed).network()
        wrong = {**constants, "u": real.constants[real.steps[-1].inputs[2]] + np.float32([9, 0, -9])}
        last = replace(real.steps[-1], inputs=(*real.steps[-1].inputs[:2], "u"))
        with pytest.raises(NotRun, match="differ by up to"):
            showing(small_cnn("Softmax"), steps=(*real.steps[:-1], last, *steps), output="q", constants=wrong).network()
    plain = {"constants": {**real.constants, "step": np.float32(1.03)}, "output": "q"}
    with pytest.raises(NotRun, match="differ by up to"):
        showing(small_cnn("Softmax"), steps=(*real.steps, *exact), **plain).network()


def test_a_network_with_its_classes_in_another_order_is_refused() -> None:
    with_torch()
    real = load(small_cnn("Softmax")).network()
    turned = Step(op="Gather", inputs=(real.output, "order"), output="turned", attributes={"axis": 1})
    with pytest.raises(NotRun, match="scores differ"):
        showing(
            small_cnn("Softmax"),
            steps=(*real.steps, turned),
            constants={**real.constants, "order": np.array([1, 2, 0])},
            output="turned",
        ).network()


def test_a_network_whose_rows_meet_is_refused_before_it_runs() -> None:
    with_torch()
    real = load(small_cnn()).network()
    mixed = Step(op="Softmax", inputs=(real.output,), output="mixed", attributes={"axis": 0})
    with pytest.raises(NotRun, match="does not treat each row by itself"):
        showing(small_cnn(), steps=(*real.steps, mixed), output="mixed").network()


def test_an_operator_that_is_not_known_is_named() -> None:
    with_torch()
    real = load(small_cnn()).network()
    unknown = Step(op="GridSample", inputs=(real.output,), output="g")
    with pytest.raises(NotRun, match="GridSample"):
        showing(small_cnn(), steps=(*real.steps, unknown), output="g").network()


def test_values_of_a_regression_are_compared_too() -> None:
    with_torch()
    data = model([node("Gemm", "x w", "y")], row=[3], constants={"w": weights(3, 1)}, width=1)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({name: rng.normal(size=30) for name in "abcy"})
    assert subject_of(HeldModel(load(data), batch_rows=99), frame).network().link == "values"
    real = load(data)
    doubled = replace(real.network(), constants={"w": real.network().constants["w"] * 2})
    with pytest.raises(NotRun, match="values, as a share of the largest, differ"):
        subject_of(HeldModel(Changed(real, doubled), batch_rows=99), frame).network()


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = subject_of(HeldModel(load(small_cnn()), batch_rows=1000))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"holdfast\[torch\]"):
        made.network()


def test_a_model_of_another_kind_is_told_what_to_give() -> None:
    from tests.auditing.fixed_model import FixedModel

    made = subject_of(FixedModel(labels=[0, 1, 2] * 66 + [0, 0], classes=(0, 1, 2)))
    with pytest.raises(NotRun, match="no neural network"):
        made.network()
