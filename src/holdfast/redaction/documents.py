"""JSON documents: keys, strings and whole numbers are looked at where they stand; all else keeps its type and place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.plan import Plan
from holdfast.redaction.redacting import Redacted, Redactor
from holdfast.redaction.transforms import Document

DEEPEST = 100
KEY = "[#key]"


class Leaf(NamedTuple):
    """A value, or a key, of a document: where it stands, its text, and whether it is no string."""

    path: str
    text: str
    is_json: bool


def leaves(document: Any, *, source: str) -> Iterator[Leaf]:
    """Yield keys, strings and whole numbers, in order.

    Paths are ``user.cards[0].number``; that of a key is the path of its value and ``[#key]``.

    Raises
    ------
    InputError
        When the document is nested more than 100 levels deep.
    """
    yield from _leaves(document, "", 0, source)


def _leaves(value: Any, path: str, depth: int, source: str) -> Iterator[Leaf]:
    if depth > DEEPEST:
        raise InputError(
            f"expected at most {DEEPEST} levels of JSON in {source}, got more", hint="flatten the document"
        )
    if isinstance(value, dict):
        for key, part in value.items():
            inner = f"{path}.{key}" if path else str(key)
            yield Leaf(inner + KEY, key, False)
            yield from _leaves(part, inner, depth + 1, source)
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _leaves(part, f"{path}[{position}]", depth + 1, source)
    elif isinstance(value, str):
        yield Leaf(path, value, False)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Leaf(path, str(value), True)


def rebuilt(document: Any, leaves: Iterator[Any]) -> Any:
    """Build a document anew with other leaves and keys, given in order."""
    if isinstance(document, dict):
        built: dict[str, Any] = {}
        for part in document.values():
            name = written = str(next(leaves))
            copy = 1
            while name in built:  # two keys may look alike once they are covered
                copy += 1
                name = f"{written}_{copy}"
            built[name] = rebuilt(part, leaves)
        return built
    if isinstance(document, list):
        return [rebuilt(part, leaves) for part in document]
    if isinstance(document, str) or (isinstance(document, int) and not isinstance(document, bool)):
        return next(leaves)
    return document


def rule_at(plan: Plan, path: str) -> str:
    """Return the name of the plan's rule for a path, if there is one.

    ``items[].card`` stands for every position, ``*`` for every key.
    """
    steps = _steps(path)
    for pattern in plan.paths if steps[-1:] != [KEY] else ():
        wanted = _steps(pattern)
        if len(wanted) == len(steps) and all(map(_fits, wanted, steps)):
            return pattern
    return ""


def _steps(path: str) -> list[str]:
    return [step for part in path.split(".") for step in part.replace("[", ".[").split(".") if step]


def _fits(wanted: str, step: str) -> bool:
    if step.startswith("["):
        return wanted in ("[]", "[*]", step)
    return wanted in ("*", step)


class RedactedDocument(NamedTuple):
    """A document with its texts in order (keys, strings, whole numbers); without texts where it is to be left out."""

    document: Any
    texts: list[Redacted]
    is_left_out: bool


def redact_document(
    document: Any, found: Sequence[tuple[Leaf, Sequence[Span]]], redactor: Redactor, subject: str = ""
) -> RedactedDocument:
    """Treat the leaves of a document.

    Parameters
    ----------
    document
        What ``json.loads`` gave.
    found
        Its `leaves`, in order, with the spans of each.

    Returns
    -------
    RedactedDocument
        Where a number is made coarser it stays a number (the lower end of its band, its year); taken out it is null;
        whatever else replaces a number is a text.
    """
    plan, about = redactor.plan, Document(subject)
    texts: list[Redacted] = []
    written: list[Any] = []
    for leaf, spans in found:
        name = rule_at(plan, leaf.path)
        if name:
            done = redactor.redact_value(leaf.text, plan.paths[name], name, about, is_json=leaf.is_json)
        elif leaf.is_json:
            done = _redact_number(leaf, spans, redactor, about)
        else:
            done = redactor.redact_text(leaf.text, spans, about)
        if done.text is None:
            return RedactedDocument(None, [], True)
        value = _typed(leaf, done)
        written.append(value)
        if value is not None:
            texts.append(done._replace(text=str(value)))
    return RedactedDocument(rebuilt(document, iter(written)), texts, False)


def _redact_number(leaf: Leaf, spans: Sequence[Span], redactor: Redactor, about: Document) -> Redacted:
    """Treat a number that is personal data as a whole; part of a number is none."""
    for span in spans:
        if span.start == 0 and span.end == len(leaf.text):
            rule = redactor.plan.rule_of(span.label)
            return redactor.redact_value(leaf.text, replace(rule, label=span.label), "", about, is_json=True)
    return Redacted(leaf.text, [])


def _typed(leaf: Leaf, done: Redacted) -> Any:
    if not leaf.is_json:
        return done.text
    if not done.replacements:
        return int(leaf.text)
    if done.replacements[0].method == "drop":
        return None
    if done.replacements[0].method == "generalise":
        digits = (done.text or "").split("-")[0].rstrip("+*")
        return int(digits) if digits.isdecimal() else done.text
    return done.text
