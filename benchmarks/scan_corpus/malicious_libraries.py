"""Callables of installed libraries that run code, import, load or write when a pickle calls them."""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Iterator
from typing import Any

from benchmarks.scan_corpus.assemble import Built, Call, New, at, call, pickled
from benchmarks.scan_corpus.case import BESIDE, COMMAND, EXPRESSION, MODULE, SOURCE, Case

EXEC = at("builtins:exec")
PKL = "inner.pkl"
INNER = pickled(call("os:system", COMMAND), 4)
_TEMPLATE = "{{ cycler.__init__.__globals__.os.system('touch proof') }}"
_YAML = "!!python/object/apply:os.system ['touch proof']"

NUMPY = {
    "runstring": call("numpy.testing._private.utils:runstring", SOURCE, {}),
    "rundocs": call("numpy.testing:rundocs", f"{MODULE}.py"),
    "myeval": call("numpy.f2py.crackfortran:myeval", EXPRESSION),
    "load": call("numpy:load", PKL, None, True),
    "save": call("numpy:save", "proof", [1]),
    "savez": call("numpy:savez", "proof", [1]),
    "savetxt": call("numpy:savetxt", "proof", [1]),
    "memmap": call("numpy:memmap", "proof", "uint8", "w+", 0, (4,)),
    "memmap-new": New(at("numpy:memmap"), ("proof", "uint8", "w+", 0, (4,))),
    "memmap-named": New(at("numpy:memmap"), ("proof",), {"mode": "w+", "shape": (4,)}),
    "open_memmap": call("numpy.lib.format:open_memmap", "proof", "w+", "u1", (4,)),
    "tofile": call("numpy:ndarray.tofile", call("numpy:ones", 3), "proof"),
    "dump": call("numpy:ndarray.dump", call("numpy:ones", 3), "proof"),
    "vectorize": Call(call("numpy:vectorize", EXEC), (SOURCE,)),
    "frompyfunc": Call(call("numpy:frompyfunc", EXEC, 1, 1), (SOURCE,)),
    "fromiter": call("numpy:fromiter", call("builtins:map", at("os:system"), [COMMAND]), "i8"),
    "fromfunction": call("numpy:fromfunction", call("operator:methodcaller", "tofile", "proof"), (1,)),
    "apply_along_axis": call("numpy:apply_along_axis", call("operator:methodcaller", "tofile", "proof"), 0, [1]),
    "piecewise": call(
        "numpy:piecewise", call("numpy:array", [1.0]), [True], [call("operator:methodcaller", "tofile", "proof")]
    ),
    "ctypeslib": call("numpy.ctypeslib:load_library", f"{MODULE}.py", "."),
    "chain": call("numpy.lib._npyio_impl:os.system", COMMAND),
    "datasource": call("numpy.lib.npyio:DataSource.open", call("numpy.lib.npyio:DataSource"), "http://127.0.0.1:9/x"),
    "import-tools": call("numpy.testing._private.utils:import_nose"),
    "suppress": call("numpy.testing:assert_raises", at("builtins:KeyError"), EXEC, SOURCE),
    "measure": call("numpy.testing:measure", SOURCE),
    "warns": call("numpy.testing:assert_warns", at("builtins:Warning"), EXEC, SOURCE),
}

SCIPY = {
    "savemat": call("scipy.io:savemat", "proof", {"x": 1}),
    "mmwrite": call("scipy.io:mmwrite", "proof", [[1.0]]),
    "wavfile": call("scipy.io.wavfile:write", "proof", 8000, call("numpy:ones", 3)),
    "minimize": call("scipy.optimize:fmin", call("operator:methodcaller", "tofile", "proof"), [0.0]),
    "root": call("scipy.optimize:root", call("operator:methodcaller", "tofile", "proof"), [0.0]),
    "fixed_quad": call("scipy.integrate:fixed_quad", call("operator:methodcaller", "tofile", "proof"), 0.0, 1.0),
    "map-wrapper": call("builtins:list", Call(call("scipy._lib._util:MapWrapper", 1), (EXEC, [SOURCE]))),
    "function-wrapper": Call(call("scipy._lib._util:_FunctionWrapper", EXEC, ()), (SOURCE,)),
    "template": Built(New(at("scipy.stats._continuous_distns:norm_gen")), {"_parse_arg_template": SOURCE}),
    "save_npz": call("scipy.sparse:save_npz", "proof", call("scipy.sparse:csr_matrix", [[1.0]])),
}

SKLEARN = {
    "svmlight": call("sklearn.datasets:dump_svmlight_file", [[1.0]], [1.0], "proof"),
    "fetch": call("sklearn.datasets:fetch_openml", "iris"),
    "func-wrapper": call(
        "sklearn.utils.parallel:_FuncWrapper.__call__", call("sklearn.utils.parallel:_FuncWrapper", EXEC), SOURCE
    ),
    "chain": call("sklearn.datasets._base:os.system", COMMAND),
    "check-array": call("sklearn.utils._pprint:inspect.os.system", COMMAND),
    "transform": call(
        "sklearn.preprocessing:FunctionTransformer.transform",
        call("sklearn.preprocessing:FunctionTransformer", EXEC),
        SOURCE,
    ),
    "deprecated": Call(call("sklearn.utils:deprecated", "x"), (EXEC,)),
    "vectorizer": call(
        "sklearn.feature_extraction.text:CountVectorizer.fit",
        call("operator:call", call("functools:partial", at("sklearn.feature_extraction.text:CountVectorizer"))),
        [call("pathlib:PosixPath", "x")],
    ),
    "joblib": call("sklearn.utils.parallel:joblib.dump", 1, "proof"),
}

JOBLIB = {
    "load": call("joblib:load", PKL),
    "numpy-load": call("joblib.numpy_pickle:load", PKL),
    "dump": call("joblib:dump", 1, "proof"),
    "mkdirp": call("joblib.disk:mkdirp", "proof"),
    "call-item": Call(call("joblib.externals.loky.process_executor:_CallItem", 1, EXEC, (SOURCE,), {})),
    "fork": call("joblib.externals.loky.backend.fork_exec:fork_exec", ["/bin/sh", "-c", COMMAND], []),
    "batched": Call(call("joblib.parallel:BatchedCalls", [(EXEC, (SOURCE,), {})], ("threading", 1))),
    "memory": call("joblib.memory:Memory", "proof"),
    "chain": call("joblib.numpy_pickle:os.system", COMMAND),
}  # fmt: skip

PANDAS = {
    "pipe": call("pandas.core.common:pipe", SOURCE, EXEC),
    "apply_if_callable": call("pandas.core.common:apply_if_callable", EXEC, SOURCE),
    "eval": call("pandas:eval", "os.system('touch proof')", "pandas", "python", None, {"os": at("shutil:os")}),
    "read_pickle": call("pandas:read_pickle", PKL),
    "compat.loads": call("pandas.compat.pickle_compat:loads", INNER),
    "to_pickle": call("pandas:to_pickle", 1, "proof"),
    "to_csv": call("pandas:DataFrame.to_csv", call("pandas:DataFrame", {"a": [1]}), "proof"),
    "read_csv": call("pandas:read_csv", "http://127.0.0.1:9/"),
    "import": call("pandas.compat._optional:import_optional_dependency", MODULE),
    "plot-backend": call("pandas.plotting._core:_load_backend", MODULE),
    "get_handle": call("pandas.io.common:get_handle", "proof", "w"),
    "apply": call("pandas:Series.apply", call("pandas:Series", [SOURCE]), EXEC),
    "map": call("pandas:Series.map", call("pandas:Series", [SOURCE]), EXEC),
    "map_infer": call("pandas._libs.lib:map_infer", call("numpy:array", [SOURCE], "O"), EXEC),
    "option-context": call("pandas._config.config:register_option", "x", SOURCE, "", EXEC),
    "agg": call("pandas:DataFrame.pipe", call("pandas:DataFrame"), call("operator:methodcaller", "to_csv", "proof")),
}  # fmt: skip

TORCH = {
    "load": Call(New(at("functools:partial"), (at("torch:load"), PKL), {"weights_only": False})),
    "collect_env": call("torch.utils.collect_env:run", COMMAND),
    "forward": Call(call("torch.fx.graph_module:_forward_from_src", f"def forward(a={EXPRESSION}): pass", {})),
    "exec": call("torch.fx.graph_module:_exec_with_source", SOURCE, {}),
    "load_library": call("torch.ops:load_library", "x.so"),
    "hub": call("torch.hub:download_url_to_file", "data:,x", "proof"),
    "dotted": Call(call("torch._utils:_import_dotted_name", "os.system"), (COMMAND,)),
    "load-bytes": call("torch.storage:_load_from_bytes", INNER),
    "save": call("torch:save", 1, "proof"),
    "mkdir": call("torch.utils.cpp_extension:os.mkdir", "proof"),
    "config": call("torch.jit._script:torch.os.system", COMMAND),
    "rebuild-type": call("torch._tensor:_rebuild_from_type_v2", EXEC, at("torch:Tensor"), (SOURCE,), {}),
    "rebuild-wrapper": call("torch._utils:_rebuild_wrapper_subclass", EXEC, "f", (1,), (1,), 0, 0, "cpu", False),
    "profiler": call("torch.utils._python_dispatch:transform_subclass", call("torch:ones", 1), EXEC),
    "dataloader": call("torch.utils.data._utils.worker:_worker_loop.__globals__.__getitem__", "os"),
    "checkpoint": call("torch.utils.checkpoint:noop_context_fn.__globals__.update", {}),
}  # fmt: skip

OTHERS = {
    "yaml.unsafe_load": call("yaml:unsafe_load", _YAML),
    "yaml.load": call("yaml:load", _YAML, at("yaml:UnsafeLoader")),
    "jinja2": call("jinja2:Template.render", call("jinja2:Template", _TEMPLATE)),
    "jinja2.import": call("jinja2.utils:import_string", MODULE),
    "mako": call("mako.template:Template.render", call("mako.template:Template", f"<% {SOURCE} %>")),
    "patsy": call("patsy:dmatrix", f"I({EXPRESSION} and 1)", {"x": [1]}),
    "statsmodels": call("statsmodels.iolib.smpickle:load_pickle", PKL),
    "click": call("click:edit", "x", "touch proof;:"),
    "httpx": call("httpx:get", "http://127.0.0.1:9/"),
    "pyarrow": call("pyarrow:OSFile", "proof", "w"),
    "polars": call("polars:DataFrame.write_csv", call("polars:DataFrame", {"a": [1]}), "proof"),
    "cffi": call("cffi:FFI.dlopen", call("cffi:FFI"), "./x.so"),
    "wrapt": Call(call("wrapt:FunctionWrapper", EXEC, call("operator:methodcaller", "__call__", SOURCE))),
    "attrs": call("attr._make:_linecache_and_compile", SOURCE, "x", {}),
    "onnx.save": call("onnx:save_model", call("onnx:ModelProto"), "proof"),
    "numba": call("numba.core.serialize:_numba_unpickle", 1, INNER, b"x"),
    "lightgbm.save": call("lightgbm.basic:json.codecs.open", "proof", "w"),
    "xgboost.config": call("xgboost.core:os.system", COMMAND),
    "setuptools": call("setuptools._distutils.spawn:spawn", ["touch", "proof"]),
    "pkg_resources": call(
        "pkg_resources:EntryPoint.resolve", call("pkg_resources:EntryPoint.parse", f"x = {MODULE}:y")
    ),
    "pip": Call(
        New(
            at("functools:partial"),
            (at("pip._internal.utils.subprocess:call_subprocess"), ["touch", "proof"]),
            {"command_desc": "x"},
        )
    ),
    "cloudpickle": call("cloudpickle.cloudpickle:subimport", MODULE),
    "skops": call("skops.io._utils:get_module", EXEC),
    "pydantic": call("pydantic._internal._validators:import_string", f"{MODULE}.x"),
    "fsspec.local": call(
        "fsspec.implementations.local:LocalFileSystem.mkdir",
        call("fsspec.implementations.local:LocalFileSystem"),
        "proof",
    ),
    "sympy": call("sympy:sympify", "open('proof', 'w')"),
    "networkx": call("networkx:write_gml", call("networkx:Graph"), "proof"),
    "interface": call("execnet:makegateway", "popen"),
    "formulaic": call("formulaic:model_matrix", "{open('proof', 'w') and 1}", call("pandas:DataFrame", {"x": [1]})),
    "holdfast": call("holdfast.kernels.scan.worklist:scan_bytes.__globals__.update", {}),
    "deep": call("email:charset.functools.partial", 1),
}

PACKAGES: dict[str, dict[str, Any]] = {
    "numpy": NUMPY,
    "scipy": SCIPY,
    "sklearn": SKLEARN,
    "joblib": JOBLIB,
    "pandas": PANDAS,
    "torch": TORCH,
    "other": OTHERS,
}
NOT_RUNNING = frozenset(
    {"numpy_import-tools", "sklearn_deprecated", "sklearn_vectorizer", "pandas_option-context", "torch_rebuild-wrapper",
     "torch_profiler", "torch_dataloader", "torch_checkpoint", "other_attrs", "other_interface", "other_holdfast",
     "other_deep", "other_skops", "other_wrapt", "other_cffi", "torch_load_library", "numpy_ctypeslib"}
)  # fmt: skip
"""They reach for the inside of a library without leaving a marker."""


def cases() -> Iterator[Case]:
    """Yield a file for each callable."""
    beside = {**BESIDE, PKL: INNER}
    for package, gadgets in PACKAGES.items():
        for number, (name, expression) in enumerate(gadgets.items()):
            content = pickled(expression, 4 + number % 2)
            loader = "" if f"{package}_{name}" in NOT_RUNNING else "pickle"
            yield Case(f"{package}_{name}.pkl", content, True, loader, beside)
    yield from _objects(beside)


def _objects(beside: dict[str, bytes]) -> Iterator[Case]:
    """Files that a pickler of a library writes for code given as an object."""
    cloudpickle: Any = importlib.import_module("cloudpickle")

    buffer = io.BytesIO()
    cloudpickle.dump(_Payload(), buffer)
    yield Case("other_cloudpickled-reduce.pkl", buffer.getvalue(), True, "pickle", beside)
    buffer = io.BytesIO()
    cloudpickle.dump(lambda: None, buffer)
    yield Case("other_cloudpickled-lambda.pkl", buffer.getvalue(), True)
    yield Case("stdlib_object.pkl", pickle.dumps(_Payload(), 5), True, "pickle", beside)


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (SOURCE,)
