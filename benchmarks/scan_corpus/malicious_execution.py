"""Callables of the standard library that run code or commands when a pickle calls them."""

from __future__ import annotations

import marshal
from collections.abc import Iterator

from benchmarks.scan_corpus.assemble import Call, New, at, call, pickled
from benchmarks.scan_corpus.case import BESIDE, COMMAND, EXPRESSION, MODULE, SOURCE, Case

WORDS = ["touch", "proof"]
SHELL = ["sh", "-c", COMMAND]
EXEC = at("builtins:exec")
SCRIPT = f"{MODULE}.py"
LAZY = call("builtins:map", EXEC, [SOURCE])
_CODE = marshal.dumps(compile(SOURCE, "<payload>", "exec"))
_INNER = pickled(call("os:system", COMMAND), 2)

COMMANDS = {
    "os.system": call("os:system", COMMAND),
    "posix.system": call("posix:system", COMMAND),
    "os.popen": call("os:popen", COMMAND),
    "os.execvp": call("os:execvp", "sh", SHELL),
    "os.execv": call("os:execv", "/bin/sh", SHELL),
    "os.execve": call("os:execve", "/bin/sh", SHELL, {}),
    "os.spawnv": call("os:spawnv", 0, "/bin/sh", SHELL),
    "os.spawnvp": call("os:spawnvp", 0, "sh", SHELL),
    "os.spawnlp": call("os:spawnlp", 0, "sh", *SHELL),
    "os.posix_spawn": call("os:posix_spawn", "/bin/sh", SHELL, {}),
    "os.posix_spawnp": call("posix:posix_spawnp", "sh", SHELL, {}),
    "subprocess.Popen": call("subprocess:Popen", WORDS),
    "subprocess.call": call("subprocess:call", WORDS),
    "subprocess.check_call": call("subprocess:check_call", WORDS),
    "subprocess.check_output": call("subprocess:check_output", WORDS),
    "subprocess.run": call("subprocess:run", WORDS),
    "subprocess.getoutput": call("subprocess:getoutput", COMMAND),
    "subprocess.getstatusoutput": call("subprocess:getstatusoutput", COMMAND),
    "pty.spawn": call("pty:spawn", WORDS),
    "uuid.command": call("uuid:_get_command_stdout", "touch", "proof"),
    "osx.read-output": call("_osx_support:_read_output", COMMAND),
    "bootsubprocess": call("_bootsubprocess:check_output", WORDS),
    "distutils.spawn": call("distutils.spawn:spawn", WORDS),
    "distutils.execute": call("distutils.util:execute", EXEC, (SOURCE,)),
    "pydoc.pipepager": call("pydoc:pipepager", "x", COMMAND),
    "pydoc.tempfilepager": call("pydoc:tempfilepager", "x", f"{COMMAND};:"),
    "multiprocessing.spawnv": call(
        "multiprocessing.util:spawnv_passfds", b"/bin/sh", [b"sh", b"-c", COMMAND.encode()], ()
    ),
    "asyncio.shell": call("asyncio:run", call("asyncio:create_subprocess_shell", COMMAND)),
    "webbrowser.open": call(
        "webbrowser:GenericBrowser.open", call("webbrowser:GenericBrowser", ["touch", "%s"]), "proof"
    ),
    "shutil.which-chain": call("shutil:os.system", COMMAND),
    "python-script": call("test.support.script_helper:assert_python_ok", "-c", SOURCE),
    "venv.create": call("venv:create", "proof"),
    "ctypes.pythonapi": call("ctypes:pythonapi.PyRun_SimpleString", SOURCE.encode()),
    "ctypes.libc": call(
        "operator:call", call("builtins:getattr", call("ctypes:CDLL", None), "system"), COMMAND.encode()
    ),
}
"""Programs that are started."""

EVALUATION = {
    "exec": call("builtins:exec", SOURCE),
    "eval": call("builtins:eval", EXPRESSION),
    "compile": call("builtins:exec", call("builtins:compile", SOURCE, "x", "exec")),
    "timeit": call("timeit:timeit", SOURCE, "pass", at("time:perf_counter"), 1),
    "timeit.setup": call("timeit:timeit", "pass", SOURCE, at("time:perf_counter"), 1),
    "timeit.repeat": call("timeit:repeat", SOURCE, "pass", at("time:perf_counter"), 1, 1),
    "timeit.main": call("timeit:main", ["-n1", "-r1", SOURCE]),
    "cProfile.run": call("cProfile:run", SOURCE),
    "cProfile.runctx": call("cProfile:runctx", SOURCE, {}, {}),
    "profile.run": call("profile:run", SOURCE),
    "profile.runctx": call("profile:runctx", SOURCE, {}, {}),
    "bdb.runctx": call("bdb:Bdb.runctx", call("bdb:Bdb"), SOURCE, {}, {}),
    "trace.run": call("trace:Trace.run", call("trace:Trace", 0, 0), SOURCE),
    "code.runsource": call("code:InteractiveInterpreter.runsource", call("code:InteractiveInterpreter"), SOURCE),
    "code.push": call("code:InteractiveConsole.push", call("code:InteractiveConsole"), SOURCE),
    "runpy.run_path": call("runpy:run_path", SCRIPT),
    "runpy.run_module": call("runpy:run_module", MODULE),
    "runpy.run_code": call("runpy:_run_code", SOURCE, {}),
    "doctest.testfile": call("doctest:testfile", "payload.txt", False),
    "dataclasses.create": call("dataclasses:_create_fn", "f", [f"a={EXPRESSION}"], ["pass"]),
    "typing.forward": call("typing:_eval_type", call("typing:ForwardRef", EXPRESSION), {}, {}),
    "subinterpreter": call("_xxsubinterpreters:run_string", call("_xxsubinterpreters:create"), SOURCE),
    "logging.dictConfig": call(
        "logging.config:dictConfig", {"version": 1, "formatters": {"x": {"()": "os.system", "command": COMMAND}}}
    ),
    "xmlrpc.fault": call("copy:_reconstruct", None, None, EXEC, (SOURCE,)),
    "setup": call("distutils.core:run_setup", SCRIPT),
    "setuptools.setup": call("setuptools._distutils.core:run_setup", SCRIPT),
    "marshal": Call(call("types:FunctionType", call("marshal:loads", _CODE), {}), ()),
    "marshal.exec": call("builtins:exec", call("marshal:loads", _CODE)),
    "pickle.loads": call("pickle:loads", _INNER),
    "pickle._loads": call("pickle:_loads", _INNER),
    "_pickle.loads": call("_pickle:loads", _INNER),
    "unpickler.load": call("pickle:Unpickler.load", call("pickle:Unpickler", call("io:BytesIO", _INNER))),
}
"""Text, code objects and pickles that are evaluated."""

IMPORTS = {
    "__import__": call("builtins:__import__", MODULE),
    "importlib": call("importlib:import_module", MODULE),
    "importlib.__import__": call("importlib:__import__", MODULE),
    "importlib.bootstrap": call("importlib._bootstrap:_gcd_import", MODULE),
    "frozen_importlib": call("_frozen_importlib:_gcd_import", MODULE),
    "importlib.find_spec": call("importlib.util:find_spec", f"{MODULE}.x"),
    "importlib.files": call("importlib.resources:files", MODULE),
    "loader": call(
        "importlib.machinery:SourceFileLoader.load_module",
        call("importlib.machinery:SourceFileLoader", MODULE, SCRIPT),
        MODULE,
    ),
    "imp": call("imp:load_source", MODULE, SCRIPT),
    "pkgutil.get_data": call("pkgutil:get_data", MODULE, "x"),
    "pkgutil.resolve": call("pkgutil:resolve_name", MODULE),
    "pkgutil.resolve-call": Call(call("pkgutil:resolve_name", "os:system"), (COMMAND,)),
    "pydoc.locate": call("pydoc:locate", MODULE),
    "pydoc.safeimport": call("pydoc:safeimport", MODULE),
    "pydoc.importfile": call("pydoc:importfile", SCRIPT),
    "pydoc.render": call("pydoc:render_doc", MODULE),
    "unittest.load": call("unittest:TestLoader.loadTestsFromName", call("unittest:TestLoader"), MODULE),
    "test.import": call("test.support.import_helper:import_module", MODULE),
    "lib2to3": call("lib2to3.refactor:RefactoringTool", [MODULE]),
    "xml.sax": call("xml.sax:make_parser", [MODULE]),
    "main-path": call("multiprocessing.spawn:import_main_path", SCRIPT),
    "fixup-main": call("multiprocessing.spawn:_fixup_main_from_path", SCRIPT),
    "logging.resolve": call("logging.config:_resolve", f"{MODULE}.x"),
    "encodings": at(f"{MODULE}:SOURCE"),
    "entry-point": call("importlib.metadata:EntryPoint.load", call("importlib.metadata:EntryPoint", "x", MODULE, "y")),
}
"""Modules that are imported: code that comes along with the model."""

INDIRECTION = {
    "getattr": Call(call("builtins:getattr", at("shutil:os"), "system"), (COMMAND,)),
    "getattr-call": Call(call("builtins:getattr", call("builtins:__import__", "os"), "system"), (COMMAND,)),
    "partial": Call(call("functools:partial", EXEC, SOURCE), ()),
    "partial-new": Call(New(at("functools:partial"), (EXEC, SOURCE)), ()),
    "reduce": call("functools:reduce", EXEC, [{}], SOURCE),
    "methodcaller": Call(call("operator:methodcaller", "system", COMMAND), (call("builtins:__import__", "os"),)),
    "attrgetter": Call(Call(call("operator:attrgetter", "system"), (call("builtins:__import__", "os"),)), (COMMAND,)),
    "operator.call": call("operator:call", EXEC, SOURCE),
    "map-list": call("builtins:list", LAZY),
    "map-tuple": call("builtins:tuple", LAZY),
    "map-tuple-new": New(at("builtins:tuple"), (LAZY,)),
    "map-set": call("builtins:set", LAZY),
    "map-frozenset": call("builtins:frozenset", LAZY),
    "map-bytes": call("builtins:bytes", LAZY),
    "map-any": call("builtins:any", LAZY),
    "map-max": call("builtins:max", LAZY),
    "map-sorted": call("builtins:sorted", LAZY),
    "map-dict": call("builtins:dict", LAZY),
    "map-deque": call("collections:deque", LAZY),
    "map-counter": call("collections:Counter", LAZY),
    "map-ordered": call("collections:OrderedDict", LAZY),
    "map-new": call("builtins:list", New(at("builtins:map"), (EXEC, [SOURCE]))),
    "filter": call("builtins:list", call("builtins:filter", EXEC, [SOURCE])),
    "starmap": call("builtins:list", call("itertools:starmap", EXEC, [(SOURCE,)])),
    "accumulate": call("builtins:list", call("itertools:accumulate", [SOURCE, {}], EXEC)),
    "filterfalse": call("builtins:list", call("itertools:filterfalse", EXEC, [SOURCE])),
    "takewhile": call("builtins:list", call("itertools:takewhile", EXEC, [SOURCE])),
    "dropwhile": call("builtins:list", call("itertools:dropwhile", EXEC, [SOURCE])),
    "groupby": call("builtins:list", call("itertools:groupby", [SOURCE], EXEC)),
    "heapq": call("heapq:nsmallest", 1, [SOURCE, SOURCE], EXEC),
    "nlargest": call("heapq:nlargest", 2, [SOURCE, SOURCE], EXEC),
    "iter-sentinel": call("builtins:list", call("builtins:iter", call("functools:partial", EXEC, SOURCE), None)),
    "method-type": Call(call("types:MethodType", EXEC, SOURCE), ()),
    "thread": call("_thread:start_new_thread", at("os:system"), (COMMAND,)),
    "thread-pool": call("multiprocessing.pool:ThreadPool", 1, EXEC, (SOURCE,)),
    "pool": call("multiprocessing.pool:Pool", 1, at("os:system"), (COMMAND,)),
    "executor": call(
        "concurrent.futures.thread:_WorkItem.run",
        call("concurrent.futures.thread:_WorkItem", call("concurrent.futures:Future"), EXEC, (SOURCE,), {}),
    ),
    "atexit": call("atexit:register", at("os:system"), COMMAND),
    "finalize": call("weakref:finalize", at("argparse:Namespace"), EXEC, SOURCE),
    "unittest.case": Call(call("unittest:FunctionTestCase", call("functools:partial", EXEC, SOURCE)), ()),
    "contextvars": call("contextvars:Context.run", call("contextvars:copy_context"), EXEC, SOURCE),
    "new_class": call(
        "types:new_class", "X", (), {}, call("operator:methodcaller", "update", call("builtins:list", LAZY))
    ),
    "type": Call(Call(call("builtins:type", "X", (), {"__call__": call("functools:partial", EXEC, SOURCE)}))),
    "singledispatch": Call(call("functools:singledispatch", EXEC), (SOURCE,)),
    "lru_cache": Call(call("functools:lru_cache", EXEC), (SOURCE,)),
    "profile.runcall": call("cProfile:Profile.runcall", call("cProfile:Profile"), EXEC, SOURCE),
}
"""Calls that reach the payload through another object."""


def cases() -> Iterator[Case]:
    """Yield a file for each callable, the protocols and ways to call taken in turn."""
    protocols = (0, 1, 2, 3, 4, 5)
    for group in (COMMANDS, EVALUATION, IMPORTS, INDIRECTION):
        for number, (name, expression) in enumerate(group.items()):
            protocol = protocols[number % len(protocols)]
            content = pickled(expression, 4 if _is_dotted(expression) else protocol)
            yield Case(f"stdlib_{name}.pkl", content, True, "pickle", BESIDE)
    imported = f"c{MODULE}\nx\nzzz some words\n"
    yield Case("stdlib_import-before-words.pkl", imported.encode(), True, "pickle", BESIDE)


def _is_dotted(expression: object) -> bool:
    return "." in repr(expression) and any("." in name for name in _names(expression))


def _names(expression: object) -> Iterator[str]:
    name = getattr(expression, "name", None)
    if isinstance(name, str):
        yield name
    parts = expression if isinstance(expression, tuple | list) else getattr(expression, "__dict__", {}).values()
    if isinstance(expression, dict):
        parts = expression.values()
    for part in parts:
        if isinstance(part, tuple | list | dict) or hasattr(part, "__dataclass_fields__"):
            yield from _names(part)
