"""Judge the names of archive members: where they would be written, and whether two readers take them for the same."""

from __future__ import annotations

import re
import unicodedata

from holdfast.kernels.scan.record import Record, Span

_DRIVE = re.compile(r"[A-Za-z]:")


def leaves_folder(name: str) -> bool:
    """Whether a name points outside the folder it is unpacked into: absolute, with a drive, or through ``..``."""
    plain = name.replace("\\", "/")
    return plain.startswith("/") or bool(_DRIVE.match(plain)) or ".." in plain.split("/")


def settled(name: str) -> str:
    """Return what the most tolerant reader makes of a name: case, normal form, slashes and ``.`` parts aside."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").split("\0")[0]).casefold()
    return "/".join(part for part in plain.split("/") if part not in ("", "."))


class Names:
    """The names of one archive, noted as they come."""

    def __init__(self, record: Record, rules: str) -> None:
        self.record = record
        self.rules = rules
        self._seen: dict[str, str] = {}

    def check(self, name: str, start: int, end: int) -> None:
        """Report a name that leaves the folder, hides a part of itself, or stands for another member too."""
        where: Span = {"start": start, "end": end}
        if leaves_folder(name):
            message = "a member would be written outside the folder it is unpacked into"
            self.record.add("suspicious", f"{self.rules}.traversal", message, detail=name, **where)
        if "\0" in name:
            message = "a member name holds a zero byte, where some readers stop reading it"
            self.record.add("suspicious", f"{self.rules}.name", message, detail=name, **where)
        key = settled(name)
        if key in self._seen:
            same = "the same name" if self._seen[key] == name else "a name that some readers take for the same"
            message = f"two members have {same}: readers differ in which one they load"
            self.record.add("suspicious", f"{self.rules}.duplicate-name", message, detail=name, **where)
        self._seen[key] = name
