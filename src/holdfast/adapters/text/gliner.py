"""Entities that a GLiNER model finds, beside the rules: from a folder on this machine, never downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.adapters.text.entities import PROMPTS
from holdfast.core.errors import InputError, MissingExtra
from holdfast.kernels.personal_data.detector import Recogniser
from holdfast.kernels.personal_data.rule import THRESHOLD, Span

MOST_CHARACTERS = 1200  # of one piece of text: models read some 384 words, and drop the rest without a word


def gliner_recogniser(
    folder: Path | str, *, prompts: Mapping[str, str] = PROMPTS, threshold: float = THRESHOLD
) -> Recogniser:
    """Open a GLiNER model as a recogniser.

    Parameters
    ----------
    folder:
        Where the model's files lie.
    prompts:
        What the model is asked for, and the label that each answer gets.
    threshold:
        Lowest probability that counts, from 0 to 1.

    Raises
    ------
    MissingExtra
        GLiNER is not installed.
    InputError
        The folder holds no model.
    """
    if not (Path(folder) / "gliner_config.json").is_file():
        raise InputError(
            f"expected a folder with gliner_config.json, got {str(folder)!r}",
            hint="download the model's files first and give the folder; holdfast downloads none",
        )
    try:
        from gliner import GLiNER
    except ModuleNotFoundError as error:
        if error.name != "gliner":
            raise
        raise MissingExtra("finding names with GLiNER", "gliner") from None
    model = GLiNER.from_pretrained(str(folder), local_files_only=True)
    asked = list(prompts)

    def find(texts: Sequence[str]) -> list[list[Span]]:
        found: list[list[Span]] = []
        for text in texts:
            spans = []
            for start, piece in pieces(text):
                for entity in model.predict_entities(piece, asked, threshold=threshold):
                    place = start + entity["start"], start + entity["end"]
                    spans.append(Span(*place, prompts[entity["label"]], float(entity["score"])))
            found.append(spans)
        return found

    return find


def pieces(text: str, *, most: int = MOST_CHARACTERS) -> list[tuple[int, str]]:
    """Cut a text at blanks into pieces of at most ``most`` characters; gives each with where it begins."""
    cut, start = [], 0
    while len(text) - start > most:
        end = max((text.rfind(blank, start + most // 2, start + most) for blank in " \n"), default=-1)
        end = end + 1 if end >= 0 else start + most
        cut.append((start, text[start:end]))
        start = end
    return [*cut, (start, text[start:])]
