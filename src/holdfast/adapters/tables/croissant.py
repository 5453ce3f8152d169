"""What a Croissant description states of a data set, for its record.

References
----------
MLCommons (2024), Croissant format specification, version 1.0; Croissant RAI vocabulary, version 1.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.core.datasheet import TO_BE_FILLED
from holdfast.core.errors import InputError
from holdfast.core.provenance import DataStatement

LARGEST = 1 << 24
SPDX = "https://spdx.org/licenses/"
_HINT = "expected the JSON-LD that `holdfast datasheet` writes, or that a repository of data sets publishes"


def read_croissant(path: Path) -> DataStatement:
    """Read the fields that a data record has: licence, origin, collection and its time, what was done to the rows.

    Fields that are marked as to be filled in count as absent.

    Raises
    ------
    InputError
        When the file cannot be read or is no Croissant description.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="check the path") from None
    if len(raw) > LARGEST:
        raise InputError(f"expected at most {LARGEST:,} bytes of Croissant, {path} is longer")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", hint=_HINT) from None
    if not isinstance(document, dict) or not {"recordSet", "distribution"} & set(document):
        raise InputError(f"{path} describes no data set: it has neither distribution nor recordSet", hint=_HINT)
    days = _texts(document, "rai:dataCollectionTimeframe", "dataCollectionTimeframe")
    return DataStatement(
        origin=_text(document, "rai:dataCollectionRawData") or _text(document, "url", "sc:url"),
        licence=_text(document, "license", "sc:license").removeprefix(SPDX),
        collection=_text(document, "rai:dataCollection"),
        collected_from=days[0][:10] if days else "",
        collected_to=days[-1][:10] if len(days) > 1 else "",
        transformations=tuple(_texts(document, "rai:dataPreprocessingProtocol")),
    )


def _text(document: dict[str, Any], *names: str) -> str:
    return "; ".join(_texts(document, *names))


def _texts(document: dict[str, Any], *names: str) -> list[str]:
    for name in names:
        values = document.get(name)
        given = [_plain(value) for value in (values if isinstance(values, list) else [values])]
        if found := [text for text in given if text and not text.startswith(TO_BE_FILLED)]:
            return found
    return []


def _plain(value: object) -> str:
    """Return a value of JSON-LD as text: itself, or what names the thing it describes."""
    if isinstance(value, dict):
        value = value.get("@id") or value.get("url") or value.get("name") or value.get("@value")
    return value.strip() if isinstance(value, str) else ""
