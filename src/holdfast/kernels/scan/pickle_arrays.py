"""Numpy's dtypes and joblib's stored arrays, as far as their size and the presence of objects go.

Both must be exact: an array one byte longer than numpy takes it for hides an opcode, and a dtype whose items are
objects where the array holds numbers makes numpy take numbers for addresses.
"""

from __future__ import annotations

import itertools
import re

from holdfast.kernels.scan.pickle_judge import StoredArray
from holdfast.kernels.scan.pickle_values import Dict, Dtype, Fields, Global, List, Tuple, Value, kind_of

WRAPPER = "joblib.numpy_pickle:NumpyArrayWrapper"
FIELD_KEYS = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
"""What joblib's wrapper is given; any other attribute may stand in the place of one of its methods."""
OBJECT_FLAGS = 63
HELD_FLAGS = 27
"""Flags that numpy sets when a field is an object: reference counts, pickled as a list, set up first, needs Python."""
MISLEADING_FLAGS = 7
"""Any of these makes numpy treat items as pointers."""
STATE_VERSIONS = (3, 4)
STATE_ITEMS = (8, 9)
MOST_BYTES = 1 << 62
ARRAYS = {
    "numpy:ndarray", "numpy:matrix", "numpy.matrixlib.defmatrix:matrix", "numpy:memmap", "numpy:recarray",
    "numpy.rec:recarray", "numpy.ma:MaskedArray", "numpy.ma.core:MaskedArray",
}  # fmt: skip
"""Classes whose state is the shape, the dtype, the order and the content of an array."""
ARRAY_ITEMS = 4
"""Of a state, behind the version that the oldest ones lack."""
ARRAY_BYTES = {"bytes", "bytearray", "str", "buffer"}
ARRAY_CLASSES = {"ndarray", "matrix", "memmap"}

_CODE = re.compile(r"[<>=|]?(?P<kind>[biufcSUVOMm])(?P<size>\d{0,9})")
_SIZES = {
    "b": {1}, "i": {1, 2, 4, 8}, "u": {1, 2, 4, 8}, "f": {2, 4, 8, 12, 16}, "c": {8, 16, 24, 32}, "M": {8}, "m": {8},
}  # fmt: skip
_CLASSES = {"numpy:record": ("V", 0), "numpy:void": ("V", 0), "builtins:object": ("O", 8)}


def is_code(text: str) -> bool:
    """Whether a text may be that of a dtype or of its byte order."""
    return text in ("<", ">", "=", "|") or _CODE.fullmatch(text) is not None


def made_dtype(function: Global, items: list[Value]) -> Dtype | None:
    """Return the dtype that a call of ``numpy.dtype`` makes; None when the code cannot be followed.

    A dtype that is no copy is shared by the whole program, and may not be changed.
    """
    code, is_aligned, is_copied = items
    if is_aligned != 0 or is_copied != 1:
        return None
    if isinstance(code, Global):
        kind, item_bytes = _CLASSES.get(code.path, ("", 0))
        return Dtype(function, kind, item_bytes, kind == "O") if kind else None
    match = _CODE.fullmatch(code) if isinstance(code, str) else None
    if match is None:
        return None
    kind, item_bytes = match["kind"], int(match["size"] or 0)
    if kind == "O":
        return Dtype(function, kind, 8, True) if item_bytes in (0, 4, 8) else None
    if kind in _SIZES and item_bytes not in _SIZES[kind]:
        return None
    return Dtype(function, kind, item_bytes * 4 if kind == "U" else item_bytes, False)


def set_dtype(target: Dtype, state: list[Value]) -> bool:
    """Take over the state of a dtype; False for one that says of its items what their type does not."""
    if target.is_used or len(state) not in STATE_ITEMS or state[0] not in STATE_VERSIONS:
        return False
    target.is_used = True
    _, _, subarray, names, fields, size, _, flags = state[:8]
    if not isinstance(flags, int) or not isinstance(size, int):
        return False
    if target.code == "O":
        return flags == OBJECT_FLAGS and subarray is None and names is None and fields is None
    if subarray is not None:
        return names is None and fields is None and _set_subarray(target, subarray, size, flags)
    if names is None and fields is None:
        target.item_bytes = size if size >= 0 and target.code in "SUV" else target.item_bytes
        return not flags & MISLEADING_FLAGS
    return isinstance(fields, Dict) and _set_fields(target, fields, size, flags)


def _set_subarray(target: Dtype, subarray: Value, size: int, flags: int) -> bool:
    if target.code != "V" or not isinstance(subarray, Tuple) or len(subarray.items) != 2:
        return False
    base, shape = subarray.items
    count = _count(shape.items if isinstance(shape, Tuple) else [shape])
    if not isinstance(base, Dtype) or count is None or count * base.item_bytes != size:
        return False
    target.item_bytes, target.has_objects = size, base.has_objects
    return _claims(flags, base.has_objects)


def _set_fields(target: Dtype, fields: Dict, size: int, flags: int) -> bool:
    """Take over fields that lie inside the item; where one is an object no two of them share bytes."""
    if target.code != "V" or fields.is_thin:
        return False
    spans: set[tuple[int, int, Dtype]] = set()
    for field in fields.fields or ():
        kind, offset = field.items[0], field.items[1] if len(field.items) in (2, 3) else None
        if not isinstance(kind, Dtype) or not isinstance(offset, int) or not 0 <= offset <= size - kind.item_bytes:
            return False
        spans.add((offset, offset + kind.item_bytes, kind))
    fields.fields = None
    fields.__class__ = Fields
    target.item_bytes = size
    target.has_objects = any(kind.has_objects for _, _, kind in spans)
    ends = sorted((start, end) for start, end, _ in spans)
    is_shared = any(end > start for (_, end), (start, _) in itertools.pairwise(ends))
    return _claims(flags, target.has_objects) and not (is_shared and target.has_objects)


def _claims(flags: int, has_objects: bool) -> bool:
    return flags & HELD_FLAGS == HELD_FLAGS if has_objects else not flags & MISLEADING_FLAGS


def fits_array(state: Value) -> bool:
    """Whether numpy reads no further than what it is given: it takes the items of objects from a list unchecked."""
    items = state.items if isinstance(state, Tuple) else []
    if len(items) < ARRAY_ITEMS:
        return False
    shape, _, _, content = items if len(items) == ARRAY_ITEMS else items[1 : 1 + ARRAY_ITEMS]
    if not isinstance(content, List):
        return kind_of(content) in ARRAY_BYTES
    count = _count(shape.items) if isinstance(shape, Tuple) else None
    return count is not None and count <= content.count


def describe_array(state: Dict) -> StoredArray | None:
    """Return the array that joblib's wrapper describes; None when the description cannot be followed."""
    kept = state.kept or {}
    dtype, shape, subclass = kept.get("dtype"), kept.get("shape"), kept.get("subclass")
    is_known = state.size == len(kept) and kept.keys() <= FIELD_KEYS
    if not is_known or kept.get("order") not in ("C", "F") or not isinstance(kept.get("allow_mmap", True), bool):
        return None
    if not (isinstance(dtype, Dtype) and isinstance(shape, Tuple) and isinstance(subclass, Global)):
        return None
    alignment = kept.get("numpy_array_alignment_bytes")
    count = _count(shape.items)
    if count is None or subclass.module != "numpy" or subclass.name not in ARRAY_CLASSES or dtype.item_bytes < 0:
        return None
    n_bytes = count * dtype.item_bytes
    if n_bytes > MOST_BYTES or not (alignment is None or isinstance(alignment, int)):
        return None
    return StoredArray(subclass.instance, n_bytes, dtype.has_objects, alignment is not None)


def _count(shape: list[Value]) -> int | None:
    count = 1
    for size in shape:
        if not isinstance(size, int) or size < 0 or count > MOST_BYTES:
            return None
        count *= size
    return count
