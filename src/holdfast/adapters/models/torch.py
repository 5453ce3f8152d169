"""PyTorch networks: a module of this process, weights with the function that makes their module, exported programs.

Only a copy in eval mode is ever run, so that batch normalisation and dropout do what they do in use and nothing that is
learnt by running it reaches the user's object.
"""

from __future__ import annotations

import copy
import importlib
import io
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, columns
from holdfast.adapters.models.network_writing import Script
from holdfast.adapters.models.torch_export import read_module, read_program
from holdfast.core.errors import InputError, MissingExtra, ModelError, NotRun
from holdfast.core.network import NetworkLink, NetworkSettings, RawNetwork
from holdfast.core.subject import AS_IS, Capability, ModelInfo, RawPredictions, Settings

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter

PROBE_ROWS = 8
# numbers of one chunk of rows: what is held between layers is a few times as much
CHUNK_CELLS = 1 << 20
SHAPE_HINT = "state the shape of one row, such as network: {input_shape: [1, 28, 28]}, in holdfast.yaml"


@dataclass(frozen=True, slots=True)
class Runnable:
    """A network in eval mode: how it is run, and how it is read."""

    forward: Callable[[Any], Any]
    read: Callable[[NetworkLink, Callable[[Script], str]], RawNetwork]
    row: tuple[int, ...]
    description: str
    notes: tuple[str, ...] = ()


def of_module(module: Any, settings: NetworkSettings, *, row_shape: tuple[int, ...] = ()) -> TorchModel:
    """Wrap a module of this process; a copy of it in eval mode is what is audited.

    Raises
    ------
    InputError
        When it is not known what shape its rows have.
    """
    try:
        own = copy.deepcopy(module).eval().to("cpu").float().requires_grad_(False)
    except Exception as error:
        raise InputError(
            f"the module {type(module).__qualname__} cannot be copied: {type(error).__name__}: {str(error)[:200]}",
            hint="give a function of a numpy array, which is only asked for answers",
        ) from None
    was_training = [name or "the module itself" for name, part in module.named_modules() if part.training]
    notes: tuple[str, ...] = ()
    if was_training:
        shown = f"{was_training[0]}" + (f" and {len(was_training) - 1} more parts" if len(was_training) > 1 else "")
        notes = (f"The module was in training mode ({shown}): a copy of it in eval mode is audited.",)
    row = settings.input_shape or row_shape or _row_of_first_layer(own)
    description = f"PyTorch module {type(module).__qualname__}"
    runnable = Runnable(
        own, lambda link, before: read_module(own, row=row, link=link, before=before), row, description, notes
    )
    return TorchModel(runnable, settings)


def load_weights(
    data: bytes, settings: NetworkSettings, *, factory_source: bytes, row_shape: tuple[int, ...]
) -> TorchModel:
    """Make the module by its factory, and give it the weights: of a safetensors file, or a state dict without pickles.

    Called in the model's own process, because the factory is code.
    """
    torch = _torch()
    module = _made(settings.factory, factory_source)
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"the factory {settings.factory} made {type(module).__qualname__}, expected a torch.nn.Module")
    try:
        if data.startswith(b"PK"):
            weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        else:
            weights = importlib.import_module("safetensors.torch").load(data)
        module.load_state_dict(weights)
    except ModuleNotFoundError:
        raise MissingExtra("reading a safetensors file", "torch") from None
    except Exception as error:  # of several libraries, each with errors of its own
        raise InputError(
            f"the weights do not fit the module that {settings.factory} makes: {' '.join(str(error).split())[:400]}",
            hint="name the factory of the architecture that was trained",
        ) from None
    return of_module(module.eval(), settings, row_shape=row_shape)


def load_program(data: bytes, settings: NetworkSettings) -> TorchModel:
    """Load an exported program, whose scan has passed."""
    torch = _torch()
    try:
        program = torch.export.load(io.BytesIO(data))
        run = program.module()
    except Exception as error:  # whatever a damaged archive makes torch raise
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"torch {torch.__version__} cannot load this program: {type(error).__name__}: {said}",
            hint="export it again with this version of torch, or to ONNX",
        ) from None
    shapes = [tuple(node.meta["val"].shape) for node in program.graph.nodes if node.op == "placeholder"]
    named = [node.name for node in program.graph.nodes if node.op == "placeholder"]
    given = [shape for shape, name in zip(shapes, named, strict=True) if name in program.graph_signature.user_inputs]
    if len(given) != 1 or isinstance(given[0][0], int) or not all(isinstance(size, int) for size in given[0][1:]):
        raise InputError(
            f"the program takes inputs of the shapes {given}, expected one batch of any number of rows",
            hint="export it with torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim('n')},))",
        )
    row = given[0][1:]
    runnable = Runnable(
        run,
        lambda link, before: read_program(program, row=row, link=link, before=before),
        row,
        "PyTorch exported program",
    )
    return TorchModel(runnable, settings)


class TorchModel:
    """A network and what its outputs mean."""

    def __init__(self, runnable: Runnable, settings: NetworkSettings) -> None:
        self._torch = _torch()
        self._runnable, self._settings = runnable, settings
        self._row = runnable.row
        self._mean, self._std = (_by_channel(getattr(settings, name), self._row, name) for name in ("mean", "std"))
        if (self._std <= 0).any() or not settings.scale:
            raise InputError("expected network.std above 0 and a network.scale that is not 0 in holdfast.yaml")
        self._network: RawNetwork | None = None
        self._link, self.info = self._settled()

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Run it on a batch."""
        columns.require_width(X, math.prod(self._row))
        outputs = self._outputs(columns.numeric_matrix(X))
        if self._link == "values":
            return RawPredictions(labels=outputs[:, 0], scores=None)
        if self._link == "logits":
            return RawPredictions(labels=None, scores=answers.softmax(outputs))
        if self._link == "probabilities":
            return RawPredictions(labels=None, scores=outputs)
        positive = 1 / (1 + np.exp(-outputs[:, 0])) if self._link == "sigmoid" else outputs[:, 0]
        return RawPredictions(labels=None, scores=answers.two_columns(positive))

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """A module holds no training procedure."""
        raise ModelError("a PyTorch module cannot be trained again by itself", hint="give a trainer beside it")

    def network(self) -> RawNetwork:
        """Return the network, as it was read when the model was opened."""
        assert self._network is not None
        return self._network

    def _outputs(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Run it, some rows at a time, and refuse what is no row of numbers for each."""
        size = max(1, CHUNK_CELLS // math.prod(self._row))
        with self._torch.inference_mode():
            parts = [self._ran(rows[start : start + size]) for start in range(0, len(rows), size)]
        return np.concatenate(parts)

    def _ran(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        shaped = rows.reshape(len(rows), *self._row)
        given = ((shaped * self._settings.scale - self._mean) / self._std).astype(np.float32)
        found = self._runnable.forward(self._torch.from_numpy(given))
        if not isinstance(found, self._torch.Tensor):
            raise ModelError(
                f"expected a tensor of scores from the PyTorch module, got {type(found).__qualname__}",
                hint="wrap it in a module that returns the logits only",
            )
        values = np.asarray(found.detach().cpu().double())
        if values.ndim == 1 or (values.ndim > 2 and values.size == len(rows) * values.shape[1]):
            values = values.reshape(len(rows), -1) if values.ndim > 1 else values[:, None]
        if values.ndim != 2 or len(values) != len(rows):
            raise ModelError(f"expected one row of scores for each of {len(rows)} rows, got the shape {values.shape}")
        return values

    def _settled(self) -> tuple[NetworkLink, ModelInfo]:
        """Run it on made-up rows: what do its outputs mean, and does it answer the same twice."""
        notes = list(self._runnable.notes)
        rng, n_cells = np.random.default_rng(0), math.prod(self._row)
        # some rows as images are, some far outside of them, where what only looks like a probability does not stay one
        probe = np.concatenate([rng.random((PROBE_ROWS, n_cells)), rng.normal(0, 10, (PROBE_ROWS, n_cells))])
        first, second = self._outputs(probe), self._outputs(probe)
        width, classes = first.shape[1], self._settings.classes
        link = self._settings.link or _looks_like(first, classes, notes)
        n_outputs = width if width > 1 else 2
        if (width > 1) != (link in ("logits", "probabilities")) or (classes and len(classes) != n_outputs):
            raise InputError(
                f"the network gives {width} outputs, which does not go with network.link {link!r} and the "
                f"{len(classes)} classes {list(classes)[:10]} of holdfast.yaml",
                hint="list one class for each output; one output alone is a sigmoid, a probability or values",
            )
        is_stable = self._is_stable(probe, first, second, notes)
        notes.append(f"The network takes rows of the shape {list(self._row)}; columns fill it in table order.")
        found: set[Capability] = {"query", "values" if link == "values" else "scores"}
        if is_stable and self._read(link, notes):
            found.add("gradients")
        info = ModelInfo(
            format="torch",
            description=self._runnable.description,
            capabilities=frozenset(found),
            classes=classes if link != "values" else (),
            n_outputs=None if link == "values" else n_outputs,
            notes=tuple(notes),
        )
        return link, info

    def _is_stable(
        self, probe: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64], notes: list[str]
    ) -> bool:
        apart = float(np.abs(first - second).max())
        if apart > 0 or not np.array_equal(np.isnan(first), np.isnan(second)):
            notes.append(
                "The model is not deterministic: asked twice about the same rows, its outputs differ by up to "
                f"{apart:.2g}. What is measured of it changes from run to run. It is only asked for answers."
            )
            return False
        alone = np.concatenate([self._outputs(row[None]) for row in probe[:2]])
        if not np.allclose(alone, first[:2], rtol=1e-3, atol=1e-3, equal_nan=True):
            notes.append(
                "A row's answer depends on the other rows that are asked about with it, as it does with batch "
                "normalisation that is not in eval mode: it is only asked for answers, without gradients."
            )
            return False
        return True

    def _read(self, link: NetworkLink, notes: list[str]) -> bool:
        try:
            self._network = self._runnable.read(link, self._write_scaling)
        except NotRun as error:
            notes.append(f"{error.message[0].upper()}{error.message[1:]}; it is only asked for answers.")
        return self._network is not None

    def _write_scaling(self, script: Script) -> str:
        """Write what is done to the inputs first."""
        x = "input"
        if self._settings.scale != 1:
            x = script.step("Mul", x, script.constant(self._settings.scale, "scale"), name="scaled")
        if self._settings.mean:
            x = script.step("Sub", x, script.constant(self._mean, "mean"), name="centred")
        if self._settings.std:
            x = script.step("Div", x, script.constant(self._std, "std"), name="standardised")
        return x


def _looks_like(outputs: NDArray[np.float64], classes: tuple[Any, ...], notes: list[str]) -> NetworkLink:
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    if outputs.shape[1] > 1:
        if inside and answers.are_probabilities(outputs):
            return "probabilities"
        notes.append("The network's outputs are taken as logits: their softmax gives the scores.")
        return "logits"
    if inside:
        notes.append("The single output is read as the probability of the second class.")
        return "probability"
    if len(classes) == 2:
        notes.append("The single output is read as the logit of the second class: its sigmoid gives the score.")
        return "sigmoid"
    notes.append(
        "The single output is read as the value of a regression; network.link in holdfast.yaml says otherwise."
    )
    return "values"


def _by_channel(numbers: tuple[float, ...], row: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """Shape one number, or one for each channel, so that it applies to a row."""
    values = np.asarray(numbers or (1.0 if name == "std" else 0.0,), dtype=np.float64)
    if values.size not in (1, row[0]) or not np.isfinite(values).all():
        raise InputError(
            f"expected one number, or {row[0]}, as network.{name} in holdfast.yaml for rows of the shape {list(row)}, "
            f"got {list(numbers)[:5]}"
        )
    return values.reshape(-1, *(1,) * (len(row) - 1))


def _row_of_first_layer(module: Any) -> tuple[int, ...]:
    """Take the width of the first layer, where that is a plain one."""
    torch = _torch()
    first = next((part for part in module.modules() if next(part.parameters(recurse=False), None) is not None), None)
    if isinstance(first, torch.nn.Linear):
        return (int(first.in_features),)
    raise InputError(f"the module {type(module).__qualname__} does not say what shape its rows have", hint=SHAPE_HINT)


def _made(factory: str, source: bytes) -> Any:
    place, _, name = factory.rpartition(":")
    if source:
        made: Any = types.ModuleType("holdfast_factory")
        exec(compile(source, place, "exec"), made.__dict__)  # noqa: S102  (the user allowed it, by --allow-code)
    else:
        made = importlib.import_module(place)
    function = getattr(made, name, None)
    if not callable(function):
        raise InputError(f"there is no function {name!r} in {place}", hint="name the factory as file.py:function")
    return function()


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise MissingExtra("a PyTorch network", "torch") from None
