"""Plain JSON prediction services: the request is a template, the answer is read by paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.adapters.models.http_answers import Returned, as_array
from holdfast.adapters.models.http_cells import cells, encoded
from holdfast.adapters.models.http_client import HttpClient
from holdfast.core.endpoint import Endpoint
from holdfast.core.errors import InputError, ModelError, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

ROWS, COLUMNS, EACH = "$rows", "$columns", "*"
USUAL_PATH = "predictions"


class PlainJson:
    """Posts a document to the URL.

    Attributes
    ----------
    description, inputs
        The model in one line; no names, since nobody states them.
    """

    def __init__(self, client: HttpClient, endpoint: Endpoint) -> None:
        self._client = client
        self._request = endpoint.request
        if ROWS not in _texts(endpoint.request.body):
            raise InputError(
                f"expected the text {ROWS!r} where the rows belong in endpoint.request.body, got "
                f"{str(endpoint.request.body)[:120]}",
                hint=f'the usual one: body: {{instances: "{ROWS}"}}',
            )
        given = endpoint.response
        named = {"labels": given.labels, "scores": given.scores, "predictions": given.predictions}
        self._paths = {role: path for role, path in named.items() if path is not None} or {"predictions": USUAL_PATH}
        self.inputs: tuple[str, ...] = ()
        self.description = f"endpoint {client.address.shown} (JSON)"

    def ask(self, X: pl.DataFrame) -> Returned:
        """Send rows and return what came back for them."""
        by_column = [cells(column, missing=self._request.missing) for column in X.iter_columns()]
        rows: list[Any] = [list(row) for row in zip(*by_column, strict=True)]
        if self._request.layout != "lists":
            rows = [dict(zip(X.columns, row, strict=True)) for row in rows]
        document = _filled(self._request.body, {ROWS: rows, COLUMNS: X.columns})
        answer = self._client.post(self._client.address.url, encoded(document), doing=f"answering {X.height} rows")
        return self._read(answer, X.height)

    def _read(self, answer: Any, rows: int) -> Returned:
        arrays: dict[str, NDArray[Any]] = {}
        classes: tuple[str, ...] = ()
        for role, path in self._paths.items():
            what = f"{path!r} in the answer"
            values = value_at(answer, path)
            if role != "labels" and isinstance(values, list) and values and all(type(row) is dict for row in values):
                classes = tuple(sorted(values[0]))
                values = [_by_class(row, classes, what) for row in values]
            arrays[role] = as_array(values, rows=rows, what=what)
        return Returned(arrays.get("labels"), arrays.get("scores"), arrays.get("predictions"), classes)


def value_at(document: Any, path: str) -> Any:
    """Follow a path of keys and positions, separated by dots; ``*`` goes on with each entry of a list.

    Raises
    ------
    ModelError
        Naming the part of the path that is not there.

    Examples
    --------
    >>> value_at({"predictions": [{"label": "yes"}, {"label": "no"}]}, "predictions.*.label")
    ['yes', 'no']
    """
    return _follow(document, [part for part in path.split(".") if part], path)


def _follow(value: Any, parts: list[str], path: str) -> Any:
    for position, part in enumerate(parts):
        if part == EACH and isinstance(value, list):
            return [_follow(item, parts[position + 1 :], path) for item in value]
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            there = sorted(value) if isinstance(value, dict) else [f"a {type(value).__name__}"]
            raise ModelError(
                f"the endpoint's answer has no {part!r} of the path {path!r}; there: {', '.join(there)[:120]}",
                hint=f"{did_you_mean(part, there)}; see endpoint.response in holdfast.yaml",
            )
    return value


def _by_class(row: dict[str, Any], classes: tuple[str, ...], what: str) -> list[Any]:
    if tuple(sorted(row)) != classes:
        raise ModelError(
            f"expected the classes {list(classes)[:8]} in each row of {what} of the endpoint, got {sorted(row)[:8]}"
        )
    return [row[name] for name in classes]


def _filled(template: Any, values: dict[str, Any]) -> Any:
    """Put rows and names where the template has their place."""
    if isinstance(template, dict):
        return {key: _filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    return values.get(template, template) if isinstance(template, str) else template


def _texts(template: Any) -> set[str]:
    if isinstance(template, dict):
        return set().union(*map(_texts, template.values()))
    if isinstance(template, list):
        return set().union(*map(_texts, template))
    return {template} if isinstance(template, str) else set()
