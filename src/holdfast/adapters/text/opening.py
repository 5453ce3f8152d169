"""Open a source of spans by what the user calls it: a table of known people, a model for entities."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.personal_data.column_names import match_name
from holdfast.kernels.personal_data.detector import Recogniser
from holdfast.kernels.personal_data.known_subjects import Known, KnownSubjects, known_subjects

KINDS = ("subjects", "spacy", "gliner")


def open_recogniser(source: str) -> Recogniser:
    """Open ``subjects:FILE``, ``spacy:MODEL`` or ``gliner:FOLDER``.

    Raises
    ------
    InputError
        The kind is unknown, or the file or folder is missing or unfit.
    MissingExtra
        The package that reads the model is not installed.
    """
    kind, _, place = source.partition(":")
    if kind not in KINDS or not place:
        raise InputError(
            f"expected subjects:FILE, spacy:MODEL or gliner:FOLDER, got {source!r}",
            hint=did_you_mean(kind, KINDS),
        )
    if kind == "subjects":
        return read_subjects(Path(place))
    if kind == "spacy":
        from holdfast.adapters.text.spacy import spacy_recogniser

        return spacy_recogniser(place)
    from holdfast.adapters.text.gliner import gliner_recogniser

    return gliner_recogniser(place)


def read_subjects(path: Path) -> KnownSubjects:
    """Read a dictionary of people whom a search is to find, by name or by what else identifies them.

    Parameters
    ----------
    path
        A CSV table with one person in each row: a column ``id`` or ``subject`` says who it is, the names of the others
        what they hold ("name", "email", "customer number"); or a text with one name on each line.

    Raises
    ------
    InputError
        When it cannot be read, holds nobody, or a value has no letter or too many words.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                known = [one for number, row in enumerate(csv.DictReader(file), 1) for one in _person(row, number)]
            else:
                known = [
                    Known(str(number), "PERSON", line.strip()) for number, line in enumerate(file, 1) if line.strip()
                ]
        if not known:
            raise ValueError("it holds nobody")
        return known_subjects(known)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise InputError(
            f"expected a table of known people, got {str(path)!r}: {error}",
            hint="a CSV file with a header such as subject,name,email, or one name on each line",
        ) from None


def _person(row: dict[str | Any, str | Any], number: int) -> Iterator[Known]:
    who = row.get("id") or row.get("subject") or str(number)
    for column, value in row.items():
        if column not in ("id", "subject") and isinstance(column, str) and isinstance(value, str) and value.strip():
            said = match_name(column)
            yield Known(who, said.label if said else column.upper().replace(" ", "_"), value)
