"""The Open Inference Protocol, version 2: metadata of the model, and inference with named tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from holdfast.adapters.models import columns
from holdfast.adapters.models.http_answers import Returned, flat_array
from holdfast.adapters.models.http_cells import DATATYPES, DECIMAL, WHOLE, cells, datatype_of, encoded
from holdfast.adapters.models.http_client import HttpClient
from holdfast.core.endpoint import Endpoint
from holdfast.core.errors import InputError, ModelError, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

LABELS = ("label", "labels", "output_label", "class", "predicted_label")
SCORES = ("probabilities", "predict_proba", "probability", "output_probability", "scores", "proba")
KINDS: dict[str, frozenset[type]] = {
    "BYTES": frozenset({str}),
    "BOOL": frozenset({bool}),
    **dict.fromkeys(WHOLE, frozenset({int})),
    **dict.fromkeys(DECIMAL, frozenset({int, float, type(None)})),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, datatype and shape of an input or output, as the server states them."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def is_column(self) -> bool:
        """Whether it holds one cell per row."""
        return len(self.shape) <= 1 or (len(self.shape) == 2 and self.shape[1] == 1)


class OpenInference:
    """Speaks to ``<url>`` (metadata) and ``<url>/infer``.

    Attributes
    ----------
    description, inputs
        The model in one line; names of its columns, where the server takes them one by one.
    """

    def __init__(self, client: HttpClient, endpoint: Endpoint) -> None:
        self._client = client
        self._request, self._response = endpoint.request, endpoint.response
        self._url = client.address.url.removesuffix("/infer")
        stated = client.get(self._url, doing="saying what it is")
        self._stated = _tensors(stated, "inputs")
        self._outputs = _chosen(_tensors(stated, "outputs"), endpoint)
        self.inputs = () if self._takes_matrix else tuple(tensor.name for tensor in self._stated)
        self.description = _description(stated, client.address.shown)

    def ask(self, X: pl.DataFrame) -> Returned:
        """Send rows and return what came back for them."""
        tensors = self._matrix(X) if self._takes_matrix or self._looks_like_matrix(X) else self._columns(X)
        document: dict[str, Any] = {"inputs": tensors}
        if self._request.parameters:
            document["parameters"] = dict(self._request.parameters)
        if self._outputs:
            document["outputs"] = [{"name": name} for name in self._outputs.values()]
        answer = self._client.post(f"{self._url}/infer", encoded(document), doing=f"answering {X.height} rows")
        return self._read(answer, X.height)

    @property
    def _takes_matrix(self) -> bool:
        if self._request.layout != "auto":
            return self._request.layout == "matrix"
        return len(self._stated) == 1 and not self._stated[0].is_column

    def _looks_like_matrix(self, X: pl.DataFrame) -> bool:
        """Servers of numeric models that state no inputs usually take one tensor."""
        is_open = self._request.layout == "auto" and not self._stated
        return is_open and X.width > 1 and all(map(columns.is_number, X.dtypes))

    def _columns(self, X: pl.DataFrame) -> list[dict[str, Any]]:
        stated = {tensor.name: tensor for tensor in self._stated}
        chosen = columns.select(X, self.inputs) if self.inputs else X
        tensors = []
        for column in chosen.iter_columns():
            tensor = stated.get(column.name)
            datatype = tensor.datatype if tensor else datatype_of(column)
            shape = [X.height, 1] if tensor is None or len(tensor.shape) == 2 else [X.height]
            data = cells(column, missing=self._request.missing, datatype=datatype)
            tensors.append({"name": column.name, "shape": shape, "datatype": datatype, "data": data})
        return tensors

    def _matrix(self, X: pl.DataFrame) -> list[dict[str, Any]]:
        stated = self._stated[0] if self._stated else Tensor(self._request.tensor, "FP64", (-1, -1))
        if len(stated.shape) != 2:
            raise InputError(
                f"expected an input of shape (rows, columns), the endpoint takes {list(stated.shape)}",
                hint="tables are supported; images and sequences are not",
            )
        if stated.shape[1] > 0:
            columns.require_width(X, stated.shape[1])
        by_column = [cells(c, missing=self._request.missing, datatype=stated.datatype) for c in X.iter_columns()]
        data = list(chain.from_iterable(zip(*by_column, strict=True)))
        return [{"name": stated.name, "shape": [X.height, X.width], "datatype": stated.datatype, "data": data}]

    def _read(self, answer: Any, rows: int) -> Returned:
        outputs = answer.get("outputs") if isinstance(answer, dict) else None
        if not isinstance(outputs, list) or not all(isinstance(item, dict) for item in outputs):
            raise ModelError(f"expected a list of outputs from the endpoint, got {_kind(answer)} without one")
        found = {str(item.get("name")): item for item in outputs}
        wanted = self._outputs or roles(tuple(found))
        if not wanted:
            raise _unclear(tuple(found))
        for name in wanted.values():
            if name not in found:
                raise ModelError(f"the endpoint sent no output {name!r}", hint=did_you_mean(name, found))
        arrays = {role: _array(found[name], name, rows) for role, name in wanted.items()}
        return Returned(arrays.get("labels"), arrays.get("scores"), arrays.get("predictions"))


def roles(names: Sequence[str]) -> dict[str, str]:
    """Guess from their names which output holds labels and which probabilities; a single one may be either."""
    if len(names) == 1:
        return {"predictions": names[0]}
    lowered = {name.lower(): name for name in names}
    found = {
        role: next((lowered[name] for name in known if name in lowered), None)
        for role, known in (("labels", LABELS), ("scores", SCORES))
    }
    return {role: name for role, name in found.items() if name is not None}


def _chosen(stated: Sequence[Tensor], endpoint: Endpoint) -> dict[str, str]:
    """Return output name by role: as configured, else going by the names that the server states."""
    names = tuple(tensor.name for tensor in stated)
    given = {
        role: name
        for role in ("labels", "scores", "predictions")
        if (name := getattr(endpoint.response, role)) is not None
    }
    if given:
        return given
    found = roles(names)
    if names and not found:
        raise _unclear(names)
    return found


def _unclear(names: Sequence[str]) -> InputError:
    shown = ", ".join(repr(name[:60]) for name in names[:12]) or "none"
    return InputError(
        f"it is not clear which output of the endpoint holds the predictions; outputs: {shown}",
        hint="name it in holdfast.yaml, endpoint: {response: {scores: NAME}}, or labels: NAME",
    )


def _tensors(stated: Any, key: str) -> tuple[Tensor, ...]:
    """Read what the metadata says of inputs or outputs; nothing where the server says nothing."""
    listed = stated.get(key) if isinstance(stated, dict) else None
    if not isinstance(listed, list):
        return ()
    tensors = tuple(_tensor(item, key) for item in listed)
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise ModelError(f"the endpoint's metadata names one of its {key} twice")
    return tensors


def _tensor(item: Any, key: str) -> Tensor:
    shape = item.get("shape") if isinstance(item, dict) else None
    is_valid = (
        isinstance(shape, list)
        and all(type(size) is int for size in shape)
        and isinstance(item.get("name"), str)
        and item.get("datatype") in DATATYPES
    )
    if not is_valid:
        raise ModelError(
            f"expected name, datatype and shape of each of the {key} in the endpoint's metadata, got {str(item)[:120]}"
        )
    return Tensor(item["name"], item["datatype"], tuple(item["shape"]))


def _array(output: dict[str, Any], name: str, rows: int) -> NDArray[Any]:
    """Read one output tensor of shape (rows,), (rows, 1) or (rows, k), its data flat or nested."""
    what = f"the output {name!r}"
    shape, datatype, data = output.get("shape"), output.get("datatype"), output.get("data")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ModelError(f"expected a shape of whole numbers for {what} of the endpoint, got {str(shape)[:80]}")
    if len(shape) not in (1, 2) or shape[0] != rows:
        raise ModelError(f"expected the shape ({rows},) or ({rows}, n_classes) for {what} of the endpoint, got {shape}")
    if datatype not in KINDS or not isinstance(data, list):
        raise ModelError(
            f"expected a known datatype and a list of data for {what} of the endpoint, got {str(datatype)[:20]}"
        )
    flat = list(chain.from_iterable(data)) if data and all(isinstance(item, list) for item in data) else data
    if len(flat) != math.prod(shape):
        raise ModelError(
            f"expected {math.prod(shape)} cells for the shape {shape} of {what} of the endpoint, got {len(flat)}"
        )
    width = shape[1] if len(shape) == 2 else 1
    wrong = next((position for position, cell in enumerate(flat) if type(cell) not in KINDS[datatype]), None)
    if wrong is not None:
        raise ModelError(
            f"expected {datatype} in {what} of the endpoint, got {type(flat[wrong]).__name__} in row {wrong // width} "
            "of the request"
        )
    values = flat_array(flat, what=what, width=width)
    values = values.astype(float) if datatype in DECIMAL else values
    return values if width == 1 else values.reshape(rows, width)


def _description(stated: Any, shown: str) -> str:
    """Name platform and versions, as far as the server states them."""
    stated = stated if isinstance(stated, dict) else {}
    versions = stated.get("versions")
    texts = [stated.get("platform"), *(versions[:1] if isinstance(versions, list) else [])]
    said = [re.sub(r"[^\w .:+-]", "", text)[:60] for text in texts if isinstance(text, str) and text.strip()]
    return f"endpoint {shown}" + (f" ({', '.join(said)})" if said else "")


def _kind(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a single value"
