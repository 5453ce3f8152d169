"""What kind of personal data a column of a table holds, by its name, its values and how often they repeat."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.column_names import NameMatch, Role, match_name, name_words
from holdfast.kernels.personal_data.lexicon import SPECIAL
from holdfast.kernels.personal_data.rule import Span
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import wilson

SAMPLE = 300
MOST_ROWS = 5_000
MOST = 0.5  # a column is of a kind when at least so many of its values are, sampling error allowed for
_UNIQUE = 0.98
_CODE = re.compile(r"[A-Za-z]{0,6}[-_/ ]?\d{4,}|[0-9a-fA-F-]{16,}|(?=[^a-z ]*\d)[A-Z0-9-]{6,}")
_ID_WORDS = frozenset("id uid uuid guid key no nr num number nummer numero numer code ref reference index".split())
# as names of columns have them, and as the detector does
_SPECIAL = frozenset({
    "HEALTH", "RELIGION", "POLITICS", "UNION", "SEXUALITY", "ETHNICITY", "BIOMETRIC", "CRIME",
    *(name.upper() for name in SPECIAL),
})  # fmt: skip
_QUASI = frozenset({"AGE", "DOB", "ZIP_CODE", "LOCATION", "NRP", "TITLE", "SEX", "POSTAL"})
_NEITHER = frozenset({"DATE_TIME", "URL", "ORGANIZATION"})
# Labels that a detector gives and a name may say more exactly.
_NARROWER = {"DATE_TIME": {"DOB"}, "LOCATION": {"ADDRESS", "ZIP_CODE"}, "PHONE_NUMBER": {"NATIONAL_ID", "US_SSN", "ID"}}
_ATTRIBUTES_OTHERS_SEE = frozenset({"ETHNICITY", "ETHNIC_ORIGIN", "BODY"})


class Finder(Protocol):
    """What finds personal data in texts: see :class:`holdfast.kernels.personal_data.detector.Detector`."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find spans in each text."""


class ColumnType(NamedTuple):
    """What a column seems to hold.

    Attributes
    ----------
    label
        The kind of personal data, as the detector and the table of names call it; empty where none was recognised.
    role
        What it is for somebody who wants to know who a row is: see ``column_names``.
    is_known_to_others
        Whether others may know it of a person, so that it helps to find the row.
    found
        Share of values, among those that are not missing, that the detector takes for the label as a whole, with its
        Wilson interval; NaN within [0, 1] without values.
    n_values, n_distinct
        Values that are not missing, and different ones.
    reasons
        What this rests on.
    """

    label: str
    role: Role
    is_known_to_others: bool
    found: IntervalEstimate[float]
    n_values: int
    n_distinct: int
    reasons: tuple[str, ...]


def classify_columns(
    cells: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    detector: Finder,
    rng: np.random.Generator,
    level: float = 0.95,
) -> dict[str, ColumnType]:
    """Say what kind of personal data each column of a table holds, by the same few thousand rows, drawn by chance.

    Parameters
    ----------
    cells : mapping of str to sequence, length n_rows
        Columns by name.
    detector, rng, level
        See :func:`classify_column`.
    """
    n_rows = max((len(values) for values in cells.values()), default=0)
    rows = np.sort(rng.permutation(n_rows)[:MOST_ROWS])
    return {
        name: classify_column(name, np.asarray(values)[rows].tolist(), detector=detector, rng=rng, level=level)
        for name, values in cells.items()
    }


def classify_column(
    name: str, values: Sequence[Any], *, detector: Finder, rng: np.random.Generator, level: float = 0.95
) -> ColumnType:
    """Say what kind of personal data a column holds.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence, length n_rows
        Texts or numbers; ``None`` and NaN are missing.
    detector : Finder
        Asked about a sample of distinct values, each behind the words of the name, which are its context.
    rng : numpy.random.Generator
        Draws the sample.
    level : float, default 0.95

    Returns
    -------
    ColumnType

    Notes
    -----
    Values speak before the name does: where the lower end of the share that the detector finds whole is above a half,
    that is the label. Where it is not, a name counts unless the values contradict it (an age of 1,000, a sex of 40
    kinds, an e-mail column in which the detector finds none). Last, values that hardly repeat and look like numbers of
    an office make an identifier.
    """
    cells = _all_written(values)
    distinct = sorted(set(cells))
    drawn = [distinct[at] for at in rng.permutation(len(distinct))[:SAMPLE]]
    label, n_whole = _whole_label(name, drawn, detector)
    found = wilson(n_whole, len(drawn), level=level)
    said = match_name(name)
    reasons = [f"{n_whole} of {len(drawn)} values looked at are {label} as a whole"] if n_whole else []
    if n_whole and found.low >= MOST and not (said and said.label in _NARROWER.get(label, ())):
        role = role_of_label(label, said)
    elif said is not None and (doubt := _contradiction(said, cells, distinct, n_whole)) is None:
        label, role = said.label, said.role
        reasons.append(f"the name says {said.word!r}")
    elif _is_identifier(name, cells, distinct):
        label, role = "ID", "direct identifier"
        reasons.append(f"{len(distinct):,} of {len(cells):,} values differ and look like numbers of an office")
    else:
        label, role = "", "other"
        if said is not None:
            reasons.append(f"the name says {said.word!r}, but {doubt}")
    is_known = role == "quasi-identifier" or label in _ATTRIBUTES_OTHERS_SEE
    return ColumnType(label, role, is_known, found, len(cells), len(distinct), tuple(reasons))


def written(value: Any) -> str | None:
    """Write a cell as a person would; None where it is missing.

    Examples
    --------
    >>> written(49301234567.0), written(" a "), written(float("nan"))
    ('49301234567', 'a', None)
    """
    if value is None:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(value).strip()
    return text or None


def _all_written(values: Sequence[Any]) -> list[str]:
    """Write what is not missing; of numbers, which repeat, each once."""
    if set(map(type, values)) != {float}:
        return [text for value in values if (text := written(value)) is not None]
    known = {value: written(value) for value in set(values)}
    return [text for value in values if (text := known[value]) is not None]


def context_of(name: str) -> str:
    """Return what is put before a cell so that the detector knows the words of its column's name."""
    return " ".join(name_words(name)) + ": "


def _whole_label(name: str, values: Sequence[str], detector: Finder) -> tuple[str, int]:
    """Return the label that most values get as a whole, and how many; the first in the alphabet of equal ones."""
    ahead = context_of(name)
    counts: dict[str, int] = {}
    for value, spans in zip(values, detector.find([ahead + value for value in values]), strict=True):
        end = len(ahead) + len(value)
        whole = [span.label for span in spans if span.start <= len(ahead) and span.end >= end]
        for label in whole:
            counts[label] = counts.get(label, 0) + 1
    label = min(counts, key=lambda label: (-counts[label], label), default="")
    return label, counts.get(label, 0)


def role_of_label(label: str, said: NameMatch | None = None) -> Role:
    """Return the role of a kind of personal data, by the name of its column where that says the same kind."""
    if said is not None and said.label == label:
        return said.role
    if label in _SPECIAL:
        return "special category"
    if label in _QUASI:
        return "quasi-identifier"
    return "other" if label in _NEITHER else "direct identifier"


def _contradiction(said: NameMatch, cells: Sequence[str], distinct: Sequence[str], n_whole: int) -> str | None:
    """Say why the values cannot be what the name says, or None."""
    if not cells:
        return None
    numbers = [number for text in distinct[:SAMPLE] if (number := _number(text)) is not None]
    are_numbers = len(numbers) == min(len(distinct), SAMPLE)
    if said.label in ("EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS") and not n_whole and said.word != "deviceid":
        return f"no value is a {said.label}"
    if said.label == "AGE" and are_numbers and not (min(numbers) >= 0 and max(numbers) <= 130):
        return f"values run from {min(numbers):g} to {max(numbers):g}"
    if said.label == "SEX" and len(distinct) > 12:
        return f"there are {len(distinct):,} values"
    if said.label in ("PERSON", "ADDRESS") and are_numbers:
        return "the values are numbers"
    if said.role == "direct identifier" and len(distinct) <= 5 < len(cells):
        return f"there are only {len(distinct)} values"
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_identifier(name: str, cells: Sequence[str], distinct: Sequence[str]) -> bool:
    """Whether values hardly repeat and are codes, or whole numbers under a name such as id."""
    if len(cells) < 20 or len(distinct) < _UNIQUE * len(cells):
        return False
    sample = distinct[:: max(1, len(distinct) // SAMPLE)]
    is_called_id = bool(_ID_WORDS & set(name_words(name)))
    codes = sum(bool(_CODE.fullmatch(text)) for text in sample)
    whole = sum(text.isdigit() for text in sample)
    if whole == len(sample):
        return is_called_id or _is_running(distinct)
    return codes >= 0.9 * len(sample) and (is_called_id or not any(_number(text) is not None for text in sample))


def _is_running(distinct: Sequence[str]) -> bool:
    """Whether whole numbers are those of a count: none, or hardly any, left out."""
    numbers = [int(text) for text in distinct]
    return max(numbers) - min(numbers) < 1.05 * len(numbers)
