"""Walk a LightGBM model in text: a header, the trees, and parameters, each a line of name and value."""

from __future__ import annotations

import re

from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.secrets_found import report_secrets

LOOK_AT_CLOCK = 1 << 14
_LINE = re.compile(
    rb"[\w .]{1,60}=[^\n]*|\[[\w ]{1,60}: [^\n]*\]|tree|parameters:|end of (?:trees|parameters)"
    rb"|feature_importances:|pandas_categorical:[^\n]*|"
)
_FILES = re.compile(
    rb"^\[(data|valid|input_model|output_model|output_result|forcedsplits_filename|forcedbins_filename): ([^\n]+)\]$",
    re.M,
)


def walk_lightgbm(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a model; what is no line of one is reported."""
    record = Record(place)
    position, trees, lines = 0, 0, 0
    report_secrets(record, data)
    text = bytes(data)
    while position < len(text):
        end = text.find(b"\n", position)
        end = len(text) if end < 0 else end
        if not _LINE.fullmatch(text, position, end - (text[end - 1 : end] == b"\r")):
            message = "a line that LightGBM does not write"
            record.add(
                "malformed",
                "lightgbm.line",
                message,
                detail=text[position : min(end, position + 100)],
                start=position,
                end=end,
            )
        lines += 1
        if lines % LOOK_AT_CLOCK == 0 and budget.expired():
            record.add("not_examined", "limit.time", "the rest of the lines was not read", start=position)
            return record.walked("lightgbm")
        trees += text.startswith(b"Tree=", position)
        position = end + 1
    record.cover(0, len(text))
    if b"\nend of trees" not in text or b"\ntree_sizes=" not in text:
        record.add("malformed", "lightgbm.end", "the model ends before its trees do")
    else:
        sizes = text.split(b"\ntree_sizes=", 1)[1].split(b"\n", 1)[0].split()
        if len(sizes) != trees:
            message = f"the header announces {len(sizes)} trees, {trees} are there"
            record.add("malformed", "lightgbm.trees", message)
    for match in _FILES.finditer(text):
        record.note(f"the parameters name {match[1].decode()}: {match[2][:100].decode('utf-8', 'replace')}")
    return record.walked("lightgbm")
