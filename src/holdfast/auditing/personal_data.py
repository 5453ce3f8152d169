"""Search files and folders for personal data, whatever holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.adapters.artefacts.listing import Artefact, artefacts
from holdfast.adapters.surfaces.opening import open_surface
from holdfast.adapters.text.opening import open_recogniser
from holdfast.core.errors import HoldfastError, InputError, did_you_mean
from holdfast.core.personal_data import SearchedFile
from holdfast.kernels.personal_data.detector import Detector, default_detector
from holdfast.kernels.personal_data.model_texts import NotExamined
from holdfast.kernels.personal_data.names import LABELS as NAME_LABELS
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
    names: bool = True,
    also: Sequence[str] = (),
) -> Detector:
    """Build the detector that a command asks for.

    Parameters
    ----------
    names
        Look for names, places, organisations and special categories too.
    also
        Further sources: ``subjects:FILE``, ``spacy:MODEL``, ``gliner:FOLDER``.

    Raises
    ------
    InputError
        For a threshold outside [0, 1], a country that is no code of two letters or that no rule belongs to, and a label
        that no rule has where only rules find.
    """
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"expected a threshold from 0 to 1, got {threshold}")
    every = default_detector(names=names, threshold=threshold)
    known = sorted({country for rule in every.rules for country in rule.countries})
    for country in countries:
        if not COUNTRY.fullmatch(country) or country.upper() not in known:
            raise InputError(
                f"expected countries with rules of their own by two letters, got {country!r}",
                hint=did_you_mean(country.upper(), known),
            )
    labelled = sorted({rule.label for rule in every.rules} | set(NAME_LABELS if names else ()))
    for label in labels:
        if not also and label not in labelled:
            raise InputError(f"no rule finds the label {label!r}", hint=did_you_mean(label, labelled))
    return default_detector(
        labels=labels or None,
        countries=countries or None,
        names=names,
        recognisers=[open_recogniser(source) for source in also],
        threshold=threshold,
    )
