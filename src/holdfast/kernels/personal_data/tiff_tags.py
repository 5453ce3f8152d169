"""Read what a camera or an editor wrote about a picture: tags of TIFF and EXIF, places by satellite among them.

References
----------
Adobe (1992), TIFF revision 6.0, section 2; CIPA DC-008-2019, Exif 2.32, sections 4.6.4 to 4.6.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from holdfast.kernels.personal_data.passages import Passage, Place, context_of

MOST_TAGS = 20_000
MOST_FOLDERS = 100
LONGEST_VALUE = 1 << 20
ASCII, RATIONAL = 2, 5
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
FOLDERS = {0x8769: "EXIF", 0x8825: "GPS", 0xA005: "EXIF"}
XMP, IPTC, USER_COMMENT, WIDE = 0x02BC, 0x83BB, 0x9286, range(0x9C9B, 0x9CA0)
NAMES = {
    0x010D: "DocumentName", 0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software",
    0x0132: "DateTime", 0x013B: "Artist", 0x013C: "HostComputer", 0x8298: "Copyright", 0x9003: "DateTimeOriginal",
    0x9004: "DateTimeDigitized", USER_COMMENT: "UserComment", 0x9C9B: "XPTitle", 0x9C9C: "XPComment",
    0x9C9D: "XPAuthor", 0x9C9E: "XPKeywords", 0x9C9F: "XPSubject", 0xA420: "ImageUniqueID",
    0xA430: "CameraOwnerName", 0xA431: "BodySerialNumber", 0xA435: "LensSerialNumber", XMP: "XMP", IPTC: "IPTC",
}  # fmt: skip
GPS_NAMES = {0x001B: "ProcessingMethod", 0x001C: "AreaInformation", 0x001D: "DateStamp"}
PEOPLE = frozenset({"Artist", "CameraOwnerName", "XPAuthor"})
"""Tags that hold the name of a person by their definition."""


def tag_passages(data: memoryview, place: Place) -> Iterator[Passage]:
    """Read the tags of a TIFF structure that hold text, and the place where the picture was taken.

    The place is a passage "latitude, longitude" in degrees, known as LOCATION. What is broken ends the reading.
    """
    head = bytes(data[:4])
    if head not in (b"II*\0", b"MM\0*"):
        return
    order = "<" if head[:1] == b"I" else ">"
    pending = [("image", _number(data, 4, order + "I"))]
    seen: set[int] = set()
    left = MOST_TAGS
    while pending and len(seen) < MOST_FOLDERS:
        folder, at = pending.pop(0)
        if at in seen or at == 0 or at + 2 > len(data):
            continue
        seen.add(at)
        count = min(_number(data, at, order + "H"), left)
        left -= count
        positions: dict[int, str] = {}
        for i in range(count):
            entry = at + 2 + 12 * i
            if entry + 12 > len(data):
                break
            tag, kind = _number(data, entry, order + "H"), _number(data, entry + 2, order + "H")
            if tag in FOLDERS:
                pending.append((FOLDERS[tag], _number(data, entry + 8, order + "I")))
                continue
            value = _value(data, entry, kind, order)
            if folder == "GPS" and tag <= 4:
                positions[tag] = _degrees(value, kind, order) if kind == RATIONAL else _plain(value)
            else:
                yield from _tag(folder, tag, kind, value, place)
        if 2 in positions and 4 in positions:
            spot = f"{_signed(positions, 1, 2, 'S')}, {_signed(positions, 3, 4, 'W')}"
            yield Passage(spot, place._replace(part="GPS position"), "GPS position: ", known="LOCATION")
        pending.append((folder, _number(data, at + 2 + 12 * count, order + "I")))


def _tag(folder: str, tag: int, kind: int, value: bytes, place: Place) -> Iterator[Passage]:
    name = (GPS_NAMES if folder == "GPS" else NAMES).get(tag, "")
    if tag in WIDE:
        text = value.decode("utf-16-le", "replace").rstrip("\0")
    elif tag == USER_COMMENT or (folder == "GPS" and name):
        wide = value[:8] == b"UNICODE\0"
        text = value[8:].decode("utf-16" if wide else "utf-8", "replace").strip("\0 ") if value[8:] else ""
    elif kind == ASCII or tag == XMP:
        text = _plain(value)
    else:
        return
    if text:
        name = name or f"tag {tag:#06x}"
        known = "PERSON" if name in PEOPLE else ""
        yield Passage(text, place._replace(part=f"{folder} {name}"), context_of(name), known=known)


def _value(data: memoryview, entry: int, kind: int, order: str) -> bytes:
    size = WIDTHS.get(kind, 0) * _number(data, entry + 4, order + "I")
    if size <= 4:
        return bytes(data[entry + 8 : entry + 8 + size])
    start = _number(data, entry + 8, order + "I")
    return bytes(data[start : start + min(size, LONGEST_VALUE)])


def _number(data: memoryview, at: int, form: str) -> int:
    """Read a number; zero behind the end."""
    return int(struct.unpack_from(form, data, at)[0]) if at + struct.calcsize(form) <= len(data) else 0


def _plain(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip("\0 ")


def _degrees(value: bytes, kind: int, order: str) -> str:
    """Degrees, minutes and seconds as degrees."""
    parts = struct.unpack(f"{order}{len(value) // 4}I", value[: len(value) // 4 * 4])
    shares = [above / below if below else 0.0 for above, below in zip(parts[::2], parts[1::2], strict=False)]
    return f"{sum(share / 60**i for i, share in enumerate(shares[:3])):.6f}"


def _signed(positions: dict[int, str], side: int, tag: int, negative: str) -> str:
    return ("-" if positions.get(side, "").upper().startswith(negative) else "") + positions[tag]
