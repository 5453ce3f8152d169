"""Redact a file as a plan says: record by record, written whole or not at all, and looked at again afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from holdfast.auditing.record_layouts import Records, format_of, open_records
from holdfast.core.errors import InputError
from holdfast.core.redaction import RedactionRecord
from holdfast.evidence.writing import open_durably
from holdfast.kernels.personal_data.column_names import match_name
from holdfast.kernels.personal_data.passages import behind
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.documents import Leaf, RedactedRecord, redact_record
from holdfast.redaction.keys import KeyRing
from holdfast.redaction.plan import PRESETS, Plan, Rule, parse_plan, preset_plan
from holdfast.redaction.redacting import Redacted, Redactor, outside
from holdfast.redaction.restoring import format_places, record_seal
from holdfast.redaction.vault import open_vault

AT_ONCE = 512
CHARACTERS_AT_ONCE = 1 << 20
NOTE_SUFFIX = ".restore.jsonl"
LARGEST_PLAN = 1 << 20


class Finder(Protocol):
    """What finds spans: `holdfast.kernels.personal_data.detector.Detector`, or anything like it."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]: ...


class Taken(NamedTuple):
    """A record, taken apart."""

    record: Any
    leaves: list[Leaf]
    subject: str


def load_plan(name_or_path: str) -> Plan:
    """Return a plan that comes with Holdfast, or read one from a file.

    Raises
    ------
    InputError
        When there is neither, or the file is no valid plan.
    """
    if name_or_path in PRESETS:
        return preset_plan(name_or_path)
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise InputError(
            f"expected a redaction plan or file, got {name_or_path!r}", hint=f"plans: {', '.join(PRESETS)}; or a file"
        )
    if path.stat().st_size > LARGEST_PLAN:
        raise InputError(f"expected a plan of at most {LARGEST_PLAN >> 20} MiB, {path} is larger")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"expected UTF-8 in {path}, got other bytes at position {error.start}") from None
    return parse_plan(text, source=str(path), name="".join(c if c.isalnum() else "-" for c in path.stem.lower())[:32])


def redact_file(
    source: Path,
    out: Path,
    plan: Plan,
    detector: Finder,
    *,
    keys: KeyRing | None = None,
    vault: Path | None = None,
    format: str = "",
    look_again: bool = True,
) -> RedactionRecord:
    """Write a redacted copy of a file.

    Parameters
    ----------
    source, out
        The file is only read; ``out`` must not exist. Where the plan encrypts values in their format, their places go
        to ``OUT.restore.jsonl``, which `restore_file` needs and which holds no value.
    detector
        Finds the spans of texts that no column or path of the plan names.
    keys, vault
        Where the plan needs them.
    format
        ``jsonl``, ``json``, ``csv``, ``log``, ``text`` or ``parquet``; by the suffix otherwise.
    look_again
        Whether the detector looks at what was written, outside what replaced values.

    Raises
    ------
    InputError
        When the file or plan cannot be used; nothing is written then.
    """
    refuse_to_overwrite(source, out)
    note = note_of(out) if any(rule.transform == "encrypt" for rule in plan.rules) else None
    if note is not None:
        refuse_to_overwrite(source, note)
    with ExitStack() as stack:
        kept = None
        if vault is not None and plan.needs_vault and keys is not None:
            kept = stack.enter_context(open_vault(vault, keys, create=True))
        redactor = Redactor(plan, keys=keys, vault=kept)
        layout = format_of(source, format)
        records = stack.enter_context(open_records(source, layout, plan))
        # what is entered last is finished first: vault and note must lead somewhere before anybody sees the output
        file = stack.enter_context(open_durably(out, is_new=True))
        noted = None if note is None else stack.enter_context(open_durably(note, mode=0o600, is_new=True))
        run = _Run(redactor, detector, keys, noted, look_again)
        if noted is not None:
            noted.write(_note_head(plan, layout))
        records.write(run.redacted(records), file)
        if kept is not None:
            kept.commit()
    return RedactionRecord(
        source=source.name,
        output=out.name,
        plan=plan.name,
        purpose=plan.purpose,
        n_records=run.n_records - records.n_heads,
        n_suppressed=run.n_suppressed,
        treated=redactor.tally.counts(),
        fallbacks=dict(sorted(redactor.tally.fallbacks.items())),
        remaining=dict(sorted(run.remaining.items())) if look_again else None,
        notes=(*records.notes, *_notes(plan, redactor, note, records.columns)),
    )


@dataclass
class _Run:
    """The records of one file on their way; counts what was left out and what is left."""

    redactor: Redactor
    detector: Finder
    keys: KeyRing | None
    noted: BinaryIO | None
    look_again: bool
    n_records: int = 0
    n_suppressed: int = 0
    n_written: int = 0
    remaining: Counter[str] = field(default_factory=Counter)

    def redacted(self, records: Records) -> Iterator[Any]:
        """Yield redacted records, for which the detector is asked many at once."""
        for batch in _batches(Taken(record, *records.take_apart(record)) for record in records.records):
            spans = self._spans([leaf for taken in batch for leaf in taken.leaves])
            written: list[tuple[Leaf, Redacted]] = []
            for taken in batch:
                self.n_records += 1
                found = list(islice(spans, len(taken.leaves)))
                done = redact_record(taken.leaves, found, self.redactor, taken.subject)
                if done is None:
                    self.n_suppressed += 1
                    continue
                self._note(done, taken.leaves)
                self.n_written += 1
                written += zip(taken.leaves, done.texts, strict=True)
                yield records.put_together(taken.record, done.values)
            if self.look_again:
                self._look_again(written)

    def _spans(self, leaves: Sequence[Leaf]) -> Iterator[Sequence[Span]]:
        asked = [leaf.context + leaf.searched for leaf in leaves if leaf.text and not leaf.rule]
        found = iter(self.detector.find(asked) if asked else [])
        return iter([behind(leaf.context, next(found)) if leaf.text and not leaf.rule else () for leaf in leaves])

    def _note(self, done: RedactedRecord, leaves: Sequence[Leaf]) -> None:
        places = format_places(done.texts, leaves) if self.noted is not None else []
        if self.noted is None or not places or self.keys is None:
            return
        key = self.keys.newest
        texts = [text.text or "" for text in done.texts]
        seal = record_seal(key, self.redactor.plan.purpose, self.n_written, texts, places)
        line = {"record": self.n_written, "key": key.id, "seal": seal, "places": places}
        self.noted.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def _look_again(self, written: Sequence[tuple[Leaf, Redacted]]) -> None:
        texts = [(leaf.context, done.text, done) for leaf, done in written if done.text]
        found = self.detector.find([context + text for context, text, _ in texts]) if texts else []
        for (context, text, done), spans in zip(texts, found, strict=True):
            for span in outside(text, behind(context, spans), done.replacements):
                if self.redactor.plan.rule_of(span.label).transform != "keep":
                    self.remaining[span.label] += 1


def _batches(taken: Iterable[Taken]) -> Iterator[list[Taken]]:
    batch: list[Taken] = []
    size = 0
    for one in taken:
        batch.append(one)
        size += sum(len(leaf.text) for leaf in one.leaves)
        if len(batch) >= AT_ONCE or size >= CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def note_of(out: Path) -> Path:
    """Return where the places of a redacted file are noted."""
    return out.with_name(out.name + NOTE_SUFFIX)


def refuse_to_overwrite(source: Path, out: Path) -> None:
    """Refuse an output that exists, the original above all."""
    if out.exists():
        what = "the original" if source.exists() and out.samefile(source) else "a file that exists"
        raise InputError(f"{out} is {what}, and no file is overwritten", hint="choose another name with -o")


def _notes(plan: Plan, redactor: Redactor, note: Path | None, columns: Sequence[str]) -> Iterator[str]:
    said = [(name, match_name(name)) for name in columns if name not in plan.columns]
    telling = [f"{name} ({kind.label})" for name, kind in said if kind is not None and kind.role != "other"]
    if telling:
        yield (
            f"By their names, these columns hold personal data: {', '.join(telling)}. The plan does not name them, so "
            "only what was found in their cells was treated."
        )
    found = {label for label, _, _ in redactor.tally.treated}
    if plan.name not in PRESETS:
        for label in sorted(set(plan.labels) - found):
            yield f"The plan names {label}, and nothing of that label was found."
    if redactor.tally.fallbacks:
        yield (
            "Some values do not fit their method (too few possible values, other scripts, wrong check digits, no such "
            "date or number); they became tokens or placeholders."
        )
    if any(method == "shift_date" for _, method, _ in redactor.tally.treated) and not plan.subject:
        yield "The plan names no subject: all dates were moved by the same number of days."
    if note is not None:
        yield f"{note.name} holds where values were encrypted in their format; keep it, restoring needs it."


def plan_document(plan: Plan) -> dict[str, Any]:
    """Write a plan as `parse_plan` reads it."""
    return {
        "purpose": plan.purpose,
        "default": _rule_document(plan.default),
        **{part: {name: _rule_document(rule) for name, rule in getattr(plan, part).items()}
           for part in ("labels", "columns", "paths")},
        "subject": plan.subject,
    }  # fmt: skip


def _rule_document(rule: Rule) -> dict[str, Any]:
    usual = {option.name: option.default for option in fields(Rule)}
    return {name: value for name, value in asdict(rule).items() if name == "transform" or value != usual[name]}


def _note_head(plan: Plan, layout: str) -> bytes:
    head = {"holdfast_restore": 1, "format": layout, "plan": plan.name, "rules": plan_document(plan)}
    return json.dumps(head, separators=(",", ":")).encode() + b"\n"
