"""Write the allow list of the pickle scanner from files that this tool makes itself.

Run it once in an environment of each set of versions, then join the records::

    python -m venv old
    old/bin/pip install "scikit-learn==1.4.2" "numpy<2" "pandas<2.2" "lightgbm<4.4" "xgboost-cpu<2.2" "joblib<1.4"
    OMP_NUM_THREADS=1 old/bin/python tools/generate_allow_list.py record old.json
    python tools/generate_allow_list.py merge old.json new.json torch.json

``record`` saves the objects of ``allow_list_corpus.py`` in every way their libraries offer, follows the files with the
scanner's own machine, notes each global and how it was used, and leaves out what no list may hold. It takes some four
minutes. ``merge`` joins such records into ``src/holdfast/kernels/scan/allow_list.json``, which names the versions; the
same records give the same bytes. Nothing is unpickled.

What was left out is printed: a state-setting method that nobody has read, a function that is called, and so on. To
allow one, read it, and add it to REVIEWED below or to ``allow_rules.py``. A record that is merged is filtered again by
name, so that a record of another origin cannot bring in what is never allowed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import pickle
import sys
import types
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tools")]

from holdfast.kernels.scan.allow_list import AllowList, Rule, parse_allow_list, parse_rule  # noqa: E402
from holdfast.kernels.scan.allow_rules import is_never_allowed  # noqa: E402
from holdfast.kernels.scan.byte_source import MemorySource  # noqa: E402
from holdfast.kernels.scan.observation import Budget, Place  # noqa: E402
from holdfast.kernels.scan.pickle_checks import Checker  # noqa: E402
from holdfast.kernels.scan.pickle_judge import StoredArray  # noqa: E402
from holdfast.kernels.scan.pickle_patterns import NAMED  # noqa: E402
from holdfast.kernels.scan.pickle_slots import ACTING_DATA, DATA  # noqa: E402
from holdfast.kernels.scan.pickle_values import Global, Instance, Tuple, Value, kind_of  # noqa: E402
from holdfast.kernels.scan.pickle_walker import follow  # noqa: E402
from holdfast.kernels.scan.record import Record  # noqa: E402

TARGET = ROOT / "src" / "holdfast" / "kernels" / "scan" / "allow_list.json"
LIBRARIES = {
    "sklearn": "scikit-learn", "numpy": "numpy", "scipy": "scipy", "pandas": "pandas", "lightgbm": "lightgbm",
    "xgboost": "xgboost-cpu", "torch": "torch", "joblib": "joblib",
}  # fmt: skip
EXTRA_ROOTS = {"_loss"}
"""Modules that a library compiled under a name of their own: the losses of scikit-learn 1.4."""
REVIEWED = {
    # they update __dict__, or hand the state to compiled code that only fills its own fields
    "sklearn.base.BaseEstimator", "sklearn.isotonic.IsotonicRegression", "sklearn.utils._bunch.Bunch",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.callback._scoring_monitor.ScoringMonitor",
    # executes a template of its state: its text is checked (allow_rules.is_template)
    "scipy.stats._distn_infrastructure.rv_generic",
    "scipy.interpolate._rbfinterp.RBFInterpolator", "scipy.sparse._coo.coo_matrix",
    *(f"pandas{where}.{name}" for where in ("", ".core.dtypes.dtypes") for name in
      ("CategoricalDtype", "DatetimeTZDtype", "IntervalDtype", "PeriodDtype")),
    "pandas.Categorical", "pandas.core.arrays.categorical.Categorical",
    "scipy.spatial.transform._rotation.Rotation", "pandas.core.generic.NDFrame",
    "pandas.core.internals.managers.SingleBlockManager",
    "pandas.core.arrays.sparse.array.SparseArray", "pandas.arrays.SparseArray",
    # these read a model from text or bytes in compiled code, without paths
    "lightgbm.basic.Booster", "lightgbm.engine.CVBooster", "xgboost.core.Booster",
    "numpy.polynomial._polybase.ABCPolyBase", "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray",
    "pandas.core.arrays.arrow.array.ArrowExtensionArray", "pandas.arrays.ArrowExtensionArray",
}  # fmt: skip
TEXT_TAKERS = {
    "pandas:StringDtype", "pandas.core.arrays.string_:StringDtype", "pandas:PeriodDtype", "pandas:Interval",
    "pandas.core.dtypes.dtypes:PeriodDtype", "pandas._libs.interval:Interval",
    *(f"pandas._libs.tslibs.offsets:{name}" for name in
      ("CustomBusinessDay", "CustomBusinessHour", "CustomBusinessMonthBegin", "CustomBusinessMonthEnd", "FY5253",
       "FY5253Quarter")),
}  # fmt: skip
"""Classes that are called with a text, and take it for no path."""
TORCH_REVIEWED = "torch.nn."
PROTOCOLS = (0, 2, 3, 4, 5)
COMPRESSIONS = (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3))
MADE = Rule(news=((),))
FAMILIES = {
    "estimator": "sklearn.base.BaseEstimator",
    "module": "torch.nn.modules.module.Module",
    "type": "numpy.generic",
}
"""Classes whose instances stand for each other in the attributes of others, by their base."""
NUMBER_TYPES = {"torch.dtype", "torch.layout", "torch.qscheme", "torch.torch.dtype"}


class Recorder(Checker):
    """Follows a file and notes how globals are used, instead of judging it."""

    def __init__(self, record: Record, written: AllowList) -> None:
        super().__init__(record, written)
        self.written = written
        self.uses: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.attributes: dict[tuple[str, str], set[str]] = defaultdict(set)

    def find(self, module: str, name: str, span: tuple[int, int], protocol: int) -> Value:
        """A class may be made, whatever the list says: only then are its uses seen."""
        found = super().find(module, name, span, protocol)
        if isinstance(found, Global) and found.rule is None:
            kind = resolved(found)
            found.rule = Rule(news=MADE.news if isinstance(kind, type) else (), family=family_of(kind))
            if found.rule.family:
                self.note(found, f"is:{found.rule.family}")
        return found

    def call(self, function: Value, arguments: Value, at: int) -> Value:
        """Note a call that no written rule knows."""
        if not isinstance(function, Global) or self.is_written(function):
            return super().call(function, arguments, at)
        function.loose -= 1
        items = arguments.items if isinstance(arguments, Tuple) else []
        self.note(function, f"call({', '.join(map(self.describe, items))})")
        for item in items:
            if isinstance(item, Global):
                item.loose -= 1
        if function.name.startswith("__pyx_unpickle_") and items and isinstance(items[0], Global):
            self.note(function, "result:first")
            return items[0].instance
        return function.instance

    def new(self, made: Value, arguments: Value, named: Value, at: int) -> Value:
        """Note an instantiation."""
        if not isinstance(made, Global) or self.is_written(made):
            return super().new(made, arguments, named, at)
        made.loose -= 1
        kinds = [self.describe(item) for item in arguments.items] if isinstance(arguments, Tuple) else []
        self.note(made, f"new({', '.join(kinds if named is None else [*kinds, NAMED])})")
        return made.instance

    def build(self, target: Value, state: Value, at: int) -> StoredArray | None:
        """Note the kind of state."""
        if not isinstance(target, Instance) or self.is_written(target.of):
            return super().build(target, state, at)
        definer = state_setter(resolved(target.of))
        is_slots = isinstance(state, Tuple) and not definer
        kind = "slots" if is_slots else self.describe(state)
        self.note(target.of, f"state:{kind}")
        self._fill_state(target, state, at)
        return None

    def fill(self, target: Value, method: str, at: int) -> None:
        """Note a filling."""
        if isinstance(target, Instance) and not self.is_written(target.of):
            self.note(target.of, method)
        else:
            super().fill(target, method, at)

    def finish(self, *, is_coherent: bool = True) -> None:
        """Note what stands as a value."""
        for item in self._globals.values():
            if item.loose > 0 and not (self.is_written(item) and item.rule and item.rule.is_reference):
                self.note(item, "ref")
            if self.is_made_by_reconstructor(item):
                self.note(item, "new()")
        for target, key, family in self.slots.held():
            self.attributes[target.module.partition(".")[0], key].add(family)

    def is_written(self, item: Global) -> bool:
        """Whether a rule written by hand is all that decides."""
        return self.written.rule(item.module, item.name) is not None

    def is_made_by_reconstructor(self, item: Global) -> bool:
        """Whether it was only ever an argument of a function that makes instances."""
        made = any(token.startswith(("new(", "call(")) for token in self.uses.get((item.module, item.name), ()))
        is_made = item.rule is not None and item.rule.is_class and not self.is_written(item)
        return item.is_named and item.loose <= 0 and not made and is_made

    def describe(self, value: Value) -> str:
        """Write a value as an alternative of a pattern."""
        if isinstance(value, Global):
            return f"@{value.path}"
        if isinstance(value, Instance):
            return value.of.path
        kind = kind_of(value)
        return {"bool": "int", "bytearray": "bytes"}.get(kind, kind)

    def note(self, item: Global, token: str) -> None:
        """Keep one use."""
        self.uses[item.module, item.name].add(token)


def resolved(item: Global) -> Any:
    """Return the object a global names in this environment; None when there is none."""
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = importlib.import_module(item.module)
        for part in item.name.split("."):
            found = getattr(found, part)
        return found
    return None


def family_of(kind: Any) -> str:
    """Return what a class is for the attributes that may hold its instances; ``type`` for what stands for numbers."""
    names = {f"{base.__module__}.{base.__qualname__}" for base in getattr(kind, "__mro__", ())}
    for family, base in FAMILIES.items():
        if base in names:
            return family
    kind = kind if isinstance(kind, type) else type(kind)
    return "type" if f"{kind.__module__}.{kind.__qualname__}" in NUMBER_TYPES else ""


def state_setter(kind: Any) -> str:
    """Return the class that defines ``__setstate__`` for a class; empty for the default."""
    for base in getattr(kind, "__mro__", ()):
        if "__setstate__" in vars(base):
            return f"{base.__module__}.{base.__qualname__}"
    return ""


def files(value: Any) -> Iterator[bytes]:
    """Yield the ways in which an object is saved."""
    for protocol in PROTOCOLS:
        with contextlib.suppress(Exception):
            yield pickle.dumps(value, protocol)
    if importlib.util.find_spec("joblib"):
        import joblib

        with contextlib.suppress(Exception):
            held = io.BytesIO()
            joblib.dump(value, held)
            yield held.getvalue()
    if "torch" in sys.modules:
        yield from torch_files(value)


def torch_files(value: Any) -> Iterator[bytes]:
    """Yield the pickles inside what ``torch.save`` writes."""
    import zipfile

    torch: Any = importlib.import_module("torch")
    with contextlib.suppress(Exception):
        held = io.BytesIO()
        torch.save(value, held)
        with zipfile.ZipFile(held) as archive:
            yield next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))


def recorded() -> tuple[dict[tuple[str, str], set[str]], dict[str, dict[str, set[str]]], int]:
    """Return the uses of every global over the whole corpus, what attributes hold, and how many files were followed."""
    from allow_list_corpus import objects
    from allow_list_references import references

    written = parse_allow_list('{"versions": {}, "globals": {}}')
    uses: dict[tuple[str, str], set[str]] = defaultdict(set)
    slots: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for label, value in objects():
            for data in files(value):
                count += 1
                record = Record(Place((label,), 0, len(data)))
                recorder = Recorder(record, written)
                follow(
                    MemorySource(memoryview(data)), recorder, record, Budget(1 << 40, 1 << 40, 1 << 40, lambda: False)
                )
                recorder.finish()
                for observation in record.observations:
                    sys.stderr.write(f"{label}: {observation.rule} {observation.message} {observation.detail}\n")
                for name, tokens in recorder.uses.items():
                    uses[name] |= tokens
                for (library, key), families in recorder.attributes.items():
                    if library in {*LIBRARIES, *EXTRA_ROOTS}:
                        slots[library][key] |= families - {DATA}
    for name in list(references()):
        uses[name].add("ref")
        if family := family_of(resolved(Global(*name, None, (0, 0)))):
            uses[name].add(f"is:{family}")
    return uses, slots, count


def filtered(uses: dict[tuple[str, str], set[str]]) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Return what may be allowed, and a line for each thing that may not."""
    kept: dict[str, dict[str, list[str]]] = {}
    left_out: list[str] = []
    for (module, name), tokens in sorted(uses.items()):
        allowed = set()
        for token in sorted(tokens):
            reason = objection(module, name, token)
            if reason:
                left_out.append(f"{module}:{name} {token}: {reason}")
            else:
                allowed.add(token)
        if allowed:
            kept.setdefault(module, {})[name] = sorted(allowed)
    return kept, left_out


def objection(module: str, name: str, token: str) -> str:
    """Return why a use may not stand in the list; empty when it may."""
    found = resolved(Global(module, name, None, (0, 0)))
    if is_never_allowed(module, name) or module.partition(".")[0] not in {*LIBRARIES, *EXTRA_ROOTS}:
        return "not of a supported library, or of a kind that no list may hold"
    if token == "ref" or token.startswith("is:"):
        return ""
    if name.startswith("__pyx_unpickle_"):
        return "" if token.startswith(("call(@", "result:")) else "its first argument is no class"
    if not isinstance(found, type):
        return "a function that is called: it needs a rule written by hand"
    setter = state_setter(found)
    if token.startswith("state:") and setter and not is_reviewed(found, setter):
        return f"{setter}.__setstate__ is not among those that were read"
    if token.startswith(("call(", "new(")) and "str" in token and f"{module}:{name}" not in TEXT_TAKERS:
        return "it is called with a text, which may be a path"
    return ""


def is_reviewed(kind: Any, setter: str) -> bool:
    """Whether the method that sets the state has been read, or is compiled code that fills its own fields."""
    is_compiled = not isinstance(kind.__setstate__, types.FunctionType)
    return setter in REVIEWED or setter.startswith(TORCH_REVIEWED) or is_compiled


def record(target: Path) -> None:
    """Record this environment."""
    uses, slots, count = recorded()
    kept, left_out = filtered(uses)
    versions = {}
    for library, package in LIBRARIES.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = [importlib.metadata.version(package)]
    target.write_text(
        json.dumps({"versions": versions, "slots": sorted_slots(slots), "globals": kept}, indent=1, sort_keys=True)
        + "\n",
        encoding="utf-8",
    )
    sys.stderr.write("".join(f"left out: {line}\n" for line in left_out))
    sys.stderr.write(f"{count} files, {sum(map(len, kept.values()))} globals, versions {versions}\n")


def merge(sources: list[Path], target: Path) -> None:
    """Join the records of several environments."""
    versions: dict[str, set[str]] = defaultdict(set)
    rules: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    slots: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for source in sources:
        data = json.loads(source.read_text(encoding="utf-8"))
        for library, seen in data["versions"].items():
            versions[library].update(seen)
        for library, attributes in data.get("slots", {}).items():
            for key, families in attributes.items():
                slots[library][key].update(families)
        for module, names in data["globals"].items():
            for name, tokens in names.items():
                if not is_never_allowed(module, name):
                    rules[module][name].update(tokens)
    text = dumped(
        {library: sorted(seen) for library, seen in versions.items()},
        {
            library: {key: families for key, families in attributes.items() if set(families) - {ACTING_DATA}}
            for library, attributes in sorted_slots(slots).items()
        },
        {module: {name: compact(tokens) for name, tokens in names.items()} for module, names in rules.items()},
    )
    parse_allow_list(text)
    target.write_text(text, encoding="utf-8")


def sorted_slots(slots: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, list[str]]]:
    """Return the attributes that hold more than data, in the order of their names."""
    return {
        library: {key: sorted(families) for key, families in sorted(attributes.items()) if families}
        for library, attributes in sorted(slots.items())
    }


def compact(tokens: set[str]) -> list[str]:
    """Join the calls with as many arguments into one pattern with alternatives per argument."""
    by_count: dict[tuple[str, int], list[set[str]]] = {}
    others = set()
    for token in tokens:
        head, _, rest = token.partition("(")
        if head not in ("call", "new"):
            others.add(token)
            continue
        arguments = [part for part in rest.removesuffix(")").split(", ") if part]
        joined = by_count.setdefault((head, len(arguments)), [set() for _ in arguments])
        for alternatives, argument in zip(joined, arguments, strict=True):
            alternatives.update(argument.split("|"))
    calls = {f"{head}({', '.join('|'.join(sorted(a)) for a in joined)})" for (head, _), joined in by_count.items()}
    parse_rule(calls | others)
    return sorted(calls | others)


def dumped(
    versions: dict[str, list[str]], slots: dict[str, dict[str, list[str]]], rules: dict[str, dict[str, list[str]]]
) -> str:
    """Write the list with one global per line, so that a change of it can be read."""
    lines = ["{", f' "versions": {json.dumps(versions, sort_keys=True)},', ' "slots": {']
    libraries = []
    for library, attributes in slots.items():
        held = [f"   {json.dumps(key)}: {json.dumps(families)}" for key, families in attributes.items()]
        libraries.append(f"  {json.dumps(library)}: {{\n" + ",\n".join(held) + "\n  }")
    lines += [",\n".join(libraries), " },", ' "globals": {']
    modules = []
    for module, names in sorted(rules.items()):
        entries = [f"   {json.dumps(name)}: {json.dumps(tokens)}" for name, tokens in sorted(names.items())]
        modules.append(f"  {json.dumps(module)}: {{\n" + ",\n".join(entries) + "\n  }")
    return "\n".join(lines) + "\n" + ",\n".join(modules) + "\n }\n}\n"


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    if arguments[:1] == ["record"] and len(arguments) == 2:
        record(Path(arguments[1]))
    elif arguments[:1] == ["merge"] and len(arguments) > 1:
        merge([Path(name) for name in arguments[1:]], TARGET)
    else:
        sys.stderr.write("expected: record FILE, or merge FILE...\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
