"""Judge the detector by a labelled sample, and hold the result against limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.formats.strict_json import JsonError, read_json
from holdfast.kernels.personal_data.detector import Detector
from holdfast.kernels.personal_data.rule import Span
from holdfast.kernels.personal_data.scoring import ALIASES, LabelScore, score_spans

LONGEST_RECORD = 1 << 24
BATCH = 1024


class Labelled(NamedTuple):
    """One record of a labelled sample."""

    text: str
    spans: list[Span]
    group: object


@dataclass(frozen=True, slots=True)
class Scored:
    """What a labelled sample says about the detector.

    Attributes
    ----------
    scores
        Of all labels together first, then of each label of the sample.
    n_records, n_groups
        Records, and groups of records that were made alike; intervals are of the groups.
    not_counted
        Labels that were found and that the sample does not know, with how often.
    failures
        Limits that do not hold, in sentences; empty when all hold or none was set.
    """

    scores: Sequence[LabelScore]
    n_records: int
    n_groups: int
    not_counted: Mapping[str, int]
    failures: tuple[str, ...]


def evaluate(
    path: Path,
    detector: Detector,
    *,
    field: str = "text",
    truth: str = "spans",
    group: str = "",
    labels: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    min_f1: float | None = None,
    max_leak: float | None = None,
    level: float = 0.95,
) -> Scored:
    """Search the texts of a labelled sample, and compare.

    Parameters
    ----------
    path
        JSON lines.
    field, truth, group
        Where a record holds its text, its spans (``start``, ``end``, ``label``) and what it belongs to; without a group
        every record stands for itself.
    labels
        Labels of the sample that count; all when empty.
    names
        Further names: label of the sample or of the detector to the name it is compared under.
    min_f1, max_leak
        Limits on the F1 of exact spans and on the leak rate over all labels, held against the bad end of the interval.

    Raises
    ------
    InputError
        For a record that is not as described, and a label that the sample does not have.
    """
    for name, limit in (("--min-f1", min_f1), ("--max-leak", max_leak)):
        if limit is not None and not 0.0 <= limit <= 1.0:
            raise InputError(f"expected {name} from 0 to 1, got {limit}")
    renamed = {**ALIASES, **(names or {})}
    records = list(_records(path, field, truth, group))
    if not records:
        raise InputError(f"expected labelled records in {path}, got an empty file")
    wanted = {renamed.get(label, label) for label in labels}
    gold = [_renamed(record.spans, renamed) for record in records]
    known = {span.label for spans in gold for span in spans}
    for label in sorted(wanted - known):
        raise InputError(f"no span of {path} has the label {label!r}", hint=did_you_mean(label, sorted(known)))
    found: list[list[Span]] = []
    for start in range(0, len(records), BATCH):
        part = records[start : start + BATCH]
        found += [_renamed(spans, renamed) for spans in detector.find([record.text for record in part])]
    if wanted:
        gold = [[span for span in spans if span.label in wanted] for spans in gold]
    counted = wanted or known
    not_counted: dict[str, int] = {}
    for span in (span for spans in found for span in spans if span.label not in counted):
        not_counted[span.label] = not_counted.get(span.label, 0) + 1
    groups = [record.group for record in records] if group else None
    scores = score_spans(gold, found, groups=groups, level=level)
    n_groups = len(set(groups)) if groups else len(records)
    return Scored(scores, len(records), n_groups, not_counted, _failures(scores[0], min_f1, max_leak))


def _failures(score: LabelScore, min_f1: float | None, max_leak: float | None) -> tuple[str, ...]:
    failures = []
    if min_f1 is not None and not score.f1.low >= min_f1:
        failures.append(_failure("F1", score.f1.value >= min_f1, f"at least {min_f1:g}", score.f1.low, "low"))
    if max_leak is not None and not score.leak.high <= max_leak:
        failures.append(
            _failure("the leak rate", score.leak.value <= max_leak, f"at most {max_leak:g}", score.leak.high, "high")
        )
    return tuple(failures)


def _failure(name: str, is_met: bool, limit: str, end: float, side: str) -> str:
    said = f"expected {name} of {limit}; the {side} end of its interval is {end:.3f}"
    return f"{said}; the estimate itself keeps the limit, so a larger sample may show it" if is_met else said


def _renamed(spans: Sequence[Span], names: Mapping[str, str]) -> list[Span]:
    return [span._replace(label=names.get(span.label, span.label)) for span in spans]


def _records(path: Path, field: str, truth: str, group: str) -> Iterator[Labelled]:
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(LONGEST_RECORD):
            number += 1
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                value = read_json(memoryview(line.removeprefix(b"\xef\xbb\xbf"))).value
            except JsonError as error:
                raise InputError(f"{where}: not valid JSON: {error}") from None
            yield _record(value, field, truth, group, where)


def _record(value: Any, field: str, truth: str, group: str, where: str) -> Labelled:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, got {type(value).__name__}")
    for name in (field, truth, *([group] if group else [])):
        if name not in value:
            raise InputError(f"{where}: there is no field {name!r}", hint=did_you_mean(name, value))
    text, spans = value[field], value[truth]
    if not isinstance(text, str):
        raise InputError(f"{where}: expected text in the field {field!r}, got {type(text).__name__}")
    if not isinstance(spans, list):
        raise InputError(f"{where}: expected a list of spans in the field {truth!r}, got {type(spans).__name__}")
    of = value[group] if group else None
    return Labelled(text, [_span(span, len(text), where) for span in spans], of if isinstance(of, str) else repr(of))


def _span(value: Any, length: int, where: str) -> Span:
    if not isinstance(value, dict) or not {"start", "end", "label"} <= value.keys():
        raise InputError(f"{where}: expected spans with start, end and label, got {value!r:.80}")
    start, end, label = value["start"], value["end"], value["label"]
    is_sound = type(start) is int and type(end) is int and 0 <= start < end <= length and isinstance(label, str)
    if not is_sound:
        raise InputError(
            f"{where}: expected a label and 0 <= start < end <= {length}, got {value!r:.80}",
            hint="offsets count code points of the text, and the end is exclusive",
        )
    return Span(start, end, label, 1.0)
