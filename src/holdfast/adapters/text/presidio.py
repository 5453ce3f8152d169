"""Recognisers of Presidio, beside the rules: for teams that bring their own over.

They are called as they are. Their expressions are not turned into rules of ours: those need to know where a match may
begin and read folded text, and an expression written for Presidio promises neither, nor time linear in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.adapters.text.entities import label_of
from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.detector import Recogniser
from holdfast.kernels.personal_data.rule import Span


def presidio_recogniser(source: Any, *, language: str = "en") -> Recogniser:
    """Call an ``AnalyzerEngine``, or ``EntityRecognizer`` objects, of Presidio as a recogniser.

    Parameters
    ----------
    source:
        An ``AnalyzerEngine``, one ``EntityRecognizer`` or a sequence of them. Recognisers that need a model of the
        language beside the text work only within an engine.
    language:
        Code of the language that an engine is asked for.

    Raises
    ------
    InputError
        The object is none of these.

    Notes
    -----
    Entity names become our labels by ``entities.LABEL_OF_ENTITY``; names without one keep their own. Scores are kept.
    """
    if callable(getattr(source, "analyze", None)) and callable(getattr(source, "get_recognizers", None)):

        def results(text: str) -> list[Any]:
            return list(source.analyze(text=text, language=language))
    else:
        recognisers = [source] if callable(getattr(source, "analyze", None)) else source
        if not isinstance(recognisers, Sequence) or not all(hasattr(each, "supported_entities") for each in recognisers):
            raise InputError(
                f"expected an AnalyzerEngine or EntityRecognizer objects of Presidio, got {type(source).__name__}",
                hint="pass the objects that you gave to RecognizerRegistry.add_recognizer",
            )

        def results(text: str) -> list[Any]:
            return [
                result
                for each in recognisers
                for result in each.analyze(text=text, entities=each.supported_entities, nlp_artifacts=None) or []
            ]

    def find(texts: Sequence[str]) -> list[list[Span]]:
        return [
            [Span(hit.start, hit.end, label_of(hit.entity_type), min(1.0, float(hit.score))) for hit in results(text)]
            for text in texts
        ]

    return find
