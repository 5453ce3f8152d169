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
        Spans of which every letter and digit stays, and spans of which at least one does.
    """
    found = detector.find([labelled.text for labelled in sample])
    counts: dict[Literal["whole", "part"], Counter[str]] = {"whole": Counter(), "part": Counter()}
    n: Counter[str] = Counter()
    for labelled, spans in zip(sample, found, strict=True):
        covered = bytearray(len(labelled.text))
        for span in united(sorted(s for s in spans if plan.rule_of(s.label).transform != "keep")):
            covered[span.start : span.end] = b"\1" * (span.end - span.start)
        for gold in labelled.spans:
            if plan.rule_of(gold.label).transform == "keep":
                continue
            seen = [not covered[at] for at in range(gold.start, gold.end) if labelled.text[at].isalnum()] or [
                not all(covered[gold.start : gold.end])
            ]
            n[labelled.group] += 1
            counts["whole"][labelled.group] += all(seen)
            counts["part"][labelled.group] += any(seen)
    groups = sorted(n)
    if not groups:
        raise InputError("the plan keeps every label of the sample, so nothing can leak", hint="use another plan")
    rates = []
    for what, leaked in counts.items():
        share = clustered_share([leaked[group] for group in groups], [n[group] for group in groups], level=LEVEL)
        rates.append(
            LeakRate(
                what=what, n=n.total(), n_leaked=leaked.total(), n_groups=len(groups), value=share.value,
                low=share.low, high=share.high, level=LEVEL, method="Clopper-Pearson at the effective size of clusters",
            )
        )  # fmt: skip
    return tuple(rates)
