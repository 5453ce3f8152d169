"""Values of JSON as passages: every text, number and telling key, with its path.

The key, and the key above it, are the context of a value. Numbers are looked at as text, because identifiers are often
written as numbers; in lists of numbers only those of six digits or more are. Tensors of texts in the Open Inference
Protocol are decoded (``inference_protocol.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from holdfast.kernels.personal_data.inference_protocol import decoded_elements, is_bytes_tensor, raw_elements
from holdfast.kernels.personal_data.passages import NOWHERE, Passage, Place, context_of
from holdfast.kernels.personal_data.text_pieces import PIECE, text_passages
from holdfast.kernels.personal_data.xgboost_categories import category_texts

PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
LEAST_DIGITS = 6
LONGEST_PATH = 400
LARGEST_WHOLE = 1e16  # the largest float that is printed as a whole number


def json_passages(
    value: Any, place: Place = NOWHERE, *, path: str = "$", keys: tuple[str, str] = ("", "")
) -> Iterator[Passage]:
    """Walk a value that JSON can hold, in the order of the document.

    Parameters
    ----------
    value
        What ``json.loads`` returns; of any depth, the walk does not recurse.
    place
        Of the record; the path becomes its part.
    path, keys
        Of the value itself, and the two keys above it.

    Examples
    --------
    >>> [(passage.context, passage.text, passage.place.part) for passage in json_passages({"tel": [48221234567]})]
    [('tel: ', '48221234567', '$.tel[0]')]
    """
    stack: list[tuple[Any, str, tuple[str, str]]] = [(value, path, keys)]
    while stack:
        part, at, names = stack.pop()
        if isinstance(part, dict):
            yield from _tensors(part, at, place)
            for i, text in enumerate(category_texts(part)):
                yield Passage(text, place._replace(part=f"{at}.categories[{i}]"), context_of(names[1]))
            for key in part:
                if not PLAIN_KEY.fullmatch(key):
                    yield Passage(key, place._replace(part=f"{at} (key)"), context_of(names[1]))
            inner = [(item, _joined(at, key), (names[1], key)) for key, item in part.items()]
            stack.extend(reversed(inner))
        elif isinstance(part, list):
            looked_at = [i for i, item in enumerate(part) if not is_short_number(item)]
            stack.extend((part[i], f"{at}[{i}]", names) for i in reversed(looked_at))
        else:
            text = text_of(part)
            if text:
                where = place._replace(part=at)
                if len(text) > PIECE:
                    yield from text_passages([text], where._replace(line=None), context=context_of(*names))
                else:
                    yield Passage(text, where, context_of(*names))


def is_short_number(value: Any) -> bool:
    """Whether an item of a list is a number that is no identifier: of few digits, or no whole one."""
    if isinstance(value, float):
        return not (value.is_integer() and 10 ** (LEAST_DIGITS - 1) <= abs(value) < LARGEST_WHOLE)
    return isinstance(value, int) and abs(value) < 10 ** (LEAST_DIGITS - 1)


def text_of(value: Any) -> str:
    """The text to look at; none for truth values and nothing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        value = int(value)
    return str(value)


def _joined(path: str, key: str) -> str:
    if len(path) > LONGEST_PATH:
        return path if path.endswith("…") else f"{path}…"
    return f"{path}.{key}" if PLAIN_KEY.fullmatch(key) else f"{path}[{json.dumps(key[:LONGEST_PATH])}]"


def _tensors(value: dict[str, Any], path: str, place: Place) -> Iterator[Passage]:
    if is_bytes_tensor(value):
        for step, text in decoded_elements(value):
            yield Passage(text, place._replace(part=f"{path}{step} (base64)"), context_of(value.get("name", "")))
    for step, name, text in raw_elements(value):
        yield Passage(text, place._replace(part=f"{path}{step} (base64)"), context_of(name))
