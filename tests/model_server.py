"""A real model server on loopback: the Open Inference Protocol and plain JSON, and every way in which servers fail."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "/v2/models/credit"
Score = Callable[[dict[str, list[Any]]], list[float]]


@dataclass
class Reply:
    """What the server sends in place of an answer; ``None`` as status hangs up without a word."""

    status: int | None = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    drip_s: float = 0.0


@dataclass
class Served:
    """A running server: what it was asked, and what it shall do next.

    Attributes
    ----------
    score
        Probability of the second class by column.
    replies
        Called with the number of the POST (from 0); what it returns replaces the answer.
    stated
        The metadata; ``None`` answers 404.
    answer
        Makes the document of an answer from the scores.
    """

    url: str
    score: Score
    stated: dict[str, Any] | None = None
    replies: Callable[[int], Reply | None] = lambda number: None
    answer: Callable[[list[float]], Any] | None = None
    asked: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    delay_s: float = 0.0
    lock: Any = field(default_factory=threading.Lock)

    @property
    def model(self) -> str:
        """The URL of the model."""
        return self.url + MODEL


def tensor(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def v2_output(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def v2_answer(scores: list[float]) -> dict[str, Any]:
    pairs = [[1 - p, p] for p in scores]
    flat = [p for pair in pairs for p in pair]
    return {"model_name": "credit", "outputs": [v2_output("probabilities", "FP64", [len(scores), 2], flat)]}


def columns_of(document: dict[str, Any]) -> dict[str, list[Any]]:
    """Read the rows of a request, whatever its form."""
    if "inputs" in document:
        if len(document["inputs"]) == 1 and document["inputs"][0]["shape"][1] > 1:
            tensor = document["inputs"][0]
            width = tensor["shape"][1]
            return {str(i): tensor["data"][i::width] for i in range(width)}
        return {tensor["name"]: tensor["data"] for tensor in document["inputs"]}
    rows = document.get("instances") or document["dataframe_split"]["data"]
    names = rows[0] if isinstance(rows[0], dict) else range(len(rows[0]))
    return {str(name): [row[name] for row in rows] for name in names}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        stated = self.served.stated
        self.send(Reply(404) if stated is None else Reply(body=json.dumps(stated).encode()))

    def do_POST(self) -> None:
        served = self.served
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with served.lock:
            number = len(served.at)
            served.at.append(time.monotonic())
            served.headers.append(dict(self.headers))
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
        try:
            time.sleep(served.delay_s)
            self.send(served.replies(number) or self.usual(json.loads(body)))
        finally:
            with served.lock:
                served.at_once -= 1

    def usual(self, document: dict[str, Any]) -> Reply:
        served = self.served
        with served.lock:
            served.asked.append(document)
        scores = served.score(columns_of(document))
        make = served.answer or (v2_answer if "inputs" in document else lambda scores: {"predictions": scores})
        return Reply(body=json.dumps(make(scores)).encode())

    def send(self, reply: Reply) -> None:
        time.sleep(reply.wait_s)
        if reply.status is None:
            self.close_connection = True
            return
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            step = 1 if reply.drip_s else 1 << 16
            for start in range(0, len(reply.body), step):
                self.wfile.write(reply.body[start : start + step])
                time.sleep(reply.drip_s)
        except OSError:  # the client gave up, which is what some tests want
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients that hang up are part of the tests."""


@contextmanager
def serving(score: Score, *, tls: ssl.SSLContext | None = None, **settings: Any) -> Iterator[Served]:
    """Serve a model until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    place = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    served = Served(url=place, score=score, **settings)
    handler.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
