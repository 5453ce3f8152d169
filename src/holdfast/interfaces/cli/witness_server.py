"""The address at which a witness signs checkpoints: one path, one method, small bodies, one request at a time each."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from holdfast.evidence.witness import LARGEST_REQUEST, Answer, Witness

SECONDS = 10.0


def serve(witness: Witness, host: str, port: int, *, ready: Callable[[str], None]) -> None:
    """Answer until the process is interrupted; ``ready`` is told the address once requests are taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version, sys_version = "holdfast-witness", ""

        def do_POST(self) -> None:
            self._send(self._answer())

        def _answer(self) -> Answer:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint":
                return Answer(404, "expected POST /add-checkpoint\n")
            if not length.isdecimal() or int(length) > LARGEST_REQUEST:
                return Answer(413, f"expected a body of at most {LARGEST_REQUEST} bytes\n")
            return witness.add_checkpoint(self.rfile.read(int(length)))

        def _send(self, answer: Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of requests."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        server.daemon_threads = True
        ready(f"http://{server.server_address[0]!s}:{server.server_address[1]}")
        server.serve_forever()
