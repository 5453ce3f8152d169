"""Search files and folders for personal data, whatever holds it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.adapters.artefacts.listing import Artefact, artefacts
from holdfast.adapters.surfaces.opening import open_surface
from holdfast.core.errors import HoldfastError, InputError, did_you_mean
from holdfast.core.personal_data import SearchedFile
from holdfast.kernels.personal_data.column_names import match_name
from holdfast.kernels.personal_data.detector import Detector, default_detector
from holdfast.kernels.personal_data.known_subjects import Known, KnownSubjects, known_subjects
from holdfast.kernels.personal_data.model_texts import NotExamined
from holdfast.kernels.personal_data.passages import Found, find_in
from holdfast.kernels.personal_data.rule import THRESHOLD

COUNTRY = re.compile(r"[A-Za-z]{2}")


@dataclass(slots=True)
class Search:
    """A search, to be gone through once; ``files`` grows as files are done.

    Attributes
    ----------
    paths
        Files and folders; links inside a folder are not followed, pipes and devices not opened.
    detector
        What finds.
    fields
        Fields of records or columns of tables to look at; all when empty.
    is_wrapped
        Whether logs are searched for what is split over two lines.
    """

    paths: Sequence[str]
    detector: Detector
    fields: Sequence[str] = ()
    is_wrapped: bool = False
    files: list[SearchedFile] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, Found]]:
        """Yield path and span in the order of the files and of their content.

        Raises
        ------
        InputError
            When there is nothing of a name, or a file that was named lacks the fields.
        """
        for path in self.paths:
            for artefact in artefacts(path):
                yield from self._file(artefact, is_named=artefact.real == path)

    @property
    def n_found(self) -> int:
        """Spans in all files so far."""
        return sum(file.n_found for file in self.files)

    @property
    def is_complete(self) -> bool:
        """Whether every file was examined to its end."""
        return not any(file.not_examined for file in self.files)

    def _file(self, artefact: Artefact, *, is_named: bool) -> Iterator[tuple[str, Found]]:
        if artefact.kind != "file":
            if artefact.kind == "refused":
                self.files.append(SearchedFile(path=artefact.path, kind="", n_found=0, not_examined=artefact.reason))
            return
        surface = open_surface(artefact.descriptor, artefact.real, fields=self.fields, is_wrapped=self.is_wrapped)
        n_found, reason = 0, ""
        try:
            for found in find_in(surface.passages, self.detector):
                n_found += 1
                yield artefact.path, found
        except NotExamined as error:
            reason = str(error)
        except HoldfastError as error:
            if is_named:
                raise
            reason = error.message
        except (ValueError, ArithmeticError, LookupError, TypeError, RecursionError, MemoryError) as error:
            # a fault of a reader on one hostile file must not hide what the others hold
            reason = f"its reader failed ({type(error).__name__}); report it"
        notes = tuple(surface.notes)
        kind = surface.kind
        self.files.append(
            SearchedFile(path=artefact.path, kind=kind, n_found=n_found, notes=notes, not_examined=reason)
        )


def build_detector(
    *,
    labels: Sequence[str] = (),
    countries: Sequence[str] = (),
    threshold: float = THRESHOLD,
    subjects: Path | None = None,
) -> Detector:
    """Build the detector that a command asks for.

    Parameters
    ----------
    subjects
        Known people to find too: see :func:`known_people`.

    Raises
    ------
    InputError
        For a threshold outside [0, 1], a country that is no code of two letters or that no rule belongs to, and a label
        that no rule has where only rules find.
    """
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"expected a threshold from 0 to 1, got {threshold}")
    every = default_detector(threshold=threshold)
    known = sorted({country for rule in every.rules for country in rule.countries})
    for country in countries:
        if not COUNTRY.fullmatch(country) or (known and country.upper() not in known):
            raise InputError(
                f"expected countries with rules of their own by two letters, got {country!r}",
                hint=did_you_mean(country.upper(), known),
            )
    people = () if subjects is None else (known_people(subjects),)
    names = sorted({rule.label for rule in every.rules})
    for label in labels:
        if names and not every.recognisers and not people and label not in names:
            raise InputError(f"no rule finds the label {label!r}", hint=did_you_mean(label, names))
    return default_detector(labels=labels or None, countries=countries or None, recognisers=people, threshold=threshold)


def known_people(path: Path) -> KnownSubjects:
    """Read a dictionary of people whom a search is to find, by name or by what else identifies them.

    Parameters
    ----------
    path
        A CSV table with one person in each row: a column ``id`` or ``subject`` says who it is, the names of the others
        what they hold ("name", "email", "customer number"); or a text with one name on each line.

    Raises
    ------
    InputError
        When it is empty, or a value has no letter or too many words.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() == ".csv":
            known = [one for number, row in enumerate(csv.DictReader(file), start=1) for one in _person(row, number)]
        else:
            known = [Known(str(number), "PERSON", line.strip()) for number, line in enumerate(file, 1) if line.strip()]
    if not known:
        raise InputError(f"expected people in {path}, got none", hint="a CSV table, or one name on each line")
    try:
        return known_subjects(known)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _person(row: dict[str | Any, str | Any], number: int) -> Iterator[Known]:
    who = row.get("id") or row.get("subject") or str(number)
    for column, value in row.items():
        if column not in ("id", "subject") and isinstance(column, str) and isinstance(value, str) and value.strip():
            said = match_name(column)
            yield Known(who, said.label if said else column.upper().replace(" ", "_"), value)
