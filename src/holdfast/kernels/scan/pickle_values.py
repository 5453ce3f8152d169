"""The abstract values that the pickle machine computes with: what is known of an object without making it."""

from __future__ import annotations

from typing import Final

from holdfast.kernels.scan.allow_list import Rule

KEPT_TEXT = 1024
KEPT_BYTES = 64
KEPT_ITEMS = 16
ITEM_BYTES = 8
"""Bytes of a text, or of bytes, that cost as much as one object."""


class Opaque:
    """A value of which only the kind is known; one object per kind."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


FLOAT: Final = Opaque("float")
LONG: Final = Opaque("int")
BYTES: Final = Opaque("bytes")
BYTEARRAY: Final = Opaque("bytearray")
SET: Final = Opaque("set")
UNKNOWN: Final = Opaque("unknown")
PERSISTENT: Final = Opaque("persistent")
"""Something that the loader is asked for by an identifier."""


class Lost(Opaque):
    """A container, or what stood in one, of which nothing is known any more."""

    __slots__ = ()


LIST: Final = Lost("list")
FORGOTTEN: Final = Lost("forgotten")


class Heavy(Opaque):
    """A value of which only the kind is known, and how many objects are visited to hash or to copy it."""

    __slots__ = ("cost",)

    def __init__(self, kind: str, cost: int) -> None:
        super().__init__(kind)
        self.cost = cost


class Tuple:
    """A short tuple; compared by identity, so that sharing and nesting cost nothing."""

    __slots__ = ("cost", "is_plain", "is_spent", "items", "weight")
    kind = "tuple"

    def __init__(self, items: list[Value], weight: int = 1, cost: int = 1, *, is_plain: bool = False) -> None:
        self.items = items
        self.is_plain = is_plain
        """There are only constants in it, at any depth."""
        self.cost = cost
        """How many objects are visited to hash it: those that it shares count again."""
        self.weight = weight
        """Tuples and dicts inside, at any depth, and itself."""
        self.is_spent = False
        """A rule has accounted for the globals in it: the next use of the same tuple accounts for no more."""


class Bulk(Heavy):
    """A long or deep tuple of which the length is not known, but what it holds besides constants."""

    __slots__ = ("held",)

    def __init__(self, kind: str, cost: int, held: dict[Value, None]) -> None:
        super().__init__(kind, cost)
        self.held = held


class List:
    """A list of which the length is known: what is put into it by another name makes it longer, never shorter."""

    __slots__ = ("count", "held", "is_plain", "names", "settled_in")
    kind = "list"

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.held: dict[Value, None] | None = None
        """What is in it besides constants, in the order in which it came."""
        self.names: frozenset[Value] | None = frozenset()
        """All items, while they are names that some attribute may hold, or nothing."""
        self.is_plain = True
        """There are only constants in it, and containers of nothing else."""
        self.settled_in: Bulk | None = None
        """Where it has to be named should anything else come into it."""


class Borrowed(Opaque):
    """A list or dict of the first reading, in the second: it may be looked at, and not filled."""

    __slots__ = ()


class Dict:
    """A dict of which the string keys that a rule asks for are kept, and what makes it unfit as a state.

    ``fields`` holds the items that may be the fields of a structured dtype; they are all of them unless ``is_thin``.
    """

    __slots__ = (
        "fields", "held", "is_plain", "is_spent", "is_state", "is_thin", "kept", "odd_key", "settled_in", "size",
    )  # fmt: skip
    kind = "dict"

    def __init__(self) -> None:
        self.kept: dict[str, Value] | None = None
        self.fields: list[Tuple] | None = None
        self.odd_key: str | None = None
        self.is_state = False
        self.is_thin = False
        self.is_spent = False
        self.held: dict[Value, Value] | None = None
        """The items whose values are no constants."""
        self.is_plain = True
        """As for a list."""
        self.settled_in: Bulk | None = None
        self.size = 0
        """How many items were set."""


class Fields(Dict):
    """A dict that a dtype has taken over: what is put into it later changes arrays that exist."""

    __slots__ = ()


class Global:
    """Something a module holds, named by module and qualified name."""

    __slots__ = ("at", "cost", "held", "instance", "is_named", "loose", "module", "name", "rule")
    kind = "global"

    def __init__(self, module: str, name: str, rule: Rule | None, at: tuple[int, int]) -> None:
        self.module = module
        self.name = name
        self.rule = rule
        self.at = at
        self.loose = 0
        """How often it stands in the data as a value rather than as what is called."""
        self.cost = 1
        """How many objects are visited to hash the dearest of its instances."""
        self.held: dict[Value, None] = {}
        """What any of its instances holds, where the instances are arrays, indices and the like."""
        self.is_named = False
        """The file names it; else it only stands for what some call returns."""
        self.instance = Instance(self)

    @property
    def path(self) -> str:
        """Module and qualified name, joined so that the two cannot be confused."""
        return f"{self.module}:{self.name}"


class Instance:
    """The result of calling or instantiating a global."""

    __slots__ = ("of",)
    kind = "instance"

    def __init__(self, of: Global) -> None:
        self.of = of


class Lazy(Instance):
    """A range of numbers, of which the file says no more than how many there are."""

    __slots__ = ("count",)

    def __init__(self, of: Global, count: int) -> None:
        super().__init__(of)
        self.count = count


class Holder(Instance):
    """An object that is filled like a list or a dict."""

    __slots__ = ("held",)

    def __init__(self, of: Global) -> None:
        super().__init__(of)
        self.held: dict[Value, None] = {}


class Wrapper(Instance):
    """What joblib puts in the place of one array; only the first state it is given can be followed."""

    __slots__ = ("is_built",)

    def __init__(self, of: Global) -> None:
        super().__init__(of)
        self.is_built = False


class Dtype(Instance):
    """A numpy dtype with what decides the size of its items and whether they are objects.

    ``is_used`` where something else may hold it already: a state set from then on would change what arrays hold.
    """

    __slots__ = ("code", "has_objects", "is_used", "item_bytes")

    def __init__(self, of: Global, code: str, item_bytes: int, has_objects: bool) -> None:
        super().__init__(of)
        self.is_used = False
        self.code = code
        self.item_bytes = item_bytes
        self.has_objects = has_objects


class Stored:
    """Bytes or text of some length that stand in the stream, from ``start`` to ``end``.

    ``encoding`` is that of a text; bytes that have one stand there as a text with one character for each.
    """

    __slots__ = ("encoding", "end", "kind", "start")

    def __init__(self, start: int, end: int, kind: str = "bytes", encoding: str = "") -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.encoding = encoding


Value = None | bool | int | str | bytes | Opaque | Tuple | List | Dict | Global | Instance | Stored

_CONSTANTS: Final = {bool: "bool", int: "int", str: "str", bytes: "bytes", type(None): "none"}


def kind_of(value: Value) -> str:
    """Return what kind of object a value stands for, such as ``int`` or ``instance``."""
    constant = _CONSTANTS.get(type(value))
    return constant if constant is not None else value.kind  # type: ignore[union-attr]


def cost_of(value: Value) -> int:
    """Return how many objects are visited to hash a value, at most 2**62."""
    if isinstance(value, Tuple | Heavy):
        return value.cost
    return value.of.cost if isinstance(value, Instance) else 1
