"""Put the values of a redacted file back, for whoever holds the key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from holdfast.auditing.record_layouts import FORMATS, Records, format_of, open_records
from holdfast.auditing.redacting import note_of, refuse_to_overwrite
from holdfast.core.errors import InputError
from holdfast.core.redaction import RestoreRecord
from holdfast.evidence.writing import open_durably
from holdfast.redaction.documents import Leaf, number_of
from holdfast.redaction.keys import KeyRing
from holdfast.redaction.plan import Plan, Rule, parse_plan
from holdfast.redaction.restoring import FormatRestorer, Place, Restorer, record_seal
from holdfast.redaction.tokens import TOKEN
from holdfast.redaction.vault import open_vault

NOTHING = Plan(name="none", purpose="none", default=Rule(transform="keep"))
LONGEST_LINE = 16 << 20


class Noted(NamedTuple):
    """What is noted of one record."""

    record: int
    key_id: str
    seal: str
    places: list[Place]


def restore_file(
    source: Path,
    out: Path,
    keys: KeyRing,
    *,
    vault: Path | None = None,
    note: Path | None = None,
    format: str = "",
) -> RestoreRecord:
    """Write a copy of a redacted file with its values put back.

    Parameters
    ----------
    source, out
        The file is only read; ``out`` must not exist, and is readable by its owner only.
    vault
        Where ``vault`` tokens lead.
    note
        Where values were encrypted in their format; ``SOURCE.restore.jsonl`` otherwise, if it is there.

    Raises
    ------
    InputError
        When a key is needed that is not in the ring (its id is named), or a file cannot be used; nothing is written.
    """
    refuse_to_overwrite(source, out)
    found = note or note_of(source)
    with ExitStack() as stack:
        plan, layout = NOTHING, ""
        noted: Iterator[Noted] = iter(())
        notes: list[str] = []
        if note is not None or found.is_file():
            plan, layout, noted = _read_note(stack.enter_context(_open(found)), found)
        else:
            notes.append("No note of places was found: values encrypted in their format, if any, stay as they are.")
        kept = stack.enter_context(open_vault(vault, keys, create=False)) if vault is not None else None
        restorer = Restorer(keys, vault=kept)
        records = stack.enter_context(open_records(source, format_of(source, format or layout), NOTHING))
        run = _Run(restorer, plan, noted)
        with open_durably(out, mode=0o600, is_new=True) as file:
            records.write(run.restored(records), file)
    return RestoreRecord(
        source=source.name,
        output=out.name,
        n_records=run.n_records - records.n_heads,
        restored=dict(sorted(restorer.restored.items())),
        n_altered=restorer.n_altered,
        n_erased=restorer.n_erased,
        key_ids=tuple(key.id for key in keys.keys),
        notes=tuple(notes),
    )


def key_ids_in(source: Path, *, note: Path | None = None, format: str = "") -> tuple[str, ...]:
    """Return the ids of the keys that restoring a file takes, as its tokens and the note of its places name them."""
    ids: set[str] = set()
    found = note or note_of(source)
    layout = ""
    if note is not None or found.is_file():
        with _open(found) as stream:
            _, layout, noted = _read_note(stream, found)
            ids.update(one.key_id for one in noted)
    with open_records(source, format_of(source, format or layout), NOTHING) as records:
        for record in records.records:
            for leaf in records.take_apart(record)[0]:
                ids.update(match.group(3) for match in TOKEN.finditer(leaf.text))
    return tuple(sorted(ids))


@dataclass
class _Run:
    """The records of one file on their way back."""

    restorer: Restorer
    plan: Plan
    noted: Iterator[Noted]
    n_records: int = 0

    def restored(self, records: Records) -> Iterator[Any]:
        """Yield restored records."""
        following = next(self.noted, None)
        for number, record in enumerate(records.records):
            leaves, _ = records.take_apart(record)
            texts = [leaf.text for leaf in leaves]
            if following is not None and following.record == number:
                texts = self._in_format(following, texts)
                following = next(self.noted, None)
            values = [self._value(leaf, text) for leaf, text in zip(leaves, texts, strict=True)]
            self.n_records += 1
            yield records.put_together(record, values)
        while following is not None:  # records that were cut off
            self.restorer.n_altered += 1
            following = next(self.noted, None)

    def _value(self, leaf: Leaf, text: str) -> object:
        if leaf.is_null:
            return None
        return number_of(text) if leaf.is_number else self.restorer.restore_value(text)

    def _in_format(self, noted: Noted, texts: Sequence[str]) -> list[str]:
        key = self.restorer.keys.find(noted.key_id)
        seal = record_seal(key, self.plan.purpose, noted.record, texts, noted.places)
        if not hmac.compare_digest(seal, noted.seal):
            self.restorer.n_altered += 1
            return list(texts)
        self.restorer.restored["encrypt"] += len(noted.places)
        return FormatRestorer(self.plan, key).restore(texts, noted.places)


def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise InputError(f"expected the note of a redaction in {path}, found none", hint="it lies beside the output")
    return path.open("rb")


def _read_note(stream: BinaryIO, path: Path) -> tuple[Plan, str, Iterator[Noted]]:
    try:
        head = json.loads(stream.readline(LONGEST_LINE))
        is_note = head["holdfast_restore"] == 1 and head["format"] in FORMATS
        name, rules = str(head["plan"]), head["rules"]
    except (ValueError, TypeError, KeyError):
        is_note = False
    if not is_note:
        raise InputError(f"expected the note of a redaction in {path}, got something else")
    return parse_plan(rules, source=str(path), name=name), head["format"], _read_places(stream, path)


def _place(text: object, start: object, end: object, label: object, rule: object, is_number: object) -> Place:
    match text, start, end, label, rule, is_number:
        case int(), int(), int(), str(), str(), bool():
            return Place(text, start, end, label, rule, is_number)
    raise ValueError


def _read_places(stream: BinaryIO, path: Path) -> Iterator[Noted]:
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), start=2):
        try:
            entry = json.loads(line)
            places = [_place(*place) for place in entry["places"]]
            yield Noted(int(entry["record"]), str(entry["key"]), str(entry["seal"]), places)
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{path}, line {number}, is damaged", hint="restore the note from a copy") from None
