"""Rules written by hand: the standard library, reconstructors and their arguments, and what no list may ever allow."""

from __future__ import annotations

import json
import re
import sys

_ARRAY = "numpy:ndarray|numpy:matrix|numpy:memmap|numpy.matrixlib.defmatrix:matrix|numpy.rec:recarray|numpy:recarray"
_ARRAY_CLASS = "|".join(f"@{path}" for path in _ARRAY.split("|"))
_PLAIN = ("dict", "list", "tuple", "set", "int", "float", "str")
_INDEXES = "|".join(
    f"@pandas{module}:{name}"
    for module, names in (
        ("", ("", "Range", "Multi", "Categorical", "Datetime", "Timedelta", "Period", "Interval")),
        *((f".core.indexes.{stem}", (name,)) for stem, name in (
            ("base", ""), ("range", "Range"), ("multi", "Multi"), ("category", "Categorical"),
            ("datetimes", "Datetime"), ("timedeltas", "Timedelta"), ("period", "Period"), ("interval", "Interval"),
        )),
    )
    for name in (f"{kind}Index" for kind in names)
)  # fmt: skip
_BOUND = "none|int|str|float|number|pandas:Timestamp"
_HOOKS = "none|dict|collections:OrderedDict"
_TENSOR = "torch:Tensor|torch.nn.parameter:Parameter"
_BIT_GENERATORS = "|".join(
    f"@numpy.random._{module}:{name}"
    for module, name in (
        ("mt19937", "MT19937"),
        ("pcg64", "PCG64"),
        ("pcg64", "PCG64DXSM"),
        ("philox", "Philox"),
        ("sfc64", "SFC64"),
    )
)
_LAZY = "|".join(f"torch.nn.modules.{module}:" for module in ("linear", "conv", "batchnorm", "instancenorm"))
_TEXT_METHODS = ("split", "lower", "upper", "strip", "casefold", "splitlines", "rsplit", "title")
_CTOR = "@numpy.random._pickle:__bit_generator_ctor"

WRITTEN: dict[str, list[str]] = {
    # A type of the standard library makes nothing but itself from such arguments.
    "builtins:object": ["ref", "new", "call()"],
    "builtins:complex": ["ref", "call(float, float)", "result:complex"],
    "builtins:bytes": ["ref", "call()", "call(list|tuple|bytes)", "result:bytes"],
    "builtins:bytearray": ["ref", "call()", "call(bytes)", "call(str, =latin-1|=latin1)", "result:bytearray"],
    "builtins:set": ["ref", "call()", "call(list|tuple)", "result:set"],
    "builtins:frozenset": ["ref", "call()", "call(list|tuple)", "result:frozenset"],
    "builtins:slice": ["ref", f"call({_BOUND}, {_BOUND}, {_BOUND})"],
    "builtins:range": ["ref", "call(int, int, int)", "call(int, int)", "call(int)"],
    "builtins:list": ["ref", "new"],
    "builtins:dict": ["ref", "new"],
    "builtins:tuple": ["ref"],
    "builtins:int": ["ref"],
    "builtins:float": ["ref"],
    "builtins:bool": ["ref"],
    "builtins:str": ["ref"],
    "builtins:type": ["call(none)"],
    "builtins:Ellipsis": ["ref"],
    "builtins:NotImplemented": ["ref"],
    "collections:OrderedDict": ["ref", "new", "call()", "call(list|tuple|dict)", "setitem", "state:dict"],
    "collections:defaultdict": [
        "call()",
        "call(@builtins:list|@builtins:dict|@builtins:int|@builtins:set|@builtins:float|@builtins:str|"
        "@collections:OrderedDict|none)",
        "setitem",
    ],
    "collections:Counter": ["ref", "new", "call()", "call(dict)", "setitem"],
    "collections:ChainMap": ["new", "state:dict"],
    # scikit-learn puts its check of an array into a model like this; of anything but a numeric function it calls that
    "functools:partial": ["call(@numeric)", "state(@numeric, empty, dict|none, dict|none)"],
    **{f"builtins:str.{name}": ["ref"] for name in _TEXT_METHODS},
    "sklearn.utils.validation:check_array": ["ref"],
    # an imputer keeps one for each column, of whatever class it was given
    "sklearn.impute._iterative:_ImputerTriplet": ["new(number, numpy:ndarray, estimator)"],
    # the splits that a search was given as a list
    "sklearn.model_selection._split:_CVIterableWrapper": ["new", "state:dict"],
    "scipy.interpolate._interpolate:interp1d._call_linear": ["ref"],
    "collections:deque": ["ref", "call()", "call(list|tuple)", "call(list|tuple, int|none)", "append"],
    "datetime:date": ["ref", "call(bytes|str)"],
    "datetime:time": ["ref", "call(bytes|str)", "call(bytes|str, instance)"],
    "datetime:datetime": ["ref", "call(bytes|str)", "call(bytes|str, instance)"],
    "datetime:timedelta": ["ref", "call(int, int, int)"],
    "datetime:timezone": ["ref", "call(datetime:timedelta)", "call(datetime:timedelta, str)"],
    "datetime:timezone.utc": ["ref"],
    "decimal:Decimal": ["ref", "call(str)"],
    # digits and no exponent: that would be a number of so many digits, computed while loading
    "fractions:Fraction": ["ref", "call(int|ratio)", "call(int, int)"],
    "pathlib:PosixPath": ["ref", "call(str, ...)"],
    "pathlib:WindowsPath": ["ref", "call(str, ...)"],
    "pathlib:PurePosixPath": ["ref", "call(str, ...)"],
    "pathlib:PureWindowsPath": ["ref", "call(str, ...)"],
    "pathlib._local:PosixPath": ["ref", "call(str, ...)"],
    "pathlib._local:WindowsPath": ["ref", "call(str, ...)"],
    "uuid:UUID": ["ref", "new", "state:dict"],
    "types:SimpleNamespace": ["ref", "call()", "state:dict"],
    # ZoneInfo looks a key up among the time zones of the machine, and refuses one that leaves them.
    "zoneinfo:ZoneInfo": ["ref"],
    "builtins:getattr": [
        "call(@zoneinfo:ZoneInfo, =_unpickle)",
        # a tokenizer or preprocessor of texts
        f"call(@builtins:str, {'|'.join(f'={name}' for name in _TEXT_METHODS)})",
        # a discrete distribution keeps its own method in a vectorized form
        "call(scipy.stats._discrete_distns:, =_entropy)",
        # a method of the class: the list must name it too
        "call(@scipy.interpolate._interpolate:interp1d, str)",
        # a layer of torch that does not know its sizes yet keeps these methods as its own hooks
        f"call({_LAZY}, =_lazy_load_hook|=_infer_parameters)",
        "result:attribute",
    ],
    "zoneinfo:ZoneInfo._unpickle": ["call(str, bool|int)", "result:zoneinfo:ZoneInfo"],
    # These make an empty object of a class that may be made anyway.
    "copyreg:_reconstructor": [
        "call(@class, @builtins:object, none)",
        *(f"call(@class, @builtins:{base}, {base})" for base in _PLAIN),
        "result:first",
    ],
    "copyreg:__newobj__": ["call(@class)", "result:first"],
    # Protocols 0 to 2 write bytes as the text that this turns back.
    "_codecs:encode": ["call(str, =latin1|=latin-1)", "result:bytes"],
    "numpy:dtype": ["ref", "call(str|@class, bool|int, bool|int)", "state:tuple"],
    "numpy:ndarray": ["ref", "new((0))", "state:tuple"],
    "numpy:matrix": ["ref", "new((0))", "state:tuple"],
    "numpy.matrixlib.defmatrix:matrix": ["ref", "new((0))", "state:tuple"],
    "numpy:memmap": ["state:tuple"],
    "numpy:recarray": ["ref", "state:tuple"],
    "numpy.rec:recarray": ["ref", "state:tuple"],
    "numpy:record": ["ref", "new"],
    "numpy:void": ["ref", "new"],
    "numpy.ma:MaskedArray": ["ref", "state:tuple"],
    "numpy.ma.core:MaskedArray": ["ref", "state:tuple"],
    **{
        f"numpy.{core}.multiarray:{name}": rule
        for core in ("core", "_core")
        for name, rule in {
            "_reconstruct": [f"call({_ARRAY_CLASS}, (0), bytes|str)", "result:first"],
            "scalar": ["call(numpy:dtype, *)", "result:number"],
        }.items()
    },
    # Protocol 5 stores the bytes of an array as they are.
    **{
        f"numpy.{core}.numeric:_frombuffer": [
            "call(bytes|bytearray|buffer, numpy:dtype, tuple, =C|=F)",
            "call(bytes|bytearray|buffer, numpy:dtype, tuple, =C|=F|=K, none|tuple)",
            "result:numpy:ndarray",
        ]
        for core in ("core", "_core")
    },
    # Numpy takes the texts of such an array from a list, never from bytes.
    **{
        f"numpy.{core}._internal:_convert_to_stringdtype_kwargs": [
            "call(int)",
            "call(int, none|float|str)",
            "result:numpy.dtypes:StringDType",
        ]
        for core in ("core", "_core")
    },
    "numpy.ma.core:_mareconstruct": [
        f"call(@numpy.ma:MaskedArray|@numpy.ma.core:MaskedArray, {_ARRAY_CLASS}, (0), bytes|str)",
        "result:first",
    ],
    # The first argument of the last one is called with the second: only this function may stand there.
    "numpy.random._pickle:__bit_generator_ctor": [f"call(str|{_BIT_GENERATORS})", "result:numpy.random:BitGenerator"],
    "numpy.random._pickle:__generator_ctor": [
        f"call(str|numpy.random:BitGenerator, {_CTOR})",
        "call(str|numpy.random:BitGenerator)",
        "result:numpy.random:Generator",
    ],
    "numpy.random._pickle:__randomstate_ctor": [
        f"call(str|numpy.random:BitGenerator, {_CTOR})",
        "call(str|numpy.random:BitGenerator)",
        "result:numpy.random:RandomState",
    ],
    "numpy.random:BitGenerator": ["state:dict", "state:tuple"],
    "numpy.random:Generator": ["state:dict", "state:none", "state:tuple"],
    "numpy.random:RandomState": ["state:dict", "state:tuple"],
    **{
        f"sklearn.{module}:newObj": ["call(@class)", "result:first"]
        for module in ("metrics._dist_metrics", "neighbors._ball_tree", "neighbors._kd_tree")
    },
    "dateutil.relativedelta:relativedelta": ["ref", "new", "state:dict"],
    # these look a name up among the time zones that pytz brings along
    "pytz:_UTC": ["call()", "result:pytz:UTC"],
    "pytz:_p": ["call(str)", "call(str, int, int, str)", "result:pytz:timezone"],
    "joblib.numpy_pickle:NumpyArrayWrapper": ["new", "state:dict"],
    "pandas.core.indexes.base:_new_Index": [f"call({_INDEXES}, dict)", "result:first"],
    "pandas.core.indexes.datetimes:_new_DatetimeIndex": [f"call({_INDEXES}, dict)", "result:first"],
    "pandas.core.indexes.interval:_new_IntervalIndex": [f"call({_INDEXES}, dict)", "result:first"],
    "pandas.core.indexes.period:_new_PeriodIndex": [f"call({_INDEXES}, dict)", "result:first"],
    "pandas.core.indexes.timedeltas:_new_TimedeltaIndex": [f"call({_INDEXES}, dict)", "result:first"],
    "pandas._libs.internals:_unpickle_block": ["call(*, *, int)", "result:pandas._libs.internals:Block"],
    "pandas._libs.tslibs.timestamps:_unpickle_timestamp": [
        "call(int, none|str|instance, none|instance)",
        "call(int, none|str|instance, none|instance, int)",
        "result:pandas:Timestamp",
    ],
    "pandas._libs.tslibs.timedeltas:_timedelta_unpickle": ["call(int, int)", "result:pandas:Timedelta"],
    "pandas._libs.tslibs.nattype:_nat_unpickle": ["call(*)", "result:pandas:NaT"],
    "pandas._libs.tslibs.nattype:__nat_unpickle": ["call(*)", "result:pandas:NaT"],
    "pyarrow.lib:_restore_array": ["call(tuple)", "result:pyarrow.lib:Array"],
    "pyarrow.lib:py_buffer": ["call(bytes|bytearray|buffer)", "result:pyarrow.lib:Buffer"],
    "pyarrow.lib:type_for_alias": ["call(str)", "result:pyarrow.lib:DataType"],
    "pyarrow.lib:chunked_array": ["call(list, pyarrow.lib:DataType)", "result:pyarrow.lib:ChunkedArray"],
    # The storages of tensors are found by the loader under a name; these put views on them.
    "torch._utils:_rebuild_tensor": ["call(persistent, int, tuple, tuple)", "result:torch:Tensor"],
    "torch._utils:_rebuild_tensor_v2": [
        f"call(persistent|torch.storage:TypedStorage, int, tuple|torch:Size, tuple, bool, {_HOOKS})",
        f"call(persistent|torch.storage:TypedStorage, int, tuple|torch:Size, tuple, bool, {_HOOKS}, {_HOOKS})",
        "result:torch:Tensor",
    ],
    "torch._utils:_rebuild_tensor_v3": [
        f"call(persistent|torch.storage:TypedStorage, int, tuple|torch:Size, tuple, bool, {_HOOKS}, *)",
        f"call(persistent|torch.storage:TypedStorage, int, tuple|torch:Size, tuple, bool, {_HOOKS}, *, {_HOOKS})",
        "result:torch:Tensor",
    ],
    "torch._utils:_rebuild_parameter": [f"call({_TENSOR}, bool, {_HOOKS})", "result:torch.nn.parameter:Parameter"],
    "torch._utils:_rebuild_parameter_with_state": [
        f"call({_TENSOR}, bool, {_HOOKS}, dict|none|tuple)",
        "result:torch.nn.parameter:Parameter",
    ],
    "torch._tensor:_rebuild_from_type_v2": [
        "call(@torch._utils:_rebuild_tensor_v2|@torch._utils:_rebuild_parameter, "
        "@torch:Tensor|@torch.nn.parameter:Parameter|@torch.nn.parameter:Buffer, tuple, dict|none|tuple)",
        "result:torch:Tensor",
    ],
    "torch._utils:_rebuild_qtensor": [
        f"call(persistent|torch.storage:TypedStorage, int, tuple|torch:Size, tuple, tuple, bool, {_HOOKS})",
        "result:torch:Tensor",
    ],
    "torch._utils:_rebuild_sparse_tensor": ["call(instance, tuple)", "result:torch:Tensor"],
    "torch._utils:_rebuild_device_tensor_from_numpy": [
        "call(numpy:ndarray, @torch:float32|@torch:float64|@torch:int64, str, bool)",
        "result:torch:Tensor",
    ],
    "torch.serialization:_get_layout": ["call(str)", "result:torch:layout"],
    "torch.storage:_load_from_bytes": ["call(bytes)", "result:torch.storage:TypedStorage"],
    "torch.utils.hooks:RemovableHandle": ["new", "state:tuple"],
    "torch:Size": ["ref", "call(tuple|list)"],
    "torch:device": ["ref", "call(str)", "call(str, int)"],
    "torch:Tensor": ["ref", "state:dict", "state:tuple"],
    "torch.nn.parameter:Parameter": ["ref", "state:dict", "state:tuple"],
    "torch.nn.parameter:Buffer": ["ref"],
}
"""Tokens of a rule (see ``parse_rule``) by ``module:name``."""

UNSERIALISES = {"torch.storage:_load_from_bytes"}
"""Calls that load the bytes they are given."""

TEMPLATE_KEY = "_parse_arg_template"
_SIGNATURE = re.compile(
    r"\ndef _parse_args\(self, (?P<shapes>(?:[A-Za-z_][A-Za-z0-9_]{0,40}, ){0,20}) (?P<given>loc=0(?:, scale=1)?)\):\n"
)
_TEMPLATE = """
def _parse_args(self, {shapes} {given}):
    return ({shapes}), {returned}

def _parse_args_rvs(self, {shapes} {given}, size=None):
    return self._argcheck_rvs({shapes} {returned}, size=size)

def _parse_args_stats(self, {shapes} {given}, moments='mv'):
    return ({shapes}), {returned}, moments
"""

NEVER_KEYS = {"_attach_methods", "_attach_argparser_methods", "_build_f"}
"""Methods that a ``__setstate__`` on the list calls: an attribute of that name would be called in their place."""

METHOD_KEYS = frozenset(
    {"stack_method", "stack_method_", "chain_method", "chain_method_", "response_method", "_response_method"}
)
"""Attributes of estimators and scorers that name the method they call on another estimator."""
METHOD_NAMES = frozenset(
    {"auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"}
)
READING_KEYS = {"input": frozenset({"content", "file"})}
"""Attributes by which a transformer of texts opens the files that they name, and the values by which it does not."""
NAMING_KEYS = {**dict.fromkeys(METHOD_KEYS, METHOD_NAMES), **READING_KEYS}
STEP_KEYS = frozenset({"func", "inverse_func"})
"""Attributes of a transformer that hold the function which the next step gets its data from."""
PICKING = frozenset(
    {"numpy:" + name for name in (
        "max", "amax", "min", "amin", "nanmax", "nanmin", "sum", "nansum", "prod", "nanprod", "take", "choose", "dot",
        "vdot", "inner", "trace",
    )}
)  # fmt: skip
"""Functions that may return a single item of an array, or texts put together: readers of tables take it for a path."""
ARGUMENT_KEYS = frozenset(
    {"kw_args", "inv_kw_args", "_kwargs", "kwargs", "metric_params", "metric_params_", "effective_metric_params_",
     "kernel_params", "kwds"}
)  # fmt: skip
"""Attributes that hold arguments by name for a function."""

INERT_KEYS = {"__doc__", "__name__"}
"""Names between double underscores that nothing looks up while loading."""

NEVER_ROOTS = frozenset(sys.stdlib_module_names) | {"__main__", "numpy.distutils", "numpy.f2py", "numpy.testing"}
NEVER_NAMES = re.compile(
    r"(^|[._])(load\w*|read_\w+|eval\w*|exec\w*|import\w*|run\w*|open\w*|fetch_\w+)$", re.IGNORECASE
)
NEVER_PARTS = {"tests", "testing", "_testing", "conftest", "distutils", "f2py", "hub", "datasets", "io", "npyio"}


def source() -> str:
    """Return all that this module adds to a generated list, as one text: the same on every machine and Python."""
    return json.dumps(
        {
            "written": WRITTEN,
            "unserialises": sorted(UNSERIALISES),
            "template": [_SIGNATURE.pattern, _TEMPLATE],
            "keys": [sorted(NEVER_KEYS), sorted(INERT_KEYS)],
            "attributes": [{key: sorted(names) for key, names in NAMING_KEYS.items()}, sorted(ARGUMENT_KEYS)],
            "steps": [sorted(STEP_KEYS), sorted(PICKING)],
            "never": [NEVER_NAMES.pattern, sorted(NEVER_PARTS), sorted(NEVER_ROOTS - sys.stdlib_module_names)],
        },
        sort_keys=True,
    )


def is_template(text: str) -> bool:
    """Whether this is the source that scipy puts into a distribution, and executes when one is loaded: names only."""
    signature = _SIGNATURE.match(text)
    if signature is None:
        return False
    returned = "loc, scale" if "scale" in signature["given"] else "loc, 1"
    return text == _TEMPLATE.format(**signature.groupdict(), returned=returned)


def is_never_allowed(module: str, name: str) -> bool:
    """Whether a generated list must not name this, whatever was recorded.

    The standard library is allowed by the rules above or not at all; what reads files, evaluates, imports or runs by
    its name is left out of the frameworks too, on top of the generator's own filter by property.
    """
    root = module.partition(".")[0]
    return root in NEVER_ROOTS or bool(NEVER_PARTS & set(module.split("."))) or NEVER_NAMES.search(name) is not None
