"""Find credentials in text beside a model: patterns that hardly occur by chance, and named values that look random.

Nothing of a credential is shown but its first four characters and its length.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from holdfast.kernels.scan.record import Record, Span

LONGEST_TEXT = 8 << 20
SMALLEST_ENTROPY = 3.3
# kind, texts of which one must stand there (they are searched for first, which is fast), the whole pattern
_PATTERNS: tuple[tuple[str, tuple[bytes, ...], bytes], ...] = (
    ("private-key", (b"PRIVATE KEY",),
     rb"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\\nr]{1,8}[A-Za-z0-9+/=:, \s\\-]{40}"),
    ("aws-access-key", (b"AKIA", b"ASIA", b"AROA", b"AIDA"),
     rb"(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github-token", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
     rb"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,251})"),
    ("gitlab-token", (b"glpat-",), rb"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,64}"),
    ("hugging-face-token", (b"hf_", b"api_org_"), rb"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    ("slack-token", (b"xox",), rb"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,200}"),
    ("slack-webhook", (b"hooks.slack.com",),
     rb"hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,30}"),
    ("openai-key", (b"sk-",),
     rb"(?<![A-Za-z0-9])sk-(?:(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}|[A-Za-z0-9]{48}(?![A-Za-z0-9])"
     rb"|proj-[A-Za-z0-9_-]{40,160})"),
    ("anthropic-key", (b"sk-ant-",), rb"(?<![A-Za-z0-9])sk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{60,120}"),
    ("google-api-key", (b"AIza",), rb"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("stripe-key", (b"k_live_",), rb"(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{24,99}"),
    ("package-index-token", (b"pypi-AgE",), rb"(?<![A-Za-z0-9])pypi-AgE[A-Za-z0-9_-]{50,}"),
    ("npm-token", (b"npm_",), rb"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("azure-storage-key", (b"AccountKey=",), rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("signed-web-token", (b"eyJ",),
     rb"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{20,500}"),
)  # fmt: skip
_CERTAIN = tuple((kind, marks, re.compile(pattern)) for kind, marks, pattern in _PATTERNS)
_USER_INFO = re.compile(rb"[^\s:/@\"'<>{}$]{0,64}:(?P<value>[^\s:/@\"'<>{}$*]{6,128})@[A-Za-z0-9.-]+")
_NAMES = (
    b"password", b"passwd", b"secret", b"api_key", b"api-key", b"apikey", b"access_key", b"access-key", b"accesskey",
    b"private_key", b"auth_token", b"authtoken", b"access_token", b"bearer",
)  # fmt: skip
_VALUE = re.compile(rb"[A-Za-z0-9_-]{0,20}[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<value>[A-Za-z0-9+/_=.~!@#%^&-]{16,200})")
_PLACEHOLDER = re.compile(
    rb"(?i)example|placeholder|changeme|your|xxxx|dummy|sample|redacted|pass(word)?$|secret$|\*\*\*|1234567|<|\.\.\.|none"
)
MOST_LOOKED_AT = 20_000
LEAST_CHARACTERS = 10


class Secret(NamedTuple):
    """A credential: what kind, where, and what may be shown of it."""

    kind: str
    start: int
    end: int
    masked: str


def find_secrets(data: memoryview) -> Iterator[Secret]:
    """Yield credentials in the first 8 MiB of a text, those of certain form first."""
    text = bytes(data[:LONGEST_TEXT])
    found: set[tuple[int, int]] = set()
    for kind, marks, pattern in _CERTAIN:
        if any(mark in text for mark in marks):
            for match in pattern.finditer(text):
                if len(set(match[0])) > LEAST_CHARACTERS:
                    found.add(match.span())
                    yield _secret(kind, match.start(), match.end(), match[0])
    for position in _positions(text, b"://"):
        address = _USER_INFO.match(text, position + 3)
        if address and not _PLACEHOLDER.search(address["value"]):
            yield _secret("password-in-address", *address.span("value"), address["value"])
    lower = text.lower()
    for name in _NAMES:
        for position in _positions(lower, name):
            value = _VALUE.match(text, position + len(name))
            if value is None or not _looks_random(value["value"]) or _PLACEHOLDER.search(value["value"]):
                continue
            span = value.span("value")
            if not any(start < span[1] and span[0] < end for start, end in found):
                found.add(span)
                yield _secret("named-credential", *span, value["value"])


def _positions(text: bytes, mark: bytes) -> Iterator[int]:
    at = text.find(mark)
    count = 0
    while at >= 0 and count < MOST_LOOKED_AT:
        yield at
        count += 1
        at = text.find(mark, at + len(mark))


def report_secrets(record: Record, data: memoryview, start: int = 0) -> None:
    """Note credentials in a text that begins at ``start`` of the record's range."""
    for secret in find_secrets(data):
        message = f"a credential stands in the text: {secret.kind}; withdraw it, whoever holds the file can use it"
        where: Span = {"start": start + secret.start, "end": start + secret.end}
        record.add("secret", f"secret.{secret.kind}", message, detail=secret.masked, **where)


def _secret(kind: str, start: int, end: int, value: bytes) -> Secret:
    shown = "" if kind in ("named-credential", "password-in-address") else value[:4].decode("ascii", "replace")
    return Secret(kind, start, end, f"{shown}... ({len(value)} characters)")


def _looks_random(value: bytes) -> bool:
    """Letters and digits mixed, and as many different characters as a random text of that length has."""
    mixed = re.search(rb"[0-9]", value) and re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value)
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return bool(mixed) and entropy > SMALLEST_ENTROPY
