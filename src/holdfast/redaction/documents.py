"""Records as leaves: JSON documents, rows of tables and lines are all taken apart into texts and put together again.

Of a JSON document, keys, strings and numbers are looked at where they stand, each behind the keys that it is the value
of; texts in tensors' base64 too. All else keeps its type and place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.json_values import PLAIN_KEY, is_short_number
from holdfast.kernels.personal_data.passages import context_of, without_point
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.packed import Packed, unpacked
from holdfast.redaction.plan import Plan, Rule, label_of
from holdfast.redaction.redacting import Redacted, Redactor
from holdfast.redaction.transforms import Document

DEEPEST = 100
KEY = "[#key]"


class Leaf(NamedTuple):
    """A text of a record.

    rule: name of the column or path of the plan that it belongs to; empty: what the detector finds in it counts.
    is_number: it is the JSON of a number or truth value, to be one again where that can be. is_null: there is nothing
    to look at; the text is empty. So a record has as many leaves after redaction as before. context: what the text is
    the value of, such as "date of birth: "; it is searched along.
    """

    text: str
    rule: str = ""
    is_number: bool = False
    is_null: bool = False
    context: str = ""

    @property
    def searched(self) -> str:
        """What the detector looks at, behind the context."""
        return without_point(self.text)


NULL = Leaf("", is_null=True)


def document_leaves(document: Any, plan: Plan, *, source: str, key: str = "") -> tuple[list[Leaf], str]:
    """Take a JSON document apart; ``key`` is what the whole of it is the value of.

    Returns
    -------
    tuple
        Its keys and values, in order; and who it is about, by the plan's ``subject``.

    Raises
    ------
    InputError
        When the document is nested more than 100 levels deep.
    """
    found: list[Leaf] = []
    subject = ""
    wanted = _steps(plan.subject)
    for path, context, value in _walk(document, "", ("", key), 0, source):
        if value is None:
            found.append(NULL)
            continue
        text, name = value if isinstance(value, str) else json.dumps(value), rule_at(plan, path)
        found.append(Leaf(text, name, not isinstance(value, str), context=context))
        if wanted and not subject and _matches(wanted, _steps(path)):
            subject = text
    return found, subject


def _walk(
    value: Any, path: str, keys: tuple[str, str], depth: int, source: str
) -> Iterator[tuple[str, str, str | float | None]]:
    """Leaves with their paths and contexts; ``keys``: of the value, and above it."""
    if depth > DEEPEST:
        raise InputError(
            f"expected at most {DEEPEST} levels of JSON in {source}, got more", hint="flatten the document"
        )
    if isinstance(value, dict):
        for key, part in unpacked(value).items():
            inner = f"{path}.{key}" if path else str(key)
            yield inner + KEY, "" if PLAIN_KEY.fullmatch(key) else context_of(keys[1]), key
            yield from _walk(part, inner, (keys[1], key), depth + 1, source)
    elif isinstance(value, list):
        for position, part in enumerate(value):
            item_keys = ("", "") if is_short_number(part) else keys
            yield from _walk(part, f"{path}[{position}]", item_keys, depth + 1, source)
    elif isinstance(value, Packed):
        for text in value.texts:
            yield path, context_of(value.tensor), text
    elif _is_leaf(value):
        yield path, context_of(*keys), value


def rebuilt(document: Any, leaves: Iterator[Any]) -> Any:
    """Build a JSON document anew with other leaves and keys, given in order."""
    if isinstance(document, dict):
        built: dict[str, Any] = {}
        for part in unpacked(document).values():
            name = written = str(next(leaves))
            copy = 1
            while name in built:  # two keys may look alike once they are covered
                copy += 1
                name = f"{written}_{copy}"
            built[name] = rebuilt(part, leaves)
        return built
    if isinstance(document, list):
        return [rebuilt(part, leaves) for part in document]
    if isinstance(document, Packed):
        return document.with_texts([str(next(leaves)) for _ in document.texts])
    if not _is_leaf(document):
        return document
    return next(leaves)


def _is_leaf(value: object) -> bool:
    """Whether it is a value of JSON; structures in tables may hold others, such as dates."""
    return value is None or isinstance(value, str | int | float)


def rule_at(plan: Plan, path: str) -> str:
    """Return the name of the plan's rule for a path, if there is one.

    ``items[].card`` stands for every position, ``*`` for every key.
    """
    if not plan.paths or path.endswith(KEY):
        return ""
    steps = _steps(path)
    return next((pattern for pattern in plan.paths if _matches(_steps(pattern), steps)), "")


def _steps(path: str) -> list[str]:
    return [step for part in path.split(".") for step in part.replace("[", ".[").split(".") if step]


def _matches(wanted: Sequence[str], steps: Sequence[str]) -> bool:
    return len(wanted) == len(steps) and all(
        one in ("*", step) or (step.startswith("[") and one in ("[]", "[*]"))
        for one, step in zip(wanted, steps, strict=True)
    )


class RedactedRecord(NamedTuple):
    """What stands in place of the leaves of a record, in order.

    values: texts, numbers, truth values, or ``None`` for null and for a number that was taken out. texts: the same as
    texts, with what was written in place of values.
    """

    values: list[Any]
    texts: list[Redacted]


def redact_record(
    leaves: Sequence[Leaf], found: Sequence[Sequence[Span]], redactor: Redactor, subject: str = ""
) -> RedactedRecord | None:
    """Treat the leaves of a record.

    Parameters
    ----------
    found
        The spans of each leaf.

    Returns
    -------
    RedactedRecord or None
        ``None`` when the record is to be left out. A number that is made coarser or encrypted in its format stays a
        number (the lower end of its band, its year); taken out it is ``None``; whatever else replaces it is a text.
    """
    about = Document(subject)
    values: list[Any] = []
    texts: list[Redacted] = []
    for leaf, spans in zip(leaves, found, strict=True):
        done = _redact_leaf(leaf, spans, redactor, about)
        if done.text is None:
            return None
        value = _typed(leaf, done)
        values.append(value)
        same = value is done.text
        texts.append(done if same else done._replace(text="" if value is None else str(value)))
    return RedactedRecord(values, texts)


def _redact_leaf(leaf: Leaf, spans: Sequence[Span], redactor: Redactor, about: Document) -> Redacted:
    rule = redactor.plan.named(leaf.rule) if leaf.rule else None
    if rule is not None:
        return _redact_value(leaf, rule, label_of(rule, leaf.rule), redactor, about)
    if not leaf.is_number:
        return redactor.redact_text(leaf.text, spans, about)
    for span in spans:  # a number is personal data as a whole or not at all
        if span.start == 0 and span.end == len(leaf.searched):
            return _redact_value(leaf, redactor.plan.rule_of(span.label), span.label, redactor, about)
    return Redacted(leaf.text, [])


def _redact_value(leaf: Leaf, rule: Rule, label: str, redactor: Redactor, about: Document) -> Redacted:
    value = leaf.searched if rule.transform == "generalise" else leaf.text
    return redactor.redact_value(value, rule, label, about, name=leaf.rule, is_json=leaf.is_number)


def number_of(text: str) -> Any:
    """Read the text of a leaf that is a number."""
    return int(text) if text.isdecimal() else json.loads(text)


def _typed(leaf: Leaf, done: Redacted) -> Any:
    if leaf.is_null:
        return None
    if not leaf.is_number:
        return done.text
    if not done.replacements:
        return number_of(leaf.text)
    method = done.replacements[0].method
    if method == "drop":
        return None
    if method == "encrypt":
        return int(done.text or "")
    if method == "generalise":
        digits = (done.text or "").split("-")[0].rstrip("+").replace("*", "0")
        return int(digits) if digits.isdecimal() else done.text
    return done.text
