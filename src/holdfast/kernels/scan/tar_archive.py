"""Walk a tar file: ustar, pax and GNU headers; links, devices and names that leave the folder are reported."""

from __future__ import annotations

from holdfast.kernels.formats.tar_blocks import BLOCK, Member, TarError, members
from holdfast.kernels.scan.member_names import Names, leaves_folder
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record, Span

FILE_TYPES = {b"0", b"\0", b"7"}
LINK_TYPES = {b"1": "a hard link", b"2": "a symbolic link"}
DEVICE_TYPES = {b"3": "a character device", b"4": "a block device", b"6": "a pipe"}
FOLDER, SPARSE = b"5", b"S"
LONGEST_PADDING = 1 << 16


def walk_tar(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a tar file; every file in it becomes a child."""
    record = Record(place)
    names = Names(record, "tar")
    end = 0
    try:
        for member in members(data):
            budget.members -= 1
            if budget.members < 0 or budget.expired():
                record.add("not_examined", "limit.members", "the rest of the members was not read", start=end)
                break
            _walk_member(record, data, member, names)
            end = member.end
        else:
            _walk_end(record, data, end)
    except TarError as error:
        record.add("malformed", "tar.structure", f"this is no complete tar file: {error}", start=end)
    return record.walked("tar")


def _walk_member(record: Record, data: memoryview, member: Member, names: Names) -> None:
    where: Span = {"start": member.start, "end": member.end}
    record.cover(member.start, member.data + member.size)
    padding = data[member.data + member.size : member.end]
    if any(padding):
        record.add("suspicious", "tar.padding", "data hide behind a member", detail=member.name, **where)
    record.cover(member.data + member.size, member.end)
    names.check(member.name, member.start, member.end)
    if member.extended_differs:
        message = "readers take different sizes for a member and so see different members behind it"
        record.add("suspicious", "tar.headers-differ", message, detail=member.name, **where)
    if member.kind in LINK_TYPES:
        outside = " that leaves the folder" if leaves_folder(member.link) else ""
        message = f"a member is {LINK_TYPES[member.kind]}{outside}, not a file"
        record.add("suspicious", "tar.link", message, detail=f"{member.name} -> {member.link}", **where)
    elif member.kind in DEVICE_TYPES:
        message = f"a member is {DEVICE_TYPES[member.kind]}, not a file"
        record.add("suspicious", "tar.device", message, detail=member.name, **where)
    elif member.kind == SPARSE or member.sparse:
        record.add("not_examined", "tar.sparse", "sparse members are not read", detail=member.name, **where)
    elif member.kind in FILE_TYPES:
        record.member(data[member.data : member.data + member.size], member.name)
    elif member.kind != FOLDER:
        message = f"member type {member.kind!r} is not read"
        record.add("not_examined", "tar.type", message, detail=member.name, **where)


def _walk_end(record: Record, data: memoryview, end: int) -> None:
    if bytes(data[end : end + 2 * BLOCK]).strip(b"\0") or len(data) - end < 2 * BLOCK:
        record.add("malformed", "tar.end", "the archive does not end with two blocks of zeros", start=end)
    stop = min(len(data), end + LONGEST_PADDING)
    if not bytes(data[end:stop]).strip(b"\0"):
        record.cover(end, stop)
    else:
        record.cover(end, min(end + 2 * BLOCK, len(data)))
