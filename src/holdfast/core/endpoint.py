"""How a model behind an endpoint is asked: the ``endpoint`` section of ``holdfast.yaml``.

Secrets never stand in it: a header or a URL names an environment variable, ``${TOKEN}``, and the adapter looks it up.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from holdfast.core.errors import InputError

Protocol = Literal["auto", "v2", "json"]
Layout = Literal["auto", "columns", "matrix", "objects", "lists"]
LAYOUTS: dict[str, tuple[Layout, ...]] = {"v2": ("auto", "columns", "matrix"), "json": ("auto", "objects", "lists")}
SCHEME = re.compile(r"https?://", re.IGNORECASE)
PRIVATE_PARTS = re.compile(
    r"(?P<scheme>(?:https?|postgres(?:ql)?(?:\+\w+)?)://)(?:[^/?#\s]*@)?(?P<place>[^?#\s]*)[^\s]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRequest:
    """What is sent.

    Attributes
    ----------
    layout
        Open Inference Protocol: one tensor per column (``columns``) or one of all of them (``matrix``). Plain JSON: a
        row is an object by column name (``objects``) or a list (``lists``). ``auto`` follows what the server says of
        its inputs, and sends objects as plain JSON.
    body
        Plain JSON: the document, in which the text ``$rows`` stands for the rows and ``$columns`` for the names.
    tensor
        Open Inference Protocol: name of the one tensor, when the server states none.
    parameters
        Open Inference Protocol: parameters of the request, such as ``content_type: pd``.
    missing
        What a missing cell becomes: ``null``, the number ``nan`` (not JSON, but many servers read it), or a refusal.
    """

    layout: Layout = "auto"
    body: dict[str, Any] = field(default_factory=lambda: {"instances": "$rows"})
    tensor: str = "input"
    parameters: dict[str, str | int | float | bool] = field(default_factory=dict)
    missing: Literal["null", "nan", "refuse"] = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointResponse:
    """What comes back: names of output tensors, or paths into the JSON answer (``predictions.*.label``).

    Attributes
    ----------
    labels
        Predicted labels, or the values of a regression.
    scores
        Class probabilities: a list per row, an object by class per row, or the probability of the positive class.
    predictions
        Any of these; which one is learnt from the first answer.
    """

    labels: str | None = None
    scores: str | None = None
    predictions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How to ask, and how much.

    Attributes
    ----------
    protocol
        Open Inference Protocol (``v2``) or plain JSON; ``auto`` takes the former for URLs with ``/v2/models/``.
    headers
        Sent with every request; ``${NAME}`` in a value stands for an environment variable.
    timeout_s
        Seconds for one answer.
    retries
        Further attempts after status 429, 502, 503 and 504, after a lost connection and after a timeout.
    backoff_s
        Wait before the first of them, doubled for each further one; a server's ``Retry-After`` takes its place.
    requests_per_second
        Most requests per second, retries included; no limit when absent.
    max_concurrent
        Most requests at the same time.
    max_queries
        Most rows asked about in one audit; no limit when absent.
    batch_rows
        Rows per request.
    max_response_mb
        Largest answer, in MiB.
    request, response
        The form of both.
    """

    protocol: Protocol = "auto"
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    retries: int = 4
    backoff_s: float = 0.5
    requests_per_second: float | None = None
    max_concurrent: int = 4
    max_queries: int | None = None
    batch_rows: int = 512
    max_response_mb: float = 64.0
    request: EndpointRequest = field(default_factory=EndpointRequest)
    response: EndpointResponse = field(default_factory=EndpointResponse)


def is_endpoint(place: str | None) -> bool:
    """Whether the place of a model is a URL and no file.

    Examples
    --------
    >>> is_endpoint("https://models.example.org/v2/models/credit"), is_endpoint("credit.onnx")
    (True, False)
    """
    return place is not None and SCHEME.match(place) is not None


def shown_url(text: str) -> str:
    """Strip what may be secret from every URL in a text, a database's included: user, password, query and fragment.

    Examples
    --------
    >>> shown_url("--model=https://me:secret@host.example/v2/models/credit?key=1")
    '--model=https://host.example/v2/models/credit'
    """
    return PRIVATE_PARTS.sub(lambda found: found["scheme"] + found["place"], text)


def protocol_of(url: str, endpoint: Endpoint) -> Literal["v2", "json"]:
    """Return the protocol that an endpoint is asked in."""
    if endpoint.protocol != "auto":
        return endpoint.protocol
    return "v2" if "/v2/models/" in url else "json"


def check_endpoint(endpoint: Endpoint) -> None:
    """Refuse limits that are none, and a layout of the other protocol.

    Raises
    ------
    InputError
        Naming the field.
    """
    for item in fields(Endpoint):
        value = getattr(endpoint, item.name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        least = 0 if item.name in ("retries", "backoff_s") else None
        if not math.isfinite(value) or (value < 0 if least == 0 else value <= 0):
            expected = "0 or more" if least == 0 else "a number above 0"
            raise InputError(f"expected {expected} as endpoint.{item.name}, got {value}")
    layout, protocol = endpoint.request.layout, endpoint.protocol
    if protocol != "auto" and layout not in LAYOUTS[protocol]:
        raise InputError(
            f"expected endpoint.request.layout of the protocol {protocol} to be {', '.join(LAYOUTS[protocol])}, "
            f"got {layout}"
        )
