"""Guess column roles from names and contents, each with its reason, for people without a ``holdfast.yaml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.deployment import Deployment
from holdfast.core.subject import Table

if TYPE_CHECKING:
    import polars as pl

# Words of a column name, in the languages of the data sets seen so far; the protected grounds of EU and US law.
SENSITIVE = frozenset(
    [
        "sex",
        "gender",
        "race",
        "ethnicity",
        "ethnic",
        "religion",
        "disability",
        "disabled",
        "nationality",
        "age",
        "caste",
        "orientation",
        "pregnant",
        "geschlecht",
        "alter",
        "sexe",
        "plec",
        "wiek",
    ]
)
SENSITIVE_PAIRS = (
    "foreign worker",
    "native country",
    "country of birth",
    "date of birth",
    "birth year",
)
IMMUTABLE = frozenset(
    [
        "sex",
        "gender",
        "race",
        "ethnicity",
        "ethnic",
        "nationality",
        "age",
        "caste",
        "birth",
        "born",
        "geschlecht",
        "alter",
    ]
)
IMMUTABLE_PAIRS = ("native country", "country of birth", "date of birth", "birth year")
ID_WORDS = frozenset(["id", "uuid", "guid", "key", "index", "identifier", "number", "no", "nr"])
TIME_WORDS = frozenset(
    ["date", "time", "timestamp", "datetime", "day", "month", "year", "created", "updated", "period"]
)
GROUP_WORDS = frozenset(
    ["patient", "customer", "client", "user", "household", "person", "device", "account", "family", "site", "store"]
)
FEWEST_WORDS_OF_TEXT = 4
FEWEST_ROWS_OF_ID = 20
MOST_SENSITIVE_LEVELS = 20


@dataclass(frozen=True, slots=True)
class Guess:
    """One guessed role: the deployment field, the column, the reason."""

    role: str
    column: str
    reason: str


def guess_roles(table: Table, *, target: str | None) -> tuple[Guess, ...]:
    """Guess id, time, group, sensitive, immutable and text columns of a table."""
    guesses: list[Guess] = []
    for column in table.frame.get_columns():
        if column.name != target:
            guesses += _roles_of(column)
    return tuple(_first_only(guesses))


def apply_guesses(deployment: Deployment, guesses: Sequence[Guess], *, roles: Sequence[str]) -> Deployment:
    """Fill the empty fields of a deployment with guesses of the given roles."""
    from dataclasses import replace

    changes: dict[str, str | tuple[str, ...]] = {}
    for role in roles:
        columns = tuple(guess.column for guess in guesses if guess.role == role)
        if columns and not getattr(deployment, role):
            changes[role] = columns if role in {"sensitive", "immutable", "text"} else columns[0]
    return replace(deployment, **changes)  # type: ignore[arg-type]


def words_of(name: str) -> list[str]:
    """Split a column name into lower-case words.

    Examples
    --------
    >>> words_of("foreign-worker"), words_of("birthYear")
    (['foreign', 'worker'], ['birth', 'year'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-zà-ÿ]+|[A-Z]+(?![a-z])|\d+", name)]


def _roles_of(column: pl.Series) -> list[Guess]:
    name, words = column.name, words_of(column.name)
    joined = " ".join(words)
    found: list[Guess] = []
    if SENSITIVE & set(words) or any(pair in joined for pair in SENSITIVE_PAIRS):
        few = column.dtype.is_numeric() or column.n_unique() <= MOST_SENSITIVE_LEVELS
        if few:
            found.append(Guess("sensitive", name, "the name is that of a protected attribute"))
    if IMMUTABLE & set(words) or any(pair in joined for pair in IMMUTABLE_PAIRS):
        found.append(Guess("immutable", name, "people cannot change it"))
    if _is_identifier(column, words):
        found.append(Guess("id", name, "the name is that of an identifier and every value is different"))
    elif GROUP_WORDS & set(words) and ID_WORDS & set(words) and column.n_unique() < column.len():
        found.append(Guess("group", name, "the name is that of an identifier and values repeat"))
    if column.dtype.is_temporal() or (words and TIME_WORDS & set(words) and _looks_like_time(column)):
        found.append(Guess("time", name, "it holds dates or times"))
    if _is_text(column):
        found.append(Guess("text", name, f"most cells hold {FEWEST_WORDS_OF_TEXT} words or more"))
    return found


def _is_identifier(column: pl.Series, words: list[str]) -> bool:
    whole = column.dtype.is_integer() or column.dtype == _string()
    if not whole or column.len() < FEWEST_ROWS_OF_ID or column.null_count():
        return False
    return bool(words) and words[-1] in ID_WORDS and bool(column.is_unique().all())


def _looks_like_time(column: pl.Series) -> bool:
    if column.dtype != _string():
        return False
    sample = column.drop_nulls().head(200)
    return sample.len() > 0 and bool(sample.str.contains(r"^\d{4}-\d{2}(-\d{2})?|^\d{1,2}[./]\d{1,2}[./]\d{2,4}").all())


def _is_text(column: pl.Series) -> bool:
    if column.dtype != _string():
        return False
    sample = column.drop_nulls().head(500)
    if sample.n_unique() < max(20, sample.len() // 2):
        return False
    return float(sample.str.count_matches(r"\S+").median() or 0) >= FEWEST_WORDS_OF_TEXT  # type: ignore[arg-type]


def _string() -> type[pl.String]:
    import polars as pl

    return pl.String


def _first_only(guesses: list[Guess]) -> list[Guess]:
    """Keep only the first column for roles that one column has."""
    taken: set[str] = set()
    kept = []
    for guess in guesses:
        if guess.role in {"id", "time", "group"} and guess.role in taken:
            continue
        taken.add(guess.role)
        kept.append(guess)
    return kept
