"""Open a source of spans by what the user calls it: the lexicons, a table of known people, a model for entities."""

from __future__ import annotations

import csv
from pathlib import Path

from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.personal_data.detector import Recogniser
from holdfast.kernels.personal_data.known_subjects import Known, known_subjects, read_known
from holdfast.kernels.personal_data.names import find_names

KINDS = ("names", "subjects", "spacy", "gliner")
# Columns of a table of known people and the labels of their values; other columns are reported by their name in capitals.
LABEL_OF_COLUMN = {"name": "PERSON", "address": "ADDRESS", "email": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER"}
SUBJECT = "subject"


def open_recogniser(source: str) -> Recogniser:
    """Open ``names``, ``subjects:FILE.csv``, ``spacy:MODEL`` or ``gliner:FOLDER``.

    Raises
    ------
    InputError
        The kind is unknown, or the file or folder is missing or unfit.
    MissingExtra
        The package that reads the model is not installed.
    """
    kind, _, place = source.partition(":")
    if kind not in KINDS or (kind != "names" and not place):
        raise InputError(
            f"expected names, subjects:FILE.csv, spacy:MODEL or gliner:FOLDER, got {source!r}",
            hint=did_you_mean(kind, KINDS),
        )
    if kind == "names":
        return find_names
    if kind == "subjects":
        return read_subjects(Path(place))
    if kind == "spacy":
        from holdfast.adapters.text.spacy import spacy_recogniser

        return spacy_recogniser(place)
    from holdfast.adapters.text.gliner import gliner_recogniser

    return gliner_recogniser(place)


def read_subjects(path: Path) -> Recogniser:
    """Read a table of known people: a CSV file with a header; the column ``subject``, if there is one, says who it is."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [dict(row, **{SUBJECT: row.get(SUBJECT) or str(n)}) for n, row in enumerate(csv.DictReader(file), 1)]
        columns = [column for column in (rows[0] if rows else {}) if column and column != SUBJECT]
        labels = {column: LABEL_OF_COLUMN.get(column.lower(), column.upper()) for column in columns}
        if not labels:
            raise ValueError("it has no rows, or no column beside 'subject'")
        known: list[Known] = list(read_known(rows, subject=SUBJECT, labels=labels))
        return known_subjects(known)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise InputError(
            f"expected a CSV file with a header and one known person a row, got {str(path)!r}: {error}",
            hint="give columns such as subject,name,address,email; see the guide to personal data",
        ) from None
