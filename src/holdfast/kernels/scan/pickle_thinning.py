"""What is remembered of the values of a large pickle: enough for the rules, and little memory for each."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.allow_rules import NAMING_KEYS
from holdfast.kernels.scan.pickle_arrays import is_code
from holdfast.kernels.scan.pickle_copies import ENDLESS
from holdfast.kernels.scan.pickle_keys import heavy
from holdfast.kernels.scan.pickle_uses import is_special
from holdfast.kernels.scan.pickle_values import (
    FORGOTTEN,
    ITEM_BYTES,
    LIST,
    LONG,
    Bulk,
    Dict,
    Global,
    Holder,
    Lazy,
    List,
    Stored,
    Tuple,
    Value,
    Wrapper,
)

MOST_TEXTS = 50_000
COSTLY = (Bulk, Dict, Holder, bytes, Wrapper)


class Thinner:
    """Replaces values by shared ones; a text that some rule asks for stays as it is."""

    def __init__(self, allow: AllowList, keys: AbstractSet[str]) -> None:
        self._allow = allow
        self._keys = keys
        self._texts: dict[str, str] = {}
        self._ranges: dict[Global, Lazy] = {}

    def thinned(self, value: Value) -> Value:
        """Return a shared value in place of one that costs memory."""
        if value.__class__ is str:
            texts = self._texts or self._known_texts()
            return texts[value] if value in texts else self._thinned_text(value)
        if value.__class__ is Dict:
            return FORGOTTEN
        if type(value) is int:
            return value if -5 <= value <= 256 else LONG
        if type(value) is bytes and len(value) <= 1:
            return value
        if isinstance(value, Tuple):
            is_known = value.is_plain
            return heavy("forgotten", value.cost) if is_known else Bulk("forgotten", value.cost, {FORGOTTEN: None})
        if isinstance(value, Stored):
            return heavy("forgotten", (value.end - value.start) // ITEM_BYTES)
        if isinstance(value, Lazy):
            return self._ranges.setdefault(value.of, Lazy(value.of, ENDLESS))
        return FORGOTTEN if isinstance(value, COSTLY) else LIST if isinstance(value, List) else value

    def _thinned_text(self, text: str) -> Value:
        if is_special(text):
            return FORGOTTEN
        if is_code(text) and len(self._texts) < MOST_TEXTS:
            return self._texts.setdefault(text, text)
        return heavy("str", len(text) // ITEM_BYTES)

    def _known_texts(self) -> dict[str, str]:
        names = {*self._allow.rules, *(name for names in self._allow.rules.values() for name in names)}
        texts = names.union(self._allow.constants(), self._allow.attributes(), self._keys, *NAMING_KEYS.values())
        self._texts = {text: text for text in texts}
        return self._texts
