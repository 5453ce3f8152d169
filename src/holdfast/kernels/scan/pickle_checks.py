"""Judge the uses of globals in a pickle by an allow list."""

from __future__ import annotations

import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

from holdfast.kernels.scan.allow_list import AllowList, Rule
from holdfast.kernels.scan.allow_rules import (
    NAMING_KEYS,
    TEMPLATE_KEY,
    UNSERIALISES,
    is_never_allowed,
    is_template,
)
from holdfast.kernels.scan.observation import Kind
from holdfast.kernels.scan.pickle_arrays import (
    ARRAYS,
    FIELD_KEYS,
    WRAPPER,
    describe_array,
    fits_array,
    made_dtype,
    set_dtype,
)
from holdfast.kernels.scan.pickle_contents import Contents
from holdfast.kernels.scan.pickle_copies import COPIED_KEYS, Copies, copies_data, counts_far, lazy, written_out
from holdfast.kernels.scan.pickle_judge import Judge, StoredArray
from holdfast.kernels.scan.pickle_limits import Unexamined
from holdfast.kernels.scan.pickle_patterns import fits_all, fitting, has_odd_state, has_special_key, spend
from holdfast.kernels.scan.pickle_slots import DATA, Slots, family
from holdfast.kernels.scan.pickle_thinning import Thinner
from holdfast.kernels.scan.pickle_uses import encoded, is_slots, is_special, made_of, shown, weighed
from holdfast.kernels.scan.pickle_values import (
    FORGOTTEN,
    PERSISTENT,
    UNKNOWN,
    Dict,
    Dtype,
    Global,
    Holder,
    Instance,
    Opaque,
    Stored,
    Tuple,
    Value,
    Wrapper,
    kind_of,
)
from holdfast.kernels.scan.record import Record

MOST_GLOBALS = 5_000
MOST_FIELDS = 100_000
"""Fields of dtypes that were not made yet."""
ANY_CLASS = Rule(news=((),))
VERSION_KEY = "_sklearn_version"
KEPT_KEYS = FIELD_KEYS | COPIED_KEYS | NAMING_KEYS.keys()
"""Keys whose values a rule asks for."""
STORAGE_ITEMS = 5
MODULE_ITEMS = 4
MOST_DTYPES = 400_000
BARE_MAKERS = {"copyreg:_reconstructor", "copyreg:__newobj__"}
"""Functions that make an instance of the class they are given, without its ``__init__``."""
CYTHON_MAKER = "__pyx_unpickle_"


class Checker:
    """The judge of one file: keeps the globals it named, notes what no rule allows."""

    def __init__(self, record: Record, allow: AllowList) -> None:
        self._record = record
        self._allow = allow
        self._globals: dict[tuple[str, str], Global] = {}
        self._kinds: dict[str, Opaque] = {}
        self._thinner = Thinner(allow, KEPT_KEYS | {VERSION_KEY, TEMPLATE_KEY})
        self._unseen: dict[Global, list[tuple[str, int]]] = {}
        self._told: set[tuple[str, str]] = set()
        self.versions: set[str] = set()
        self.nested: list[tuple[Stored | bytes, int]] = []
        self.has_arrays = False
        self._n_dtypes = 0
        self._n_fields = 0
        self._copies = Copies()
        self._contents = Contents()
        self.slots = Slots(allow)
        self.storages: dict[str, tuple[str, int]] = {}

    def find(self, module: str, name: str, span: tuple[int, int], protocol: int) -> Value:
        """Fetch a global; names of Python 2 are translated where an unpickler does."""
        if protocol < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        known = self._global(module, name, span)
        if known is None:
            return UNKNOWN
        known.loose += 1
        known.is_named = True
        return known

    def named(self) -> list[Global]:
        """Return the globals so far."""
        return list(self._globals.values())

    def _global(self, module: str, name: str, span: tuple[int, int]) -> Global | None:
        known = self._globals.get((module, name))
        if known is None and len(self._globals) >= MOST_GLOBALS:
            self._say("unknown", "pickle.globals", f"more than {MOST_GLOBALS} globals are named", "", *span)
        elif known is None:
            known = self._globals[module, name] = Global(module, name, self._allow.rule(module, name), span)
        return known

    def call(self, function: Value, arguments: Value, at: int) -> Value:
        """Judge a call, and return what it leaves."""
        if not isinstance(function, Global):
            if function is not UNKNOWN:
                self._say(
                    "executes", "pickle.call", f"an object ({self._name(function)}) is called while loading", "", at
                )
            return UNKNOWN
        function.loose -= 1
        pattern = None if function.rule is None else fitting(function.rule.calls, arguments)
        if function.rule is None or pattern is None or has_special_key(arguments):
            return self._unlisted_class(function, arguments, at) or self._refuse_call(function, at)
        if copies_data(function.path, arguments):
            return self._refuse_call(function, at)
        items = arguments.items if isinstance(arguments, Tuple) else []
        spend(pattern, arguments)
        self._copy(arguments, at, written_out(function.path, arguments))
        if function.path in UNSERIALISES:
            self._keep_nested(items[0], at)
        if function.name.startswith(CYTHON_MAKER) and isinstance(items[0], Global):
            self.slots.take(items[0], arguments, at)
        if function.path == "_codecs:encode":
            return encoded(items[0])
        if function.path == "numpy:dtype":
            return self._made_dtype(function, items) or self._refuse_call(function, at)
        return lazy(function.path, weighed(self._result(function, function.rule, items, at), items), items)

    def new(self, made: Value, arguments: Value, named: Value, at: int) -> Value:
        """Judge an instantiation."""
        if not isinstance(made, Global):
            if made is not UNKNOWN:
                self._say("unknown", "pickle.instantiation", f"an object ({self._name(made)}) is instantiated", "", at)
            return UNKNOWN
        made.loose -= 1
        is_bare = named is None and isinstance(arguments, Tuple) and not arguments.items
        if made.rule is None:
            self._unseen.setdefault(made, []).append(("bare" if is_bare else "new", at))
            return made.instance
        if is_bare and () in made.rule.news:
            return made_of(made)
        pattern = fitting(made.rule.news, arguments, named)
        if pattern is None or has_special_key(arguments):
            message = (
                "is instantiated with arguments that no rule allows" if made.rule.news else "may not be instantiated"
            )
            self._say("unknown", "pickle.instantiation", f"{shown(made)} {message}", made.path, at)
            return UNKNOWN
        spend(pattern, arguments)
        return weighed(made_of(made), arguments.items if isinstance(arguments, Tuple) else [arguments])

    def build(self, target: Value, state: Value, at: int) -> StoredArray | None:
        """Judge the setting of a state."""
        if isinstance(target, Global):
            message = f"loading sets attributes of {shown(target)} itself, which the rest of the program shares"
            self._say("executes", "pickle.build", message, target.path, at)
            return None
        if not isinstance(target, Instance):
            if target is not UNKNOWN:
                self._say("unknown", "pickle.build", f"a state is set on a value of kind {kind_of(target)}", "", at)
            return None
        for part in (state, *state.items) if isinstance(state, Tuple) else (state,):
            if isinstance(part, Dict):
                self._copies.shared += part.is_state and part.size > 0
                part.is_state = True
        self._copy(state, at)
        if counts_far(target.of.module, state):
            message = "loading counts up to a number that is no ordinary one"
            self._say("suspicious", "pickle.count", message, target.of.path, at)
        odd = has_odd_state(state)
        if odd:
            message = f"the state of {shown(target.of)} has an attribute that a program's own state does not have"
            self._say("executes" if has_special_key(state) else "suspicious", "pickle.build", message, odd, at)
            return None
        if target.of.rule is None and target.of.is_named:
            self._unseen.setdefault(target.of, []).append(("bare" if isinstance(state, Dict) else "state", at))
        elif not self._fits_state(target, state):
            message = f"{shown(target.of)} is given a state ({kind_of(state)}) that no rule allows"
            self._say("unknown", "pickle.build", message, target.of.path, at)
        elif target.of.path == WRAPPER:
            return self._array(target, state, at)
        else:
            self._fill_state(target, state, at)
        return None

    def _fill_state(self, target: Instance, state: Value, at: int) -> None:
        """Remember what an object holds from now on."""
        self.slots.take(target.of, state, at)
        if family(target) == DATA:
            self._contents.add(target.of.held, [state])

    def fill(self, target: Value, method: str, at: int) -> None:
        """Judge the filling of something that is no plain list, dict or set."""
        allowed = isinstance(target, Instance) and target.of.rule is not None and method in target.of.rule.methods
        if not allowed and target is not UNKNOWN:
            self._say("unknown", "pickle.items", f"items are put into {self._name(target)} while loading", method, at)

    def persistent(self, id: Value, at: int) -> Value:
        """Judge what the loader is asked for: nothing but the storages, and in old files the modules, of torch."""
        items = id.items if isinstance(id, Tuple) else []
        if len(items) >= STORAGE_ITEMS and items[0] == "storage":
            _, storage, key, _, count = items[:STORAGE_ITEMS]
            if isinstance(storage, Global) and isinstance(key, str) and isinstance(count, int):
                self.storages.setdefault(key, (storage.name, count))
                return PERSISTENT
        if len(items) == MODULE_ITEMS and items[0] == "module" and isinstance(items[1], Global):
            items[1].loose += isinstance(id, Tuple) and id.is_spent
            if isinstance(id, Tuple):
                id.is_spent = True
            return items[1]
        self._say("unknown", "pickle.persistent-id", "what the loader is asked for is not a storage of torch", "", at)
        return UNKNOWN

    def is_plain_item(self, target: Dict, key: str, value: Value, at: int) -> bool:
        """Note what a rule needs to know of an item of a dict."""
        is_field = self.hold(target, value)
        if is_special(key):
            target.odd_key = key
            if target.is_state:
                message = "an object's state is given an attribute that the loader or the object calls"
                self._say("executes", "pickle.build", message, key, at)
        elif key in KEPT_KEYS:
            is_deep = isinstance(value, Dict) or (isinstance(value, Tuple) and value.weight > 1)
            target.kept = {**(target.kept or {}), key: FORGOTTEN if is_deep else value}
        elif key == VERSION_KEY:
            self.versions.add(value if isinstance(value, str) else "")
        elif key == TEMPLATE_KEY:
            if not isinstance(value, str) or not is_template(value):
                message = "scipy executes this text when a distribution is loaded, and it is not what scipy writes"
                self._say("executes", "pickle.template", message, value if isinstance(value, str) else "", at)
        else:
            return not is_field
        return False

    def hold(self, target: Dict, value: Value) -> bool:
        """Keep an item that may be the field of a dtype; the answer says whether it may."""
        is_field = isinstance(value, Tuple) and len(value.items) > 1 and isinstance(value.items[0], Dtype)
        if isinstance(value, Tuple) and is_field and value.weight == 1 and self._n_fields < MOST_FIELDS:
            self._n_fields += 1
            target.fields = target.fields or []
            target.fields.append(value)
        else:
            target.is_thin = True
        return is_field

    def thinned(self, value: Value) -> Value:
        """Return a shared value in place of one that costs memory."""
        return self._thinner.thinned(value)

    def second_reading(self, *, among_opcodes: bool) -> Judge:
        """Return the judge of bytes that only some loaders take for opcodes."""
        from holdfast.kernels.scan.pickle_second import SecondReading

        return SecondReading(self._record, self._allow, self, among_opcodes=among_opcodes)

    def finish(self, *, is_coherent: bool = True) -> None:
        """Note the globals that no use explained."""
        seen = self._allow.versions.get("sklearn", frozenset())
        for item in self._globals.values():
            if item.rule is None and item.is_named:
                self._finish_unlisted(item)
            elif item.rule is not None and item.loose > 0 and not item.rule.is_reference:
                message = f"{shown(item)} stands in the data as a value, which no rule allows"
                self._say("unknown", "pickle.reference", message, item.path, *item.at)
        for misfit in self.slots.misfits():
            message = f"{shown(misfit.target)} holds something that ordinary ones do not hold there: {misfit.reason}"
            self._say("unknown", "pickle.attribute", message, f"{misfit.key}: {self._name(misfit.value)}", misfit.at)
        for version in sorted(self.versions - seen):
            self._record.note(f"saved by scikit-learn {version}, a version the allow list was not made from")

    def note_extension(self, code: int, at: int) -> None:
        """Note a number of the extension registry."""
        self._say(
            "unknown", "pickle.extension", "a global is named by a number that only the loader knows", str(code), at
        )

    def note_unreadable_name(self, module: Value, name: Value, span: tuple[int, int]) -> None:
        """Note a global whose name is computed."""
        kinds = f"{kind_of(module)}, {kind_of(name)}"
        self._say("unknown", "pickle.global", "a global is named by values that are no constant text", kinds, *span)

    def note_buffer(self, at: int) -> None:
        """Note bytes that are elsewhere."""
        self._say("not_examined", "pickle.buffer", "bytes that are not in the file are asked for", "", at)

    def note_frame(self, at: int, message: str) -> None:
        """Note frames that loaders read in different ways."""
        self._say("suspicious", "pickle.frame", message, "", at)

    def note_cost(self, rule: str, at: int, message: str, kind: Kind = "suspicious") -> None:
        """Note what costs the loader much."""
        self._say(kind, rule, message, "", at)

    def note_second_reading(self, at: int) -> None:
        """Note that what other loaders take for opcodes was not followed to its end."""
        self._say("not_examined", "joblib.two-readings", "an array holds too many opcodes of other loaders", "", at)

    def note_late_state(self, at: int) -> None:
        """Note a state that is changed after it was set."""
        self._say("suspicious", "pickle.late-state", "the state of an object is changed after it was set", "", at)

    def note_padding(self, at: int) -> None:
        """Note bytes hidden before an array."""
        self._say("suspicious", "pickle.padding", "the padding before an array is not what joblib writes", "", at)

    def _finish_unlisted(self, item: Global) -> None:
        uses = self._unseen.get(item, [])
        is_class = bool(uses) and all(use == "bare" for use, _ in uses) and item.loose <= 0
        if is_class and self._may_be_new(item):
            message = f"{shown(item)} is not on the allow list, which was not made from the version that saved it"
            self._say("not_examined", "pickle.version", message, item.path, *item.at)
        else:
            message = f"{shown(item)} is on no allow list; loading imports it, and may call it"
            self._say("unknown", "pickle.global", message, item.path, *item.at)

    def _may_be_new(self, item: Global) -> bool:
        """Whether a class could be one of a version that the list was not made from.

        Only scikit-learn writes its version into a file. For the other libraries a class that is made and filled as
        theirs are, and stands in a package that the list knows classes of, cannot be told from a new one.
        """
        if is_never_allowed(item.module, item.name) or not self._allow.is_framework(item.module):
            return False
        if item.module.partition(".")[0] == "sklearn" and self.versions:
            return bool(self.versions - self._allow.versions["sklearn"])
        return self._allow.knows_package(item.module)

    def _unlisted_class(self, function: Global, arguments: Value, at: int) -> Value | None:
        """Return an instance where a call does no more than make one of a class that is not on the list."""
        items = arguments.items if isinstance(arguments, Tuple) and not has_special_key(arguments) else []
        made = items[0] if items else None
        if not isinstance(made, Global) or made.rule is not None:
            return None
        if function.path in BARE_MAKERS:
            stand_in = Global("", "", ANY_CLASS, made.at)
            if function.rule is None or not any(fits_all(one, [stand_in, *items[1:]]) for one in function.rule.calls):
                return None
        elif function.rule is not None or function.path != f"{made.module}:{CYTHON_MAKER}{made.name}":
            return None
        for item in {function, made} if function.rule is None else {made}:
            self._unseen.setdefault(item, []).append(("bare", at))
        if isinstance(arguments, Tuple) and not arguments.is_spent:
            arguments.is_spent = True
            made.loose -= 1
        return made.instance

    def _copy(self, value: Value, at: int, more: int = 0) -> None:
        self._copies.take(value, more)
        trouble = self._copies.trouble(at)
        if trouble:
            self.note_cost("pickle.copies", at, trouble)

    def _made_dtype(self, function: Global, items: list[Value]) -> Dtype | None:
        self._n_dtypes += 1
        if self._n_dtypes > MOST_DTYPES:
            raise Unexamined(f"more than {MOST_DTYPES} dtypes are made")
        return made_dtype(function, items)

    def _refuse_call(self, function: Global, at: int) -> Value:
        is_system = function.module.partition(".")[0] in sys.stdlib_module_names
        self._unseen.setdefault(function, []).append(("call", at))
        what = "with arguments that no rule allows" if function.rule and function.rule.calls else "while loading"
        message = f"{shown(function)} is called {what}"
        self._say("executes" if is_system else "unknown", "pickle.call", message, function.path, at)
        return UNKNOWN

    def _result(self, function: Global, rule: Rule, items: list[Value], at: int) -> Value:
        made = self._returned(function, rule, items, at)
        if isinstance(made, Instance) and (isinstance(made, Holder) or family(made) == DATA):
            held = made.held if isinstance(made, Holder) else made.of.held
            self._contents.add(held, (item for item in items if not isinstance(item, Global)))
        return made

    def _returned(self, function: Global, rule: Rule, items: list[Value], at: int) -> Value:
        if not rule.result:
            return made_of(function)
        if rule.result == "first":
            return made_of(items[0]) if isinstance(items[0], Global) else UNKNOWN
        if rule.result == "attribute":
            owner, name = items
            if isinstance(owner, Global) and isinstance(name, str):
                return self.find(owner.module, f"{owner.name}.{name}", (at, at), 4)
            return self._kind("attribute")
        if ":" not in rule.result:
            return self._kind(rule.result)
        module, _, name = rule.result.partition(":")
        found = self._global(module, name, (at, at))
        return found.instance if found is not None else UNKNOWN

    def _kind(self, kind: str) -> Opaque:
        return self._kinds.setdefault(kind, Opaque(kind))

    def _fits_state(self, target: Instance, state: Value) -> bool:
        states: frozenset[str] = target.of.rule.states if target.of.rule is not None else frozenset()
        if isinstance(target, Dtype):
            items = state.items if isinstance(state, Tuple) else []
            self._n_fields -= sum(len(item.fields or ()) for item in items if isinstance(item, Dict))
            return set_dtype(target, items)
        if target.of.path in ARRAYS and not fits_array(state):
            return False
        if kind_of(state) in states and not (isinstance(state, Instance)):
            return True
        if target.of.rule is not None and (pattern := fitting(target.of.rule.shapes, state)) is not None:
            spend(pattern, state)
            return True
        if isinstance(state, Instance) and state.of.path in states:
            return True
        return "slots" in states and is_slots(state)

    def _array(self, wrapper: Instance, state: Value, at: int) -> StoredArray | None:
        array = describe_array(state) if isinstance(state, Dict) else None
        is_first = isinstance(wrapper, Wrapper) and not wrapper.is_built
        if array is None or not is_first or not isinstance(wrapper, Wrapper) or not isinstance(state, Dict):
            message = "an array stored by joblib is not described in a way that can be followed"
            self._say("unknown", "joblib.array", message, "", at)
            return None
        self.has_arrays = wrapper.is_built = True
        subclass = (state.kept or {}).get("subclass")
        if isinstance(subclass, Global) and not state.is_spent:
            subclass.loose -= 1
        state.is_spent = True
        return array

    def _keep_nested(self, value: Value, at: int) -> None:
        if isinstance(value, Stored | bytes):
            self.nested.append((value, at))
        else:
            message = "bytes that are loaded in turn are not stored in one piece"
            self._say("not_examined", "pickle.nested", message, "", at)

    def _name(self, value: Value) -> str:
        value = value.of if isinstance(value, Instance) else value
        return shown(value) if isinstance(value, Global) else f"a value of kind {kind_of(value)}"

    def _say(self, kind: Kind, rule: str, message: str, detail: str, start: int, end: int | None = None) -> None:
        if (rule, detail or message) not in self._told and len(self._told) < MOST_GLOBALS:
            self._told.add((rule, detail or message))
            self._record.add(kind, rule, message, detail=detail, start=start, end=end or start + 1)
