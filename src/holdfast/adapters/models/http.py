"""A model behind an HTTP endpoint.

Rows leave this machine in batches, at most as many requests at a time, per second and rows in all as the configuration
allows. What stands behind the URL may change at any time, so the model has no content digest.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from holdfast.adapters.models import answers
from holdfast.adapters.models.http_answers import AnswerReader, Returned
from holdfast.adapters.models.http_client import HttpClient
from holdfast.adapters.models.http_json import PlainJson
from holdfast.adapters.models.http_protocol import OpenInference
from holdfast.adapters.models.http_secrets import Address, resolve_address
from holdfast.core.endpoint import LAYOUTS, Endpoint, protocol_of
from holdfast.core.errors import BudgetError, InputError, ModelError, NotRun
from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, Model, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

DEFAULT_ENDPOINT = Endpoint()
HEARING_S = 0.1
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Conversation(Protocol):
    """One protocol spoken with one endpoint."""

    @property
    def description(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...

    def ask(self, X: pl.DataFrame) -> Returned:
        """Send rows and return what came back for them."""


def open_endpoint(
    url: str, endpoint: Endpoint = DEFAULT_ENDPOINT, *, seed: int = 0, environment: Mapping[str, str] | None = None
) -> HttpModel:
    """Connect to a model behind a URL.

    Parameters
    ----------
    url
        Of the model, ``https://host/v2/models/NAME`` (Open Inference Protocol), or of a service that predicts from
        JSON.
    endpoint
        Headers, limits, and the form of request and answer.
    seed
        Seed of the jitter between attempts; it changes no answer.
    environment
        Where secrets are looked up; the environment of the process otherwise.

    Raises
    ------
    InputError
        For a secret that is not set or is written out, or a configuration that does not fit the server.
    EndpointError
        When the endpoint does not answer.
    """
    address = resolve_address(url, endpoint.headers, os.environ if environment is None else environment)
    protocol = protocol_of(address.url, endpoint)
    if endpoint.request.layout not in LAYOUTS[protocol]:
        raise InputError(
            f"expected endpoint.request.layout of the protocol {protocol} to be {', '.join(LAYOUTS[protocol])}, "
            f"got {endpoint.request.layout}"
        )
    client = HttpClient(address, endpoint, seed=seed)
    try:
        spoken: Conversation = (OpenInference if protocol == "v2" else PlainJson)(client, endpoint)
    except BaseException:
        client.close()
        raise
    return HttpModel(client, spoken, endpoint)


class HttpModel:
    """Implements :class:`holdfast.core.subject.Model` for an endpoint; safe to ask from several threads."""

    def __init__(self, client: HttpClient, spoken: Conversation, endpoint: Endpoint) -> None:
        self._client, self._spoken, self._endpoint = client, spoken, endpoint
        self._reader = AnswerReader(_first_info(client.address, spoken, endpoint))
        self._counting, self._settling = threading.Lock(), threading.Lock()
        self.queries = 0

    @property
    def info(self) -> ModelInfo:
        """What is known by now; what it returns is learnt from its first answer."""
        return self._reader.info

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer a frame, in batches, several of them at a time.

        Raises
        ------
        BudgetError
            When the rows would exceed the budget; then none of them is sent.
        EndpointError
            When the endpoint does not answer.
        ModelError
            When what it answers cannot be read.
        """
        self._require_budget(X.height)
        return answers.in_batches(
            self._ask, X, info=lambda: self.info, rows=self._endpoint.batch_rows, each=self._side_by_side
        )

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Model:
        """An endpoint has no training procedure."""
        raise ModelError("a model behind an endpoint cannot be trained again", hint="give the estimator itself")

    def trees(self) -> RawTrees:
        """An endpoint shows no trees."""
        raise NotRun("a model behind an endpoint shows no trees", hint="give the model file")

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """An endpoint shows no trees."""
        raise NotRun("a model behind an endpoint shows no trees", hint="give the model file")

    @property
    def queries_left(self) -> int | None:
        """How many rows may still be asked about, ``None`` without a limit."""
        most = self._endpoint.max_queries
        return None if most is None else max(most - self.queries, 0)

    def network(self) -> RawNetwork:
        """An endpoint shows no network."""
        raise NotRun("a model behind an endpoint shows no gradients", hint="give the model file")

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """An endpoint shows its answers only."""
        raise NotRun("a model behind an endpoint shows its answers only", hint="give the model file")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, X: pl.DataFrame) -> RawPredictions:
        self._count(X.height)
        returned = self._spoken.ask(X)
        with self._settling:
            return self._reader.read(returned)

    def _side_by_side(self, answer: Callable[[int], RawPredictions], starts: Sequence[int]) -> Iterable[RawPredictions]:
        """Ask about several batches at a time; the very first alone, because it settles how all are read."""
        alone = 0 if self._reader.is_settled and len(starts) > 1 else 1
        first = [answer(start) for start in starts[:alone]]
        return [*first, *_in_threads(answer, starts[alone:], self._endpoint.max_concurrent)]

    def _require_budget(self, rows: int) -> None:
        most = self._endpoint.max_queries
        if most is not None and self.queries + rows > most:
            raise BudgetError(
                f"{rows} more rows would exceed the {most} that may be asked of the endpoint; {self.queries} were",
                hint="give a larger endpoint.max_queries, a smaller test table, or less effort",
            )

    def _count(self, rows: int) -> None:
        with self._counting:
            self._require_budget(rows)
            self.queries += rows


def _in_threads(answer: Callable[[int], RawPredictions], starts: Sequence[int], threads: int) -> list[RawPredictions]:
    """Apply a function in threads that do not keep the program alive: a server that hangs must not outlast Ctrl-C.

    The first error in the order of the rows is raised; nothing more is begun once there is one.
    """
    waiting = deque(starts)
    done: dict[int, RawPredictions] = {}
    failed: dict[int, BaseException] = {}

    def work() -> None:
        while waiting and not failed:
            try:
                start = waiting.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                done[start] = answer(start)
            except BaseException as error:
                failed[start] = error

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(starts)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        while worker.is_alive():  # a wait without an end would not hear Ctrl-C
            worker.join(HEARING_S)
    if failed:
        raise failed[min(failed)]
    return [done[start] for start in starts]


def _first_info(address: Address, spoken: Conversation, endpoint: Endpoint) -> ModelInfo:
    notes = [
        "The model stands behind an endpoint: it may have changed while it was asked, and nothing found is reused."
    ]
    if address.url.lower().startswith("http://") and urlsplit(address.url).hostname not in LOOPBACK:
        notes.append("The endpoint was asked without encryption: rows, and headers, could be read on the way.")
    if endpoint.requests_per_second:
        notes.append(f"At most {endpoint.requests_per_second:g} requests per second were sent.")
    return ModelInfo(
        format="endpoint",
        description=spoken.description,
        capabilities=frozenset({"query"}),
        inputs=spoken.inputs,
        confinement={"process": "none: the model runs behind its endpoint, out of reach"},
        requests_per_second=endpoint.requests_per_second,
        notes=tuple(notes),
    )
