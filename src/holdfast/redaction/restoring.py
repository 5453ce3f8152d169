"""Put back what a plan has written in a way that can be undone."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from holdfast.core.errors import InputError
from holdfast.redaction.documents import Leaf
from holdfast.redaction.keys import Key, KeyRing, derive
from holdfast.redaction.plan import Plan
from holdfast.redaction.redacting import Redacted
from holdfast.redaction.tokens import JSON, TOKEN, Altered, Parts, Sealer, may_hold_tokens, read_token
from holdfast.redaction.transforms import FormatCipher, format_cipher
from holdfast.redaction.vault import Vault


class Restorer:
    """Keys, and perhaps a vault, ready to undo; for one thread. ``restored`` counts by method."""

    def __init__(self, keys: KeyRing, *, vault: Vault | None = None) -> None:
        self.keys = keys
        self.restored: Counter[str] = Counter()
        self.n_altered = 0
        self.n_erased = 0
        self._vault = vault
        self._sealers: dict[tuple[str, str], Sealer] = {}

    def restore_text(self, text: str) -> str:
        """Put values back in place of the tokens of a text.

        Tokens that were altered, and those whose value was erased, stay as they are and are counted.

        Raises
        ------
        InputError
            When a key is needed that is not in the ring, or a vault that is not given.
        """
        return TOKEN.sub(lambda found: self._value(found)[0], text) if may_hold_tokens(text) else text

    def restore_value(self, text: str) -> object:
        """Do the same for a text of a JSON document: one that is a token of a number or the like becomes that again."""
        found = TOKEN.fullmatch(text) if may_hold_tokens(text) else None
        if found is None:
            return self.restore_text(text)
        value, kind = self._value(found)
        return json.loads(value) if kind == JSON else value

    def _value(self, found: re.Match[str]) -> tuple[str, bytes]:
        try:
            parts = read_token(found)
            opened = self._kept(parts) if parts.kind == "v" else self._sealer(parts).opened(parts)
        except Altered:
            self.n_altered += 1
            return found.group(), b""
        if opened is None:
            self.n_erased += 1
            return found.group(), b""
        self.restored["vault" if parts.kind == "v" else "token"] += 1
        return opened

    def _sealer(self, parts: Parts) -> Sealer:
        place = parts.key_id, parts.purpose
        if place not in self._sealers:
            self._sealers[place] = Sealer(self.keys.find(parts.key_id), parts.purpose)
        return self._sealers[place]

    def _kept(self, parts: Parts) -> tuple[str, bytes] | None:
        if self._vault is None:
            raise InputError(
                f"expected the vault that the token of a {parts.label} leads to, none was given",
                hint="add --vault FILE",
            )
        return self._vault.get(parts)


class Place(NamedTuple):
    """Where in a record a value was encrypted in its format.

    text: number of the text within the record. start, end: code points. rule: name of the column or path whose rule it
    was; empty: the rule of the label. is_number: it is a number, which never begins with a zero.
    """

    text: int
    start: int
    end: int
    label: str
    rule: str
    is_number: bool


def format_places(record: Sequence[Redacted], leaves: Sequence[Leaf]) -> list[Place]:
    """Return the places of a record that only a note of them can undo."""
    return [
        Place(number, found.start, found.end, found.label, text.rule, leaf.is_number)
        for number, (text, leaf) in enumerate(zip(record, leaves, strict=True))
        for found in text.replacements
        if found.method == "encrypt"
    ]


class FormatRestorer:
    """Undoes encryption in the format, whose places in a record are known."""

    def __init__(self, plan: Plan, key: Key) -> None:
        self._plan = plan
        self._key = key
        self._changes: dict[tuple[str, str], FormatCipher] = {}

    def restore(self, texts: Sequence[str], places: Sequence[Place]) -> list[str]:
        """Put values back into the texts of a record; its seal must have been checked."""
        restored = list(texts)
        for place in places:
            text = restored[place.text]
            value = self._change(place)(text[place.start : place.end], True, place.is_number)
            if value is not None:
                restored[place.text] = text[: place.start] + value + text[place.end :]
        return restored

    def _change(self, place: Place) -> FormatCipher:
        if (place.rule, place.label) not in self._changes:
            rule = self._plan.named(place.rule) or self._plan.rule_of(place.label)
            self._changes[place.rule, place.label] = format_cipher(rule, place.label, self._key, self._plan.purpose)
        return self._changes[place.rule, place.label]


def record_seal(key: Key, purpose: str, number: int, texts: Sequence[str], places: Sequence[Place]) -> str:
    """Compute what vouches for those texts of a record that hold values encrypted in their format, and for the places.

    FF1 itself decrypts anything to something; this tells an altered record apart.
    """
    sealed = [(*place, texts[place.text] if place.text < len(texts) else "") for place in places]
    content = json.dumps([number, sealed], separators=(",", ":"))
    return hmac.digest(derive(key.secret, "record", purpose), content.encode(), hashlib.sha256).hex()[:32]
