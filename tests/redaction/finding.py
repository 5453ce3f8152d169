"""A detector of a few kinds of data by plain expressions, keys that never change, and plans for tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.keys import Key, KeyRing
from holdfast.redaction.plan import Plan, parse_plan

KEYS = KeyRing((Key(bytes(range(32))),))
OTHER_KEYS = KeyRing((Key(bytes(range(1, 33))),))
EXPRESSIONS = {
    "EMAIL_ADDRESS": r"[\w.]+@[\w.]+\w",
    "CREDIT_CARD": r"\b4\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b",
    "PERSON": r"\b(?:Ann|Bob|Zoë) \w+",
    "DATE_TIME": r"\b\d{4}-\d\d-\d\d\b",
}


class Finding:
    """Finds what the expressions describe."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [
            sorted(
                Span(*found.span(), label, 0.9) for label, e in EXPRESSIONS.items() for found in re.finditer(e, text)
            )
            for text in texts
        ]


def plan_of(default: object = "replace", **parts: object) -> Plan:
    """Make a plan of a default and parts."""
    return parse_plan({"purpose": "test", "default": default, **parts}, source="a test")
