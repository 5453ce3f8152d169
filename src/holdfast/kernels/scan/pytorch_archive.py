"""The storages of PyTorch's files: behind the pickles before version 1.6, and members of a zip file since."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kernels.scan.record import Record

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickle that a file begins with."""
PICKLES = 5
"""Magic number, protocol, machine, object, keys of the storages."""
COUNT_BYTES = 8

ITEM_BYTES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexDouble": 16, "ComplexFloat": 8, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1,
    "Untyped": 1,
}  # fmt: skip
"""By the name of the storage class, without ``Storage``."""


def check_members(
    storages: Mapping[str, tuple[str, int]], sizes: Mapping[str, tuple[int, tuple[int, int]]], record: Record
) -> None:
    """Compare the storages that a pickle asks for with the members that hold them: torch believes the pickle.

    Parameters
    ----------
    storages : mapping
        Class and number of items by key, as the pickle asks for them.
    sizes : mapping
        Bytes, and where they stand, by key, of the members beside the pickle.
    record : Record
        What does not fit.
    """
    for key, (name, count) in storages.items():
        size = ITEM_BYTES.get(name.removesuffix("Storage"))
        held, (start, end) = sizes.get(key, (-1, (0, 0)))
        if size is None:
            message = "expected a storage of a known type"
            record.add("not_examined", "torch.storage", message, detail=name)
        elif held < 0:
            message = f"expected a member with the {count} items of a storage; there is none"
            record.add("malformed", "torch.storage", message, detail=key)
        elif count < 0 or held != count * size:
            message = f"expected a storage of {count} items, got {held} bytes, which is not as many"
            record.add("malformed", "torch.storage", message, detail=key, start=start, end=end)
    for key in sizes.keys() - storages.keys():
        message = "the pickle asks for no storage of this name: nothing accounts for what the member holds"
        record.add(
            "suspicious", "torch.unreferenced", message, detail=key, start=sizes[key][1][0], end=sizes[key][1][1]
        )


def cover_storages(data: memoryview, start: int, storages: Mapping[str, tuple[str, int]], record: Record) -> None:
    """Cover the storages that stand behind the pickles, each with its number of items before it.

    Parameters
    ----------
    data : memoryview
        The whole file.
    start : int
        Where the first storage begins.
    storages : mapping
        Class and number of items by key, as the object asks for them; torch writes them in the order of their keys.
    record : Record
        What is covered, and what does not fit.
    """
    position = start
    for key in sorted(storages):
        name, count = storages[key]
        size = ITEM_BYTES.get(name.removesuffix("Storage"))
        if size is None or count < 0:
            message = "expected a storage of a known type and size"
            record.add("not_examined", "torch.storage", message, detail=name, start=position, end=len(data))
            return
        stated = int.from_bytes(data[position : position + COUNT_BYTES], "little", signed=True)
        end = position + COUNT_BYTES + count * size
        if stated != count or end > len(data):
            message = f"expected a storage of {count} items, got one of {stated}, and {len(data) - position} bytes"
            record.add("malformed", "torch.storage", message, detail=key, start=position, end=len(data))
            return
        record.cover(position, end)
        position = end
