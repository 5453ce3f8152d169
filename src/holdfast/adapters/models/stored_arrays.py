"""What a model keeps, as plain arrays: sent by the child, and checked by its parent."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import wire
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.subject import ModelInfo, Stored, StoredRows, StoredValues

LARGEST_STORED = 1 << 30
LONGEST_NAME = 64
MOST_HOLDERS = 4096
LARGEST_COUNT = 1 << 53
KINDS = ("term", "category", "number")


def short_names(names: Sequence[str]) -> NDArray[np.str_]:
    """Cut names so that one long text does not make all of them long."""
    return np.array([name[:LONGEST_NAME] for name in names], dtype=np.str_)


def require(info: ModelInfo) -> None:
    """Refuse a model that cannot be read for what it keeps.

    Raises
    ------
    NotRun
        Naming the kind of model.
    """
    if "stored" not in info.capabilities:
        raise NotRun(f"what a model of the format {info.format} keeps is not read", hint="give the estimator itself")


def to_message(stored: Stored) -> tuple[dict[str, Any], list[bytes]]:
    """Write what is kept as a reply of the child; what is over the bound is left out, and the notes say so."""
    rows, values = stored.rows[:MOST_HOLDERS], stored.values[:MOST_HOLDERS]
    notes = [note[:1000] for note in stored.notes[:100]]
    if len(stored.rows) + len(stored.values) > len(rows) + len(values):
        notes.append(
            f"The model has many parts that keep data: only the first {MOST_HOLDERS} of a kind were looked at."
        )
    header = {
        "ok": True,
        "rows": [[part.holder[:LONGEST_NAME], part.n_rows, part.n_equal] for part in rows],
        "values": [
            [part.holder[:LONGEST_NAME], part.column[:LONGEST_NAME], part.kind, part.names.size] for part in values
        ],
        "forest": stored.forest,
        "notes": notes,
    }
    arrays = (
        np.stack([part.is_stored for part in rows]) if rows else np.zeros((0, 0), dtype=bool),
        np.concatenate([part.names for part in values]) if values else np.zeros(0, dtype="<U1"),
        np.concatenate([part.n_rows for part in values]) if values else np.zeros(0, dtype=np.int64),
        stored.leaf_rows,
    )
    return header, [wire.encode_array(array) for array in arrays]


def from_message(header: Mapping[str, Any], parts: Sequence[bytes], *, n_rows: int) -> Stored:
    """Read what a child sent, which may be hostile.

    Raises
    ------
    ModelError
        When it is not what :func:`to_message` writes; see also :func:`checked`.
    """
    try:
        is_stored, names, counts, leaf_rows = map(wire.decode_array, parts)
        kinds = [(array.dtype.kind, array.ndim) for array in (is_stored, names, counts, leaf_rows)]
        if kinds != [("b", 2), ("U", 1), ("i", 1), ("i", 1)]:
            raise ValueError(f"arrays of the kinds {kinds}")
        ends = [0, *itertools.accumulate(_whole(size) for *_, size in header["values"])]
        if len(header["rows"]) != len(is_stored) or ends[-1] != names.size or names.size != counts.size:
            raise ValueError("lists and arrays of different lengths")
        rows = [
            StoredRows(
                holder=_text(holder),
                n_rows=_whole(kept),
                n_equal=equal if equal is None else _whole(equal),
                is_stored=found,
            )
            for (holder, kept, equal), found in zip(header["rows"], is_stored.astype(bool), strict=True)
        ]
        values = [
            StoredValues(
                holder=_text(holder),
                column=_text(column),
                kind=kind,
                names=names[start:end].astype(np.str_),
                n_rows=counts[start:end].astype(np.int64),
            )
            for (holder, column, kind, _), start, end in zip(header["values"], ends, ends[1:], strict=False)
        ]
        stored = Stored(
            rows=tuple(rows),
            values=tuple(values),
            leaf_rows=leaf_rows.astype(np.int64),
            forest=header["forest"],
            notes=tuple(map(_text, header["notes"])),
        )
    except (wire.WireError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"the model's process sent an unreadable account of what it keeps: {str(error)[:200]}"
        ) from None
    return checked(stored, n_rows=n_rows)


def checked(stored: Stored, *, n_rows: int) -> Stored:
    """Refuse counts that cannot be.

    Raises
    ------
    ModelError
        When a count is negative or over what it counts, an array is not of the table's length, or a word is unknown.
    """
    sound = {
        "rows": all(
            part.is_stored.shape == (n_rows,) and 0 <= (part.n_equal or 0) <= part.n_rows for part in stored.rows
        ),
        "values": all(
            part.kind in KINDS
            and part.names.shape == part.n_rows.shape
            and part.n_rows.min(initial=0) >= -1
            and part.n_rows.max(initial=0) <= n_rows
            for part in stored.values
        ),
        "leaves": stored.leaf_rows.ndim == 1 and stored.leaf_rows.min(initial=0) >= 0,
        "forest": stored.forest in ("", "bootstrap", "all"),
    }
    wrong = [name for name, is_sound in sound.items() if not is_sound]
    if wrong:
        raise ModelError(f"what the model says it keeps cannot be: its {', '.join(wrong)} are out of bounds")
    return stored


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise ValueError(f"{value!r:.80} as a count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.80} as a text")
    return value
