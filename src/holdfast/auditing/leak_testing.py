"""Whether redaction leaves anything of what people marked as personal data: a test on a labelled sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from holdfast.auditing.redacting import Finder
from holdfast.core.errors import InputError
from holdfast.core.redaction import LeakRate
from holdfast.kernels.personal_data.rule import Span
from holdfast.kernels.stats.clustered_shares import clustered_share
from holdfast.redaction.plan import Plan
from holdfast.redaction.redacting import united

LEVEL = 0.95
LARGEST = 256 << 20


class Labelled(NamedTuple):
    """A text with the spans that people marked; texts of one group are alike, such as filled from one template."""

    text: str
    spans: list[Span]
    group: str


def read_labelled(path: Path) -> list[Labelled]:
    """Read a labelled sample: JSON lines with ``text``, ``spans`` of ``start``, ``end``, ``label``, perhaps ``group``.

    Raises
    ------
    InputError
        Naming the line and what is wrong with it.
    """
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise InputError(f"expected a labelled sample of at most {LARGEST >> 20} MiB in {path}")
    found: list[Labelled] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                entry = json.loads(line)
                text = str(entry["text"])
                spans = [Span(int(s["start"]), int(s["end"]), str(s["label"]), 1.0) for s in entry["spans"]]
            except (ValueError, TypeError, KeyError):
                raise InputError(
                    f"{path}, line {number}: expected a JSON object with `text` and `spans`",
                    hint="each span has `start`, `end` (code points) and `label`",
                ) from None
            if any(not 0 <= span.start < span.end <= len(text) for span in spans):
                raise InputError(f"{path}, line {number}: a span lies outside its text of {len(text)} characters")
            found.append(Labelled(text, spans, str(entry.get("group", number))))
    if not any(labelled.spans for labelled in found):
        raise InputError(f"expected at least one labelled span in {path}, got none")
    return found


def leak_rates(sample: Sequence[Labelled], plan: Plan, detector: Finder) -> tuple[LeakRate, ...]:
    """Measure what share of labelled spans a plan would leave readable.

    Spans whose label the plan keeps do not count. Only whether the detector finds them matters, not how they are
    replaced; masks and bands leave on purpose what the plan says.

    Returns
    -------
    tuple of LeakRate
        Spans of which every letter and digit stays, spans of which at least one does, and the latter label by label.
    """
    found = detector.find([labelled.text for labelled in sample])
    seen = [
        _Seen(labelled.group, gold.label, *_readable(labelled.text, gold, covered))
        for labelled, spans in zip(sample, found, strict=True)
        for covered in [_covered(labelled.text, spans, plan)]
        for gold in labelled.spans
        if plan.rule_of(gold.label).transform != "keep"
    ]
    if not seen:
        raise InputError("the plan keeps every label of the sample, so nothing can leak", hint="use another plan")
    labels = sorted({one.label for one in seen})
    by_label = [_rate([one for one in seen if one.label == label], "part", label) for label in labels]
    return _rate(seen, "whole"), _rate(seen, "part"), *by_label


class _Seen(NamedTuple):
    """A marked span after redaction: whether all of it, or any of it, is readable."""

    group: str
    label: str
    whole: bool
    part: bool


def _covered(text: str, spans: Sequence[Span], plan: Plan) -> bytearray:
    covered = bytearray(len(text))
    for span in united(sorted(s for s in spans if plan.rule_of(s.label).transform != "keep")):
        covered[span.start : span.end] = b"\1" * (span.end - span.start)
    return covered


def _readable(text: str, gold: Span, covered: bytearray) -> tuple[bool, bool]:
    places = [at for at in range(gold.start, gold.end) if text[at].isalnum()] or range(gold.start, gold.end)
    readable = [not covered[at] for at in places]
    return all(readable), any(readable)


def _rate(seen: Sequence[_Seen], what: Literal["whole", "part"], label: str = "") -> LeakRate:
    n, leaked = Counter(one.group for one in seen), Counter(one.group for one in seen if getattr(one, what))
    groups = sorted(n)
    share = clustered_share([leaked[group] for group in groups], [n[group] for group in groups], level=LEVEL)
    return LeakRate(
        what=what, label=label, n=n.total(), n_leaked=leaked.total(), n_groups=len(groups), value=share.value,
        low=share.low, high=share.high, level=LEVEL, method="Clopper-Pearson at the effective size of clusters",
    )  # fmt: skip
