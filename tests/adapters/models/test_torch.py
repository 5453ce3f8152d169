"""PyTorch networks: read as operators and weights, asked in eval mode on a copy, refused with a next step."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import HeldModel, open_model, wrap_model
from holdfast.core.errors import InputError, MissingExtra, ModelError, NotRun
from holdfast.core.network import NetworkSettings

torch = pytest.importorskip("torch", reason="torch is not installed: PyTorch modules are not read")

from torch import nn  # noqa: E402  (needs torch)

from holdfast.adapters.models import torch as adapter  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function, as_probabilities, shapes  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what torch says of its own interfaces while it writes a program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def frame_of(rows: Any) -> pl.DataFrame:
    flat = np.asarray(rows).reshape(len(rows), -1)
    return pl.DataFrame({f"x{i}": flat[:, i].astype(float) for i in range(flat.shape[1])})


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x) * 0.5 - 1


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mixed = nn.Linear(6, 18)

    def forward(self, x: Any) -> Any:
        q, k, v = self.mixed(x).chunk(3, dim=-1)
        return (torch.softmax(q @ k.transpose(1, 2) / 6**0.5, -1) @ v).mean(1)[:, :3]


class Indexing(nn.Module):
    def forward(self, x: Any) -> Any:
        flat = x.view(x.size(0), -1)[:, ::2]
        joined = torch.cat([flat, 1 - flat, flat.pow(2), flat[:, 0:1], (2 * flat).clamp(min=-1)], 1)
        return joined / torch.arange(1, 1 + joined.shape[1]) - x.select(1, 0).sum(1, keepdim=True)


ACTIVATIONS = (
    nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.ELU(0.5), nn.SELU(), nn.Hardsigmoid(), nn.Hardswish(), nn.ReLU6(),
    nn.LeakyReLU(0.2), nn.Softplus(), nn.Tanh(), nn.Sigmoid(), nn.Hardtanh(-0.5, 0.75), nn.Identity(), nn.Dropout(0.5),
)  # fmt: skip
NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "convolutions": (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(), nn.Flatten(),
            nn.Linear(36, 3), nn.Softmax(1),
        ),
        (2, 6, 6),
    ),
    "activations": (nn.Sequential(nn.Linear(5, 8), *ACTIVATIONS, nn.LayerNorm(8), nn.Linear(8, 3)), (5,)),
    "residual": (nn.Sequential(nn.Linear(5, 8), Residual(nn.Linear(8, 8)), nn.ReLU(), nn.Linear(8, 2)), (5,)),
    "pools": (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding="same", dilation=2), nn.GroupNorm(2, 4), nn.AvgPool2d(3, 2, 1),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
        ),
        (2, 6, 6),
    ),
    "series": (
        nn.Sequential(
            nn.Conv1d(2, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool1d(5), nn.Flatten(), nn.Unflatten(1, (4, 5)),
            nn.ReflectionPad1d(1), nn.Flatten(), nn.Linear(28, 3), nn.LogSoftmax(-1),
        ),
        (2, 11),
    ),
    "attention": (Attention(), (4, 6)),
    "indexing": (Indexing(), (2, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_is_read_as_the_network_that_it_is(name: str) -> None:
    module, row = NETWORKS[name]
    module.eval()
    opened = wrap_model(module, network=NetworkSettings(input_shape=row))
    assert "gradients" in opened.info.capabilities, opened.info.notes
    network = opened.network()
    shapes(network)
    rows = torch.randn(6, *row)
    found = as_probabilities(as_function(network)(rows), network.link)
    np.testing.assert_allclose(found, opened.predict(frame_of(rows)).scores, atol=1e-5)


def test_softmax_at_the_end_is_left_out_of_the_network() -> None:
    module, row = NETWORKS["convolutions"]
    opened = wrap_model(module.eval(), network=NetworkSettings(input_shape=row))
    assert opened.network().link == "logits"
    assert "Softmax" not in opened.network().operators


@pytest.mark.parametrize(
    "values", [{"mean": (0.5,), "std": (0.25,)}, {"mean": (0.5, 0.1), "std": (2.0, 3.0), "scale": 255.0}]
)
def test_scaling_is_done_in_front_of_the_module_and_is_part_of_the_network(values: dict[str, Any]) -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 3)).eval()
    opened = wrap_model(module, network=NetworkSettings(input_shape=(2, 4, 4), **values))
    rows = torch.rand(5, 2, 4, 4)
    mean, std = (torch.tensor(values[name])[:, None, None] for name in ("mean", "std"))
    expected = torch.softmax(module((rows * values.get("scale", 1.0) - mean) / std), 1).detach()
    np.testing.assert_allclose(opened.predict(frame_of(rows)).scores, expected, atol=1e-5)
    np.testing.assert_allclose(torch.softmax(as_function(opened.network())(rows), 1), expected, atol=1e-5)


def test_a_module_in_training_mode_is_asked_in_eval_mode_and_left_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    opened = wrap_model(module)
    rows = torch.randn(9, 4)
    scores = opened.predict(frame_of(rows)).scores
    assert module.training
    assert all(part.training for part in module.modules())
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert all((value == before[name]).all() for name, value in module.state_dict().items())
    assert any("training mode" in note for note in opened.info.notes)
    np.testing.assert_allclose(scores, torch.softmax(module.eval()(rows), 1).detach(), atol=1e-6)


class AlwaysDrops(nn.Linear):
    def forward(self, x: Any) -> Any:
        return nn.functional.dropout(super().forward(x), 0.5, training=True)


class OfTheBatch(nn.Linear):
    def forward(self, x: Any) -> Any:
        return (
            nn.functional.batch_norm(super().forward(x), None, None, training=len(x) > 1)
            if len(x) > 1
            else super().forward(x)
        )


class Cumulates(nn.Linear):
    def forward(self, x: Any) -> Any:
        return torch.cumsum(super().forward(x), 1)


class Branches(nn.Linear):
    def forward(self, x: Any) -> Any:
        return super().forward(x) if x.sum() > 0 else -super().forward(x)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (AlwaysDrops(4, 3), "not deterministic"),
        (OfTheBatch(4, 3), "depends on the other rows"),
        (Cumulates(4, 3), "cumsum"),
        (Branches(4, 3), "cannot trace"),
    ],
)
def test_what_cannot_be_differentiated_is_only_asked_and_the_reason_is_named(module: nn.Module, said: str) -> None:
    opened = wrap_model(module.eval())
    assert any(said in note for note in opened.info.notes), opened.info.notes
    assert opened.info.capabilities == {"query", "scores"}
    assert opened.predict(frame_of(torch.randn(5, 4))).scores.shape == (5, 3)  # type: ignore[union-attr]
    with pytest.raises(NotRun, match="no neural network"):
        opened.network()


@pytest.mark.parametrize(
    ("last", "settings", "link", "capability"),
    [
        (nn.Linear(4, 1), {}, "values", "values"),
        (nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), {}, "sigmoid", "scores"),
        (nn.Linear(4, 1), {"classes": ("no", "yes")}, "sigmoid", "scores"),
        (nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), {"link": "sigmoid"}, "sigmoid", "scores"),
        (nn.Linear(4, 2), {"classes": ("no", "yes")}, "logits", "scores"),
    ],
)
def test_what_outputs_mean_is_told_by_their_look_and_the_settings(
    last: nn.Module, settings: dict[str, Any], link: str, capability: str
) -> None:
    opened = wrap_model(last.eval(), network=NetworkSettings(input_shape=(4,), **settings))
    assert opened.network().link == link
    assert capability in opened.info.capabilities
    assert opened.info.classes == settings.get("classes", ())
    rows = torch.randn(5, 4)
    answer, scores = opened.predict(frame_of(rows)), as_function(opened.network())(rows)
    if link == "values":
        np.testing.assert_allclose(scores[:, 0], answer.labels, atol=1e-6)
    else:
        np.testing.assert_allclose(as_probabilities(scores, opened.network().link), answer.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("module", "settings", "said"),
    [
        (nn.Conv2d(1, 2, 3), {}, "does not say what shape"),
        (nn.Linear(4, 3), {"classes": ("a", "b")}, "3 outputs"),
        (nn.Linear(4, 3), {"link": "sigmoid"}, "3 outputs"),
        (nn.Linear(4, 3), {"mean": (1.0, 2.0)}, "one number, or 4, as network.mean"),
        (nn.Linear(4, 3), {"std": (0.0,)}, "network.std above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(module: nn.Module, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        wrap_model(module.eval(), network=NetworkSettings(**settings))


def test_a_table_of_another_width_is_refused() -> None:
    with pytest.raises(InputError, match="takes 4 columns"):
        wrap_model(nn.Linear(4, 3).eval()).predict(frame_of(torch.randn(5, 3)))


def test_a_module_that_returns_no_tensor_is_refused() -> None:
    class Several(nn.Linear):
        def forward(self, x: Any) -> Any:
            return {"logits": super().forward(x)}

    with pytest.raises(ModelError, match="got dict"):
        wrap_model(Several(4, 3).eval())


FACTORY = b"""
import torch

def make():
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))

def wrong():
    return torch.nn.Linear(4, 3)

nothing = 7
"""
SETTINGS = NetworkSettings(factory="model.py:make", input_shape=(4,))


def trained() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


def as_safetensors(module: nn.Module) -> bytes:
    save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save
    return bytes(save(module.state_dict()))


def as_state_dict(module: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.getvalue()


def as_program(module: nn.Module) -> bytes:
    buffer = io.BytesIO()
    example, rows = torch.randn(2, 4), torch.export.Dim("n")
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=({0: rows},)), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("write", [as_safetensors, as_state_dict])
def test_weights_are_given_to_the_module_that_the_factory_makes(write: Any) -> None:
    module = trained()
    opened = adapter.load_weights(write(module), SETTINGS, factory_source=FACTORY, row_shape=())
    rows = torch.randn(5, 4)
    np.testing.assert_allclose(opened.answer(frame_of(rows)).scores, torch.softmax(module(rows), 1).detach(), atol=1e-6)
    assert "gradients" in opened.info.capabilities


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("model.py:wrong", "do not fit the module"),
        ("model.py:missing", "no function 'missing'"),
        ("model.py:nothing", "no function 'nothing'"),
    ],
)
def test_a_factory_of_another_module_is_refused(factory: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        adapter.load_weights(
            as_state_dict(trained()), NetworkSettings(factory=factory), factory_source=FACTORY, row_shape=()
        )


@pytest.mark.slow
def test_an_exported_program_answers_and_is_read() -> None:
    module = trained()
    with _quiet():
        opened = HeldModel(adapter.load_program(as_program(module), NetworkSettings()), batch_rows=99)
    rows = torch.randn(5, 4)
    expected = torch.softmax(module(rows), 1).detach()
    np.testing.assert_allclose(opened.predict(frame_of(rows)).scores, expected, atol=1e-6)
    np.testing.assert_allclose(torch.softmax(as_function(opened.network())(rows), 1), expected, atol=1e-6)


def test_weights_without_a_factory_or_without_leave_to_run_it_are_refused() -> None:
    data = as_safetensors(trained())
    with pytest.raises(InputError, match=r"(?s)weights only.*network: \{factory"):
        open_model(data, name="m.safetensors", digest="sha256:0")
    with pytest.raises(InputError, match=r"(?s)not allowed to run.*--allow-code"):
        open_model(data, name="m.safetensors", digest="sha256:0", network=SETTINGS, factory_source=FACTORY)


def test_a_program_that_nothing_vouches_for_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/models/model.json", "{}")
    with pytest.raises(InputError, match="holdfast scan"):
        open_model(buffer.getvalue(), name="m.pt2", digest="sha256:0")


def test_settings_for_a_model_of_another_kind_are_refused() -> None:
    from tests.onnx_graphs import small_cnn

    with pytest.raises(InputError, match=r"describes a PyTorch network, but m\.onnx is none"):
        open_model(small_cnn(), name="m.onnx", digest="sha256:0", network=NetworkSettings(scale=255))


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"holdfast\[torch\]"):
        adapter.load_program(b"", NetworkSettings())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["weights", "program"])
def test_files_are_opened_in_a_confined_process(kind: str, tmp_path: Path) -> None:
    module = trained()
    if kind == "weights":
        given: dict[str, Any] = {"network": SETTINGS, "factory_source": FACTORY, "allow_code": True}
        opened = open_model(as_safetensors(module), name="m.safetensors", digest="sha256:0", **given)
    else:
        with _quiet():
            data = as_program(module)
        opened = open_model(data, name="m.pt2", digest="sha256:0", vouched="scan")
    try:
        rows = torch.randn(5, 4)
        expected = torch.softmax(module(rows), 1).detach()
        np.testing.assert_allclose(opened.predict(frame_of(rows)).scores, expected, atol=1e-6)
        np.testing.assert_allclose(torch.softmax(as_function(opened.network())(rows), 1), expected, atol=1e-6)
        assert "network" in opened.info.confinement
    finally:
        opened.close()
