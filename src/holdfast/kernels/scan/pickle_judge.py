"""What the pickle machine asks about the uses of globals: the seam between following a pickle and judging it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast.kernels.scan.observation import Kind
from holdfast.kernels.scan.pickle_values import Dict, Value


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array whose bytes joblib put behind the object that describes it.

    Attributes
    ----------
    value
        What stands for the array from then on.
    n_bytes
        Its size.
    has_objects
        It is a pickle of its own instead.
    is_aligned
        A byte with the number of padding bytes, and these, stand before it.
    """

    value: Value
    n_bytes: int
    has_objects: bool
    is_aligned: bool


class Judge(Protocol):
    """Answers for every use of a global; offsets are those of the stream."""

    def find(self, module: str, name: str, span: tuple[int, int], protocol: int) -> Value:
        """A global is fetched by module and qualified name."""

    def call(self, function: Value, arguments: Value, at: int) -> Value:
        """Something is called."""

    def new(self, made: Value, arguments: Value, named: Value, at: int) -> Value:
        """Something is instantiated without ``__init__``; ``named`` is None or a dict of keyword arguments."""

    def build(self, target: Value, state: Value, at: int) -> StoredArray | None:
        """The state of an object is set; the answer says whether an array follows."""

    def fill(self, target: Value, method: str, at: int) -> None:
        """Items are put into something other than a plain list, dict or set."""

    def persistent(self, id: Value, at: int) -> Value:
        """The loader is asked for something by an identifier."""

    def is_plain_item(self, target: Dict, key: str, value: Value, at: int) -> bool:
        """An item is set; the answer says whether the same key never needs to be asked about again."""

    def hold(self, target: Dict, value: Value) -> bool:
        """An item is set under a key that is no constant text; the answer says whether it may be a dtype's field."""

    def thinned(self, value: Value) -> Value:
        """Return what needs to be remembered of a value where little can be."""

    def second_reading(self, *, among_opcodes: bool) -> Judge:
        """Return the judge of bytes that only some loaders take for opcodes, or that are opcodes with another memo."""

    def note_extension(self, code: int, at: int) -> None:
        """A global is named by a number of the extension registry."""

    def note_unreadable_name(self, module: Value, name: Value, span: tuple[int, int]) -> None:
        """A global is named by values that are no constant text."""

    def note_buffer(self, at: int) -> None:
        """Bytes outside the stream are asked for."""

    def note_frame(self, at: int, message: str) -> None:
        """Frames are nested or overlap."""

    def note_cost(self, rule: str, at: int, message: str, kind: Kind = "suspicious") -> None:
        """Loading costs more time or memory than the bytes explain, or breaks off for it."""

    def note_second_reading(self, at: int) -> None:
        """The second reading did not come to an end within the limits."""

    def finish(self, *, is_coherent: bool = True) -> None:
        """Nothing more is asked; whether what was read makes sense to its end, or to the end of the array."""

    def note_late_state(self, at: int) -> None:
        """Something is put into a dict that was set as the state of an object."""

    def note_padding(self, at: int) -> None:
        """The padding before an array is not what joblib writes."""
