"""Treat the spans of texts and the values of columns and paths as a plan says."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from holdfast.core.redaction import TreatedCount
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.keys import KeyRing
from holdfast.redaction.plan import Plan, Rule, label_of
from holdfast.redaction.tokens import JSON, STRING, TOKEN, may_hold_tokens
from holdfast.redaction.transforms import Apply, Document, Tools, Written, build
from holdfast.redaction.vault import Vault

NESTED = "TOKEN"


class Replacement(NamedTuple):
    """A stretch of a redacted text that was written in place of a value; offsets count code points."""

    start: int
    end: int
    label: str
    method: str


class Redacted(NamedTuple):
    """A redacted text, and what of it was written in place of values.

    text: ``None`` when its record is to be left out. rule: name of the column or path whose rule it was, if any.
    """

    text: str | None
    replacements: list[Replacement]
    rule: str = ""


@dataclass(slots=True)
class Tally:
    """What was done, counted."""

    treated: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)

    def counts(self) -> tuple[TreatedCount, ...]:
        """Return the counts in order of label and method."""
        return tuple(
            TreatedCount(label=label, method=method, key_id=key_id, n=n)
            for (label, method, key_id), n in sorted(self.treated.items())
        )


class Redactor:
    """A plan with its keys and its vault, ready to be applied; for one thread.

    Raises
    ------
    InputError
        When the plan needs a key or a vault that is not given.
    """

    def __init__(self, plan: Plan, *, keys: KeyRing | None = None, vault: Vault | None = None) -> None:
        self.plan = plan
        self.tally = Tally()
        self._tools = Tools(plan, keys, vault)
        self._built: dict[tuple[str, Rule], Apply] = {}

    def redact_text(self, text: str, spans: Sequence[Span], document: Document | None = None) -> Redacted:
        """Treat the spans of a text.

        Parameters
        ----------
        text
            Any Unicode.
        spans
            In any order; where they overlap, all that they cover together is one span of the likeliest label.
        document
            What values are numbered within; the text itself otherwise.

        Returns
        -------
        Redacted
            Where the plan can be undone, what already looks like a token is wrapped into one, so that undoing gives
            exactly this text.
        """
        document = document or Document()
        pieces: list[str] = []
        done: list[Replacement] = []
        at = length = 0
        for span in self._treated_spans(text, spans):
            rule = Rule(transform="token") if span.label == NESTED else self.plan.rule_of(span.label)
            written = self._apply(rule, span.label, text[span.start : span.end], document, STRING)
            if written.text is None:
                return Redacted(None, [])
            length += span.start - at
            pieces += (text[at : span.start], written.text)
            done.append(Replacement(length, length + len(written.text), span.label, written.method))
            length += len(written.text)
            at = span.end
        pieces.append(text[at:])
        return Redacted("".join(pieces), done)

    def redact_value(self, value: str, rule: Rule, name: str, document: Document, *, is_json: bool = False) -> Redacted:
        """Treat a whole value, of the column or path of a name; an empty one stays empty.

        Parameters
        ----------
        is_json
            Whether the value is the JSON writing of something that is no text.
        """
        if not value:
            return Redacted(value, [])
        label = label_of(rule, name)
        written = self._apply(rule, label, value, document, JSON if is_json else STRING)
        if written.text is None:
            return Redacted(None, [], name)
        kept = written.method == "keep"
        done = [] if kept else [Replacement(0, len(written.text), label, written.method)]
        return Redacted(written.text, done, name)

    def _apply(self, rule: Rule, label: str, value: str, document: Document, kind: bytes) -> Written:
        wanted = rule.transform
        if wanted == "encrypt" and TOKEN.search(value):  # what looks like a token must not come back from FF1 as one
            rule = Rule(transform="token")
        apply = self._built.get((label, rule))
        if apply is None:
            apply = self._built[label, rule] = build(rule, label, self._tools)
        written = apply(value, document, kind)
        self.tally.treated[label, written.method, written.key_id] += 1
        if written.method != wanted:
            self.tally.fallbacks[label] += 1
        return written

    def _treated_spans(self, text: str, spans: Sequence[Span]) -> list[Span]:
        wanted = []
        for span in spans:
            if self.plan.rule_of(span.label).transform == "keep":
                self.tally.treated[span.label, "keep", ""] += 1
            elif span.end > span.start:
                wanted.append(span)
        if self.plan.is_reversible and may_hold_tokens(text):
            wanted += [Span(*found.span(), NESTED, -1.0) for found in TOKEN.finditer(text)]
        wanted.sort()
        if any(left.end > right.start for left, right in pairwise(wanted)):
            return united(wanted)
        return wanted


def redact_text(
    text: str,
    spans: Sequence[Span],
    plan: Plan,
    *,
    keys: KeyRing | None = None,
    vault: Vault | None = None,
    subject: str = "",
) -> tuple[str | None, tuple[TreatedCount, ...]]:
    """Treat the spans of one text as a plan says; for many texts make a `Redactor` once.

    Returns
    -------
    tuple
        The text (``None``: its record is to be left out), and what was done to how many values.

    Examples
    --------
    >>> from holdfast.redaction.plan import preset_plan
    >>> redact_text("Ann met Bob and Ann", [Span(0, 3, "PERSON", 1.0), Span(8, 11, "PERSON", 1.0),
    ...             Span(16, 19, "PERSON", 1.0)], preset_plan("log"))[0]
    '[PERSON_1] met [PERSON_2] and [PERSON_1]'
    """
    redactor = Redactor(plan, keys=keys, vault=vault)
    redacted = redactor.redact_text(text, spans, Document(subject))
    return redacted.text, redactor.tally.counts()


def united(spans: Sequence[Span]) -> list[Span]:
    """Join spans that overlap, so that nothing that one of them covers stays readable; ``spans`` in order of start."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            likelier = span if span.score > last.score else last
            joined[-1] = Span(last.start, max(last.end, span.end), likelier.label, likelier.score)
        else:
            joined.append(span)
    return joined


def outside(text: str, spans: Sequence[Span], replacements: Sequence[Replacement]) -> list[Span]:
    """Return the spans of a redacted text of which a letter or digit lies outside what was written in place of values.

    Replacements in order of start.
    """
    starts = [replacement.start for replacement in replacements]
    return [span for span in spans if any(map(str.isalnum, _parts_outside(text, span, replacements, starts)))]


def _parts_outside(text: str, span: Span, replacements: Sequence[Replacement], starts: Sequence[int]) -> Iterator[str]:
    at = span.start
    for replacement in replacements[max(bisect_right(starts, span.start) - 1, 0) :]:
        if replacement.start >= span.end:
            break
        yield from text[at : replacement.start]
        at = max(at, replacement.end)
    yield from text[at : span.end]
