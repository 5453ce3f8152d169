"""Walk PNG and JPEG images from mark to end, so that nothing stands behind a picture unseen. Pixels are not decoded."""

from __future__ import annotations

import re

from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.secrets_found import report_secrets

MOST_PARTS = 100_000
_PNG_START, _JPEG_START = 8, 2
_TEXTS = frozenset({b"tEXt", b"iTXt"})
_JPEG_MARK = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA


def walk_png(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk the chunks of a PNG image."""
    record, position = Record(place), _PNG_START
    for _ in range(MOST_PARTS):
        size, kind = int.from_bytes(data[position : position + 4], "big"), bytes(data[position + 4 : position + 8])
        end = position + 12 + size
        if end > len(data) or not kind.isalpha():
            break
        if kind in _TEXTS:
            report_secrets(record, data[position + 8 : end - 4], position + 8)
        position = end
        if kind == b"IEND":
            record.cover(0, position)
            return record.walked("png")
    record.add("malformed", "png.structure", "the image ends before its last chunk", start=position)
    return record.walked("png")


def walk_jpeg(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk the segments of a JPEG image."""
    record, position = Record(place), _JPEG_START
    for _ in range(MOST_PARTS):
        match = _JPEG_MARK.match(data, position)
        if match is None:
            break
        mark, position = data[match.end() - 1], match.end()
        if mark == _JPEG_END:
            record.cover(0, position)
            return record.walked("jpeg")
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
        if mark == _JPEG_SCAN:
            following = _JPEG_MARK.search(data, position)
            position = following.start() if following else len(data)
    record.add("malformed", "jpeg.structure", "the image ends before its end mark", start=min(position, len(data)))
    return record.walked("jpeg")
