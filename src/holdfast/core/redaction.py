"""What was done to personal data, what of it can be undone and by whom, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Standing = Literal["kept", "removed", "coarser", "pseudonymised", "reversible"]


@dataclass(frozen=True, slots=True)
class Method:
    """A way of treating a value.

    Attributes
    ----------
    standing
        ``removed``: nothing of the value is left. ``coarser``: less of it is left. ``pseudonymised``: who holds the key
        can tell equal values and confirm a guess. ``reversible``: who holds the key can read the value.
    words
        What it does, for people.
    """

    standing: Standing
    words: str


METHODS: dict[str, Method] = {
    "keep": Method("kept", "left as it is"),
    "drop": Method("removed", "taken out"),
    "suppress": Method("removed", "the whole record is left out"),
    "replace": Method("removed", "replaced by its type and a number within the record"),
    "mask": Method("coarser", "covered; length and shape stay, and the characters that the plan keeps"),
    "generalise": Method("coarser", "made coarser: a band, a prefix, a year or a network"),
    "hash": Method("pseudonymised", "keyed hash (HMAC-SHA256): equal values can be linked, values cannot be read"),
    "shift_date": Method(
        "pseudonymised",
        "moved by a number of days that the key and the subject fix; intervals within a subject stay",
    ),
    "token": Method("reversible", "AES-SIV token: whoever holds the key reads the value; altered tokens are noticed"),
    "vault": Method("reversible", "random token; the encrypted value lies in the vault and can be erased there"),
    "encrypt": Method("reversible", "FF1 encryption in the same format; it has no integrity of its own"),
}
PERSONAL_STILL = (
    "Pseudonymised data is still personal data: whoever has the key, or other knowledge, can tell whom it is about "
    "(GDPR Art. 4(5), recital 26). Keep the key apart from the data."
)
NOT_ANONYMOUS = (
    "Nothing here shows that the rest is anonymous: people may be recognised by what no rule describes, or by the "
    "combination of what was left (GDPR recital 26)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatedCount:
    """How many values of one label were treated in one way, under which key (empty: none needed)."""

    label: str
    method: str
    n: int
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRate:
    """The share of labelled spans that redaction left readable.

    Attributes
    ----------
    what
        ``whole``: every letter and digit of the span is outside what was replaced. ``part``: at least one is.
    n, n_groups
        Labelled spans, and groups that they come from (sentence templates, documents).
    """

    what: Literal["whole", "part"]
    n: int
    n_leaked: int
    n_groups: int
    value: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityChange:
    """A model's score on the table as it was and as it is, on the same rows; the difference is after minus before."""

    metric: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    level: float
    method: str
    is_retrained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionRecord:
    """What one run of redaction did.

    Attributes
    ----------
    source, output
        Names of the files.
    plan, purpose
        The plan's name and what it is for.
    n_records, n_suppressed
        Records read, and those left out.
    treated
        Counts by label and method.
    fallbacks
        By label: values that the wanted method could not hold, so that another was used.
    remaining
        By label: what the detector still finds outside the replacements; ``None`` when nobody looked.
    notes
        What else the reader should know.
    """

    source: str
    output: str
    plan: str
    purpose: str
    n_records: int
    n_suppressed: int
    treated: tuple[TreatedCount, ...]
    fallbacks: dict[str, int]
    remaining: dict[str, int] | None
    leaks: tuple[LeakRate, ...] = ()
    quality: tuple[QualityChange, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the keys that something was written under."""
        return tuple(sorted({count.key_id for count in self.treated if count.key_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRecord:
    """What one run of restoring did.

    Attributes
    ----------
    restored
        By method: values put back.
    n_altered
        Tokens and records that the right key does not vouch for: altered, or never written by it. They stay as found.
    n_erased
        Tokens whose value is not in the vault any more.
    """

    source: str
    output: str
    n_records: int
    restored: dict[str, int]
    n_altered: int
    n_erased: int
    key_ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
