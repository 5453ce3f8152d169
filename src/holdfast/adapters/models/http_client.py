"""Requests to an endpoint: paced, retried, bounded in time and size, and never to another host."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import numpy as np

from holdfast.adapters.models.http_secrets import Address
from holdfast.core.endpoint import Endpoint, shown_url
from holdfast.core.errors import EndpointError, ModelError

if TYPE_CHECKING:
    import httpx

RETRIED = frozenset({429, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPING_THE_BODY = frozenset({307, 308})
MOST_REDIRECTS = 3
LONGEST_BACKOFF_S, LONGEST_WAIT_S, CONNECT_S = 30.0, 300.0, 10.0
SHOWN_CHARACTERS = 200
HEADER_HINT = 'give a header in holdfast.yaml: endpoint: {headers: {Authorization: "Bearer ${TOKEN}"}}'
DOWN_HINT = "what had finished is kept; run the same command again when the endpoint answers"


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that may be repeated: why it failed, and how long the server asks to wait."""

    reason: str
    wait_s: float | None = None


class HttpClient:
    """Asks one host; safe to use from several threads.

    Parameters
    ----------
    address
        The URL of the model and the headers.
    endpoint
        Limits.
    seed
        Seed of the jitter between attempts.
    """

    def __init__(self, address: Address, endpoint: Endpoint, *, seed: int) -> None:
        import httpx

        self.address = address
        self._endpoint = endpoint
        self._largest = int(endpoint.max_response_mb * (1 << 20))
        self._client = httpx.Client(
            headers={"User-Agent": "holdfast", **address.headers, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(endpoint.timeout_s, connect=min(endpoint.timeout_s, CONNECT_S), pool=None),
            limits=httpx.Limits(max_connections=endpoint.max_concurrent),
            follow_redirects=False,
            trust_env=not _is_loopback(address.url),
        )
        self._free = threading.BoundedSemaphore(endpoint.max_concurrent)
        self._pacing = threading.Lock()
        self._next_start = 0.0
        self._rng = np.random.default_rng(seed)
        self._is_down = False
        self._is_closed = threading.Event()

    def get(self, url: str, *, doing: str) -> Any:
        """Ask for a document; ``None`` when the server has none there."""
        return self._ask("GET", url, None, doing)

    def post(self, url: str, body: bytes, *, doing: str) -> Any:
        """Send a document and return the one that comes back."""
        return self._ask("POST", url, body, doing)

    def close(self) -> None:
        """Let go of the connections; whoever waits for another attempt is told."""
        self._is_closed.set()
        self._client.close()

    def _ask(self, method: str, url: str, body: bytes | None, doing: str) -> Any:
        """Attempt it, with waits between; while the endpoint is known to be down, only once."""
        attempts = 1 if self._is_down else self._endpoint.retries + 1
        reason = ""
        for attempt in range(attempts):
            self._wait_for_turn()
            answer = self._attempt(method, url, body, doing)
            if not isinstance(answer, _Failure):
                self._is_down = False
                return _parsed(answer, doing) if answer is not None else None
            reason = answer.reason
            wait = self._backoff(attempt) if answer.wait_s is None else answer.wait_s
            if wait > LONGEST_WAIT_S:
                raise self._lost(f"{reason} and asks to wait {wait:.0f} s", doing)
            if answer.wait_s is not None or attempt + 1 < attempts:
                self._hold(wait)
        self._is_down = True
        times = f"{attempts} times" if attempts > 1 else "again"
        raise self._lost(f"{reason}; asked {times}", doing)

    def _lost(self, reason: str, doing: str, hint: str = DOWN_HINT) -> EndpointError:
        return EndpointError(
            f"the endpoint {self.address.shown} failed {doing}: {self.address.redacted(reason)}", hint=hint
        )

    def _attempt(self, method: str, url: str, body: bytes | None, doing: str) -> bytes | _Failure | None:
        import httpx

        deadline = time.monotonic() + self._endpoint.timeout_s
        try:
            for _ in range(MOST_REDIRECTS + 1):
                with self._free, self._client.stream(method, url, content=body, headers=_content(body)) as response:
                    if response.status_code not in REDIRECTS:
                        return self._received(response, deadline, doing)
                    url = self._next_place(response, url, method)
        except httpx.TimeoutException:
            return _Failure(f"no answer within {self._endpoint.timeout_s:g} s")
        except (httpx.InvalidURL, UnicodeError):
            raise ModelError(f"{self.address.shown}, or where it redirects to, is no URL that can be asked") from None
        except httpx.TransportError as error:
            if "CERTIFICATE" in str(error).upper():
                hint = "certificates are always checked; SSL_CERT_FILE names a file with your own authority"
                raise self._lost(f"its certificate does not hold: {error}", doing, hint) from None
            return _Failure(f"{type(error).__name__}: {str(error)[:SHOWN_CHARACTERS]}".rstrip(": "))
        except RuntimeError:  # httpx's word for a client that was closed while this thread waited
            if self._is_closed.is_set():
                raise self._lost("the model was closed", doing) from None
            raise
        raise ModelError(f"the endpoint {self.address.shown} redirects more than {MOST_REDIRECTS} times")

    def _next_place(self, response: httpx.Response, url: str, method: str) -> str:
        """Follow a redirect on the same host only: headers hold credentials, and rows may be personal data."""
        place: str = response.headers.get("location", "")
        try:
            there = urljoin(url, place)
        except ValueError:
            raise ModelError(f"the endpoint {self.address.shown} redirects to what is no URL") from None
        if _origin(there) != _origin(url):
            raise ModelError(
                f"the endpoint {self.address.shown} redirects to another host or port, which is not followed: "
                f"{_printable(shown_url(there))}",
                hint="if that is where the model is, give that URL",
            )
        if method != "GET" and response.status_code not in KEEPING_THE_BODY:
            raise ModelError(
                f"the endpoint {self.address.shown} answers a POST with the redirect {response.status_code}",
                hint="is this the URL of the model, and not of its page?",
            )
        return there

    def _received(self, response: httpx.Response, deadline: float, doing: str) -> bytes | _Failure | None:
        status = response.status_code
        if status in RETRIED:
            reason = "it throttles (status 429)" if status == 429 else f"status {status}"
            return _Failure(reason, _retry_after(response.headers))
        if status == 404 and response.request.method == "GET":
            return None
        if status in (401, 403):
            used = ", ".join(self.address.variables)
            hint = f"look at the value of {used}" if used else HEADER_HINT
            raise self._lost(f"it refuses the credentials (status {status})", doing, hint)
        body = self._body(response, deadline)
        if isinstance(body, _Failure) or response.is_success:
            return body
        said = self.address.redacted(_message(body))
        raise ModelError(
            f"the endpoint {self.address.shown} failed {doing}: status {status}{f', {said}' if said else ''}",
            hint="see request and response under endpoint in holdfast.yaml, and the server's own log",
        )

    def _body(self, response: httpx.Response, deadline: float) -> bytes | _Failure:
        """Read at most the allowed size, within the time for one answer."""
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise ModelError(f"the endpoint {self.address.shown} compressed its answer, although it was asked not to")
        parts, size = [], 0
        for part in response.iter_raw():
            size += len(part)
            if size > self._largest:
                raise ModelError(
                    f"the endpoint {self.address.shown} sent more than {self._endpoint.max_response_mb:g} MiB at once",
                    hint="set a smaller endpoint.batch_rows or a larger endpoint.max_response_mb",
                )
            if time.monotonic() > deadline:
                return _Failure(f"no whole answer within {self._endpoint.timeout_s:g} s")
            parts.append(part)
        body = b"".join(parts)
        if self.address.is_repeated_in(body):
            raise ModelError(
                f"the endpoint {self.address.shown} repeats a secret that was sent to it; its answer is not read"
            )
        return body

    def _backoff(self, attempt: int) -> float:
        """Between half and all of a wait that doubles, so that clients that failed together do not return together."""
        longest = min(self._endpoint.backoff_s * 2.0**attempt, LONGEST_BACKOFF_S)
        with self._pacing:
            return longest * (0.5 + 0.5 * float(self._rng.random()))

    def _hold(self, wait_s: float) -> None:
        """Let nobody ask before the wait is over."""
        with self._pacing:
            self._next_start = max(self._next_start, time.monotonic() + wait_s)

    def _wait_for_turn(self) -> None:
        """Wait for the next start that the rate and the server's wishes allow."""
        rate = self._endpoint.requests_per_second
        with self._pacing:
            start = max(time.monotonic(), self._next_start)
            self._next_start = start + (1.0 / rate if rate else 0.0)
        if self._is_closed.wait(max(0.0, start - time.monotonic())):
            raise EndpointError("the model was closed", hint="open it again")


def _content(body: bytes | None) -> dict[str, str]:
    return {} if body is None else {"Content-Type": "application/json"}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port; what is no URL has an origin like no other."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(scheme)
    except ValueError:
        return "", None, None


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SHOWN_CHARACTERS]


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _parsed(body: bytes, doing: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        what = "is nested too deep" if isinstance(error, RecursionError) else f"is no JSON ({type(error).__name__})"
        raise ModelError(
            f"the endpoint's answer of {len(body)} bytes {what}, when {doing}",
            hint="is this the URL that predicts, and not a page for people?",
        ) from None


def _message(body: bytes) -> str:
    """Return what a server says about its error, without the rows that some repeat in it."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    said = document if isinstance(document, dict) else {}
    texts = [said[key] for key in ("error", "message", "detail") if isinstance(said.get(key), str)]
    return _printable("; ".join(texts))
