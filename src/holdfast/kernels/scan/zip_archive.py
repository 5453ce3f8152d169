"""Walk a zip file: the central directory and the local headers must tell one story, and no byte may stand outside it.

Readers of zip files differ: ``zipfile`` believes the central directory, streaming readers the local headers, and the
reader of torch ignores case in names. Whatever they could read differently is reported.
"""

from __future__ import annotations

import re
import stat
import zlib

from holdfast.kernels.formats.expansion import Codec
from holdfast.kernels.formats.zip_layout import (
    STREAMED,
    Directory,
    Header,
    ZipError,
    descriptor_end,
    entries,
    extra_fields,
    local_header,
    read_directory,
)
from holdfast.kernels.scan.exported_tensors import CONFIG, plain_tensors
from holdfast.kernels.scan.member_names import Names
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.pickle_storages import storages_of
from holdfast.kernels.scan.pytorch_archive import check_members
from holdfast.kernels.scan.record import Record, Where
from holdfast.kernels.scan.unpacking import Unpacking

STORED, UTF8, UNIX = 0, 1 << 11, 3
ENCRYPTED = 1 | 1 << 6 | 1 << 13
CODECS: dict[int, Codec] = {8: "deflate", 12: "bz2", 14: "zip-lzma"}
# torch keeps the numbers of a tensor as they are in data/0, data/1, ... beside the pickle that refers to them
TORCH_OBJECT, TORCH_STORAGE = b"data.pkl", re.compile(rb"(?P<root>.*)data/(?P<key>\d+)", re.DOTALL)
PIECE = 1 << 24
UNICODE_PATH = 0x7075
# zip64, NTFS times, Unix times and owners (old and new), Java's mark: numbers, no longer than their standard says
KNOWN_EXTRAS = {0x0001: 28, 0x000A: 32, 0x5455: 13, 0x5855: 12, 0x7855: 4, 0x7875: 24, 0xCAFE: 0}
# torch and Android fill up with these to align what follows
PADDING_EXTRAS, PADDING = frozenset({0x4246, 0xD935}), b"Z\0\1\2\4\x08\x10"


def walk_zip(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a zip file; every member becomes a child."""
    record = Record(place)
    try:
        directory = read_directory(data)
        _check_directory(record, data, directory)
        _walk_members(record, data, directory, budget)
    except ZipError as error:
        record.add("malformed", "zip.structure", f"this is no complete zip file: {error}")
    return record.walked("zip")


def _check_directory(record: Record, data: memoryview, directory: Directory) -> None:
    for start, end in (*directory.records, (directory.start, directory.end)):
        record.cover(start, end)
    if directory.comment_end != len(data):
        message = "the comment of the archive does not end where the file ends: some readers will not find the archive"
        record.add("suspicious", "zip.end", message, start=directory.comment_end, end=len(data))
    if b"PK" in directory.comment:
        record.add("suspicious", "zip.comment", "the comment of the archive looks like another end record")
    if directory.comment:
        record.part(memoryview(directory.comment), directory.comment_end - len(directory.comment))
    if directory.disks:
        record.add("malformed", "zip.disks", "the archive claims to be one part of several")
    if directory.disagrees:
        message = "the end record and the zip64 end record state different values"
        record.add("suspicious", "zip.end", message)
    if directory.prefix:
        message = f"{directory.prefix} bytes stand before the archive, where other readers see another file"
        record.add("suspicious", "zip.prefix", message, start=0, end=directory.prefix)


def _walk_members(record: Record, data: memoryview, directory: Directory, budget: Budget) -> None:
    names, unpacking = Names(record, "zip"), Unpacking(record, budget)
    members: list[tuple[Header, Header, int]] = []
    count = 0
    for count, entry in enumerate(entries(data, directory), start=1):
        budget.members -= 1
        if budget.members < 0 or budget.expired():
            record.add("not_examined", "limit.members", f"members from number {count} on were not read")
            break
        name = _name(record, entry)
        names.check(name, entry.start, entry.end)
        _check_entry(record, entry, name)
        local = _local(record, data, directory, entry, name)
        if local is not None:
            members.append((entry, local, _data_end(record, data, entry, local, name)))
    else:
        if count != directory.count:
            message = f"the end record counts {directory.count} members, the directory holds {count}"
            record.add("suspicious", "zip.count", message)
    if not _overlap(record, members, directory):
        _read_members(record, data, members, unpacking)


def _read_members(
    record: Record, data: memoryview, members: list[tuple[Header, Header, int]], unpacking: Unpacking
) -> None:
    """Hand on every member; compare the storages of torch with the pickle that asks for them.

    Members that documents beside them call plain tensors are not searched for anything else.
    """
    roots: dict[bytes, memoryview | None] = {
        entry.name[: -len(TORCH_OBJECT)]: None for entry, _, _ in members if is_torch_object(entry.name)
    }
    sizes: dict[bytes, dict[str, tuple[int, tuple[int, int]]]] = {root: {} for root in roots}
    configs = [(entry, local) for entry, local, _ in members if CONFIG.fullmatch(entry.name)]
    read = [(entry.name, _hand_on(record, data, entry, local, unpacking, "")) for entry, local in configs]
    # a document that was not read could say that torch unpickles one of the members
    are_known = all(content is not None for _, content in read)
    plain = (
        plain_tensors((name, content) for name, content in read if content is not None) if are_known else frozenset()
    )
    for entry, local, _ in members:
        if CONFIG.fullmatch(entry.name):
            continue
        storage = TORCH_STORAGE.fullmatch(entry.name)
        if storage and storage["root"] in roots:
            sizes[storage["root"]][storage["key"].decode()] = entry.size, (local.end, local.end + entry.compressed)
            _hand_on(record, data, entry, local, unpacking, "raw")
        elif is_torch_object(entry.name):
            roots[entry.name[: -len(TORCH_OBJECT)]] = _hand_on(record, data, entry, local, unpacking, "pickle")
        else:
            _hand_on(record, data, entry, local, unpacking, "raw" if entry.name in plain else "")
    for root, content in roots.items():
        storages = None if content is None else storages_of(content, unpacking.budget)
        if storages is not None:
            check_members(storages, sizes[root], record)


def is_torch_object(name: bytes) -> bool:
    """Whether torch would look for an object here; its reader ignores case."""
    return name.lower() == TORCH_OBJECT or name.lower().endswith(b"/" + TORCH_OBJECT)


def _name(record: Record, entry: Header) -> str:
    if not entry.flags & UTF8:
        return entry.name.decode("cp437")
    try:
        return entry.name.decode("utf-8")
    except UnicodeDecodeError:
        record.add("malformed", "zip.name", "a member name is no UTF-8, though marked so", detail=entry.name)
        return entry.name.decode("utf-8", "backslashreplace")


def _check_entry(record: Record, entry: Header, name: str) -> None:
    where: Where = {"start": entry.start, "end": entry.end, "detail": name}
    kind = stat.S_IFMT(entry.mode) if entry.system == UNIX else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "a device or pipe"
        record.add("suspicious", "zip.special-member", f"a member is {what}, not a file", **where)
    if name.endswith("/") and entry.size:
        record.add("suspicious", "zip.folder-with-data", "a folder holds data, which readers skip", **where)
    if entry.disk:
        record.add("malformed", "zip.disks", "a member claims to lie in another part of the archive", **where)
    if entry.comment:
        record.part(memoryview(entry.comment), entry.end - len(entry.comment))
    _check_extra(record, entry, where)


def _local(record: Record, data: memoryview, directory: Directory, entry: Header, name: str) -> Header | None:
    where: Where = {"start": entry.start, "end": entry.end, "detail": name}
    try:
        local = local_header(data, entry.offset)
    except ZipError as error:
        record.add("malformed", "zip.local-header", str(error), **where)
        return None
    streamed = bool(local.flags & STREAMED)
    pairs = [
        ("name", local.name, entry.name, False),
        ("method", local.method, entry.method, False),
        ("flags", local.flags & ~STREAMED, entry.flags & ~STREAMED, False),
        ("checksum", local.crc, entry.crc, streamed and local.crc == 0),
        ("compressed size", local.compressed, entry.compressed, streamed and local.compressed in (0, 0xFFFFFFFF)),
        ("size", local.size, entry.size, streamed and local.size in (0, 0xFFFFFFFF)),
    ]
    for what, here, there, left_open in pairs:
        if here != there and not left_open:
            message = f"the two headers of a member state a different {what}: readers see different content"
            record.add("suspicious", "zip.headers-differ", message, **where)
    if local.end + entry.compressed > directory.start:
        record.add("malformed", "zip.member-size", "the data of a member would reach into the directory", **where)
        return None
    _check_extra(record, local, {"start": local.end - len(local.extra), "end": local.end, "detail": name})
    return local


def _check_extra(record: Record, header: Header, where: Where) -> None:
    try:
        fields = list(extra_fields(header.extra))
    except ZipError as error:
        if header.extra.strip(b"\0"):
            record.add("malformed", "zip.extra", str(error), **where)
        return
    if any(number == UNICODE_PATH and content[5:] != header.name for number, content in fields):
        record.add("suspicious", "zip.name", "a second name stands in the extra fields", **where)
    unknown = [f"{number:#06x}" for number, content in fields if not _is_plain_extra(number, content)]
    if unknown:
        message = f"extra fields {', '.join(unknown[:5])} of a member are not as known, and may hold anything"
        record.add("not_examined", "zip.extra", message, **where)


def _is_plain_extra(number: int, content: bytes) -> bool:
    if number in PADDING_EXTRAS:
        return not content.strip(PADDING)
    return number == UNICODE_PATH or len(content) <= KNOWN_EXTRAS.get(number, -1)


def _data_end(record: Record, data: memoryview, entry: Header, local: Header, name: str) -> int:
    end = local.end + entry.compressed
    if local.flags & STREAMED:
        behind = descriptor_end(data, end, entry)
        if behind < 0:
            message = "the descriptor behind a member does not state what the directory states"
            record.add("suspicious", "zip.headers-differ", message, start=local.start, end=end, detail=name)
        end = max(end, behind)
    return end


def _overlap(record: Record, members: list[tuple[Header, Header, int]], directory: Directory) -> bool:
    last = 0
    for entry, local, end in sorted(members, key=lambda member: member[1].start):
        if local.start < last:
            message = "members share bytes: the archive says more than it holds"
            record.add("suspicious", "zip.overlap", message, start=local.start, end=end, detail=entry.name)
        record.cover(max(last, local.start), end)
        last = max(last, end)
    if last > directory.start:
        record.add("suspicious", "zip.overlap", "a member reaches into the directory", start=directory.start, end=last)
    return record.has_rule("zip.overlap")


def _hand_on(
    record: Record, data: memoryview, entry: Header, local: Header, unpacking: Unpacking, expected: str
) -> memoryview | None:
    """Hand on the content of a member; return it, or None where it was not read."""
    start, end = local.end, local.end + entry.compressed
    name = entry.name.decode("utf-8" if entry.flags & UTF8 else "cp437", "backslashreplace")
    where: Where = {"start": start, "end": end, "detail": name}
    if entry.flags & ENCRYPTED:
        record.add("not_examined", "zip.encrypted", "a member is encrypted", **where)
        return None
    if entry.method == STORED:
        content, consumed = data[start:end], entry.compressed
    elif entry.method in CODECS:
        expanded = unpacking.expand(data[start:end], CODECS[entry.method], start=start)
        if expanded.ending == "limit":
            return None
        content, consumed = memoryview(expanded.data).toreadonly(), expanded.consumed
    else:
        record.add("not_examined", "zip.method", f"compression method {entry.method} is not read", **where)
        return None
    if len(content) != entry.size or consumed != entry.compressed:
        message = f"a member states {entry.size} bytes and holds {len(content)}"
        record.add("suspicious", "zip.member-size", message, **where)
    checksum = _checksum(content, unpacking.budget)
    if checksum is None:
        record.add("not_examined", "zip.checksum", "the time allowed for one file is spent", **where)
    elif checksum != entry.crc:
        message = "the checksum of a member is wrong: some readers refuse it, others load it"
        record.add("suspicious", "zip.checksum", message, **where)
    if not name.endswith("/") or len(content):
        record.member(content, name, expected=expected)
    return content


def _checksum(content: memoryview, budget: Budget) -> int | None:
    """Read in pieces, so that the caller can give mapped pages back between them; None when the time is up."""
    checksum = 0
    for start in range(0, len(content), PIECE):
        if budget.expired():
            return None
        checksum = zlib.crc32(content[start : start + PIECE], checksum)
    return checksum
