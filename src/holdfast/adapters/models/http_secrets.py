"""The address and the headers of an endpoint, with secrets taken from the environment and kept out of every message."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from holdfast.core.endpoint import shown_url
from holdfast.core.errors import InputError

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
CREDENTIAL = re.compile(
    r"auth|cookie|token|secret|passw|credential|signature|api.?key|(^|[-_])(key|sig)$", re.IGNORECASE
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
SHORTEST_TELLING = 6
HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where and with what to ask. Its text form holds no secret.

    Attributes
    ----------
    url
        The URL without user and password.
    shown
        The URL as it may be printed.
    variables
        Names of the environment variables that were used.
    """

    url: str
    shown: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    variables: tuple[str, ...]

    def redacted(self, text: str) -> str:
        """Replace every secret in a text."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return shown_url(text)

    def is_repeated_in(self, body: bytes) -> bool:
        """Whether a text from the server holds a secret that was sent to it."""
        return any(len(secret) >= SHORTEST_TELLING and secret.encode() in body for secret in self.secrets)


def resolve_address(url: str, headers: Mapping[str, str], environment: Mapping[str, str]) -> Address:
    """Look the variables up and build address and headers.

    Raises
    ------
    InputError
        For a variable that is not set, a secret that is written out, or a URL or header that cannot be sent. No message
        holds a value.
    """
    parts = _parts(url)
    for name, _ in parse_qsl(parts.query):
        if CREDENTIAL.search(name):
            raise InputError(
                f"the query of {shown_url(url)} holds {name!r}, and URLs end up in logs",
                hint=f'send it as a header instead: endpoint: {{headers: {{{name}: "${{NAME_OF_A_VARIABLE}}"}}}}',
            )
    found = _Lookup(environment)
    sent = {name: found.header(name, value) for name, value in headers.items()}
    user_info, at, place = parts.netloc.rpartition("@")
    if at:
        sent["Authorization"] = found.basic(user_info, shown_url(url))
    secrets = sorted({*found.values, *(quote(value, safe="") for value in found.values)}, key=len, reverse=True)
    return Address(
        url=urlunsplit((parts.scheme, place, parts.path.rstrip("/"), parts.query, "")),
        shown=shown_url(url).rstrip("/"),
        headers=sent,
        secrets=tuple(secrets),
        variables=tuple(dict.fromkeys(found.names)),
    )


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or re.search(r"\s", url):
        raise InputError(f"expected a URL with a host, such as https://host/v2/models/NAME, got {shown_url(url)}")
    return parts


class _Lookup:
    """Values of environment variables, and which were asked for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.names: list[str] = []
        self.values: list[str] = []

    def header(self, name: str, text: str) -> str:
        if not HEADER_NAME.fullmatch(name):
            raise InputError(f"expected the name of a header in endpoint.headers, got {name[:40]!r}")
        if CREDENTIAL.search(name) and not VARIABLE.search(text):
            raise InputError(
                f"the value of the header {name!r} is written out, and secrets come from the environment only",
                hint=f'write {name}: "${{NAME_OF_A_VARIABLE}}" and set that variable',
            )
        value = self._filled(text, where=f"the header {name!r}")
        if not value.isascii() or not value.isprintable():
            raise InputError(
                f"the value of the header {name!r} holds characters that a header cannot, such as an end of line"
            )
        return value

    def basic(self, user_info: str, shown: str) -> str:
        user, _, password = user_info.partition(":")
        if password and not VARIABLE.search(password):
            raise InputError(
                f"a password stands in the URL of {shown}, and secrets come from the environment only",
                hint="write https://${USER_VARIABLE}:${PASSWORD_VARIABLE}@host/... and set these variables",
            )
        filled = (self._filled(unquote(part), where=f"the URL of {shown}") for part in (user, password))
        encoded = base64.b64encode(":".join(filled).encode()).decode()
        self.values.append(encoded)
        return f"Basic {encoded}"

    def _filled(self, text: str, *, where: str) -> str:
        return VARIABLE.sub(lambda match: self._value(match[1], where), text)

    def _value(self, name: str, where: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            raise InputError(
                f"{where} takes its value from the environment variable {name}, which is not set",
                hint=f"export {name}=... before running, or let your CI's secret store set it",
            )
        self.names.append(name)
        self.values.append(value)
        return value
