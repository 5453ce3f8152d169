"""Entities that a pipeline of spaCy finds, beside the rules: from a folder on this machine, never downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holdfast.adapters.text.entities import LABEL_OF_ENTITY, label_of
from holdfast.core.errors import InputError, MissingExtra
from holdfast.kernels.personal_data.detector import Recogniser
from holdfast.kernels.personal_data.rule import Span

SCORE = 0.8  # spaCy gives none


def spacy_recogniser(model: Path | str, *, score: float = SCORE) -> Recogniser:
    """Open a pipeline as a recogniser.

    Parameters
    ----------
    model:
        Folder of a trained pipeline, or the name of one that is installed. Entities whose names mean nothing personal to
        us (``CARDINAL``, ``PRODUCT``) are left out.
    score:
        What each span gets, from 0 to 1.

    Raises
    ------
    MissingExtra
        spaCy is not installed.
    InputError
        There is no such pipeline, or it finds no entities.
    """
    try:
        import spacy
    except ModuleNotFoundError as error:
        if error.name != "spacy":
            raise
        raise MissingExtra("finding names with spaCy", "ner") from None
    try:
        pipeline = spacy.load(model)
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected the folder of a spaCy pipeline or the name of an installed one, got {str(model)!r}: {error}",
            hint="save one with nlp.to_disk(FOLDER), or install one and give its name",
        ) from None
    if not {"ner", "entity_ruler", "span_ruler"} & set(pipeline.pipe_names):
        raise InputError(
            f"the spaCy pipeline {str(model)!r} finds no entities; it has {', '.join(pipeline.pipe_names) or 'no parts'}",
            hint="choose a pipeline with 'ner' or 'entity_ruler'",
        )

    def find(texts: Sequence[str]) -> list[list[Span]]:
        return [
            [
                Span(entity.start_char, entity.end_char, label_of(entity.label_), score)
                for entity in document.ents
                if entity.label_.upper() in LABEL_OF_ENTITY
            ]
            for document in pipeline.pipe(texts)
        ]

    return find
