"""Model files of other formats: graphs, schemas, configurations, headers, templates."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from benchmarks.scan_corpus.assemble import call, pickled
from benchmarks.scan_corpus.case import COMMAND, SOURCE, Case

PAYLOAD = pickled(call("os:system", COMMAND), 2)
SSTI = "{{ cycler.__init__.__globals__.os.system('touch proof') }}"

INSIDE = "{{ namespace['__init__']['__globals__']['os']['system']('touch proof') }}"


def cases() -> Iterator[Case]:
    """Yield files of every format but pickle and archives."""
    yield from _onnx()
    yield from _skops()
    yield from _keras()
    yield from _texts()
    for name, content in {**_safetensors(), **_gguf()}.items():
        yield Case(name, content, True)


def _onnx() -> Iterator[Case]:
    from onnx import TensorProto, helper

    def model(*nodes: Any, initializers: tuple[Any, ...] = (), **more: Any) -> Any:
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
        graph = helper.make_graph(list(nodes), "g", [x], [y], initializer=list(initializers))
        return helper.make_model(graph, **more)

    def outside(location: str) -> Any:
        tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location
        return tensor

    plain = helper.make_node("Identity", ["x"], ["y"])
    inner = helper.make_graph(
        [helper.make_node("Run", [], ["z"], domain="evil")], "i", [], [helper.make_tensor_value_info("z", 1, [1])]
    )
    hidden = helper.make_graph(
        [], "i", [], [helper.make_tensor_value_info("w", 1, [1])], initializer=[outside("../../etc/passwd")]
    )
    huge = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    huge.dims[:] = [1 << 40, 1 << 40]
    raw = helper.make_tensor("w", TensorProto.UINT8, [len(PAYLOAD)], PAYLOAD, raw=True)
    found = {
        "custom-domain": model(helper.make_node("Run", ["x"], ["y"], domain="com.evil")),
        "custom-default": model(helper.make_node("RunShell", ["x"], ["y"])),
        "python-op": model(helper.make_node("PyOp", ["x"], ["y"], domain="ai.onnx.contrib")),
        "subgraph": model(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)),
        "external-up": model(plain, initializers=(outside("../../../etc/passwd"),)),
        "external-absolute": model(plain, initializers=(outside("/etc/passwd"),)),
        "external-backslash": model(plain, initializers=(outside("..\\..\\x"),)),
        "external-subgraph": model(helper.make_node("If", ["x"], ["y"], then_branch=hidden, else_branch=hidden)),
        "external-attribute": model(helper.make_node("Constant", [], ["y"], value=outside("../x"))),
        "shape": model(plain, initializers=(huge,)),
        "pickle-tensor": model(plain, initializers=(raw,)),
        "function": model(
            plain,
            functions=[
                helper.make_function("evil", "F", [], ["y"], [helper.make_node("Run", [], ["y"], domain="evil")], [])
            ],
        ),
        "training": model(plain),
    }
    info = found["training"].training_info.add()
    info.algorithm.CopyFrom(inner)
    for name, proto in found.items():
        yield Case(f"onnx_{name}.onnx", proto.SerializeToString(), True)
    good = model(plain).SerializeToString()
    yield Case("onnx_unknown-field.onnx", good + b"\xfa\x7f" + bytes([len(PAYLOAD)]) + PAYLOAD, True)
    yield Case("onnx_truncated.onnx", good[:-3], True)


def _skops() -> Iterator[Case]:
    def file(schema: dict[str, Any], **members: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", **schema}))
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    def node(loader: str, path: str, **content: Any) -> dict[str, Any]:
        module, _, name = path.rpartition(".")
        return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 1, **content}

    text = node("JsonNode", "builtins.str", content=json.dumps(COMMAND))
    arguments = node("TupleNode", "builtins.tuple", content=[text])
    found = {
        "type": node("TypeNode", "os.system"),
        "function": node("FunctionNode", "os.system"),
        "object": node("ObjectNode", "subprocess.Popen", content={"a": text}),
        "reduce": node("ReduceNode", "os.system", content={"args": arguments}),
        "constructor": node("ConstructorFromReduceNode", "os.system", content=arguments),
        "operator": node("OperatorFuncNode", "operator.methodcaller", attrs=arguments),
        "partial": node(
            "PartialNode", "functools.partial", content={"func": node("FunctionNode", "os.system"), "args": arguments}
        ),
        "method": node("MethodNode", "builtins.method", content={"func": "system", "obj": node("TypeNode", "os.path")}),
        "nested": node(
            "ListNode",
            "builtins.list",
            content=[node("DictNode", "builtins.dict", content={"x": node("FunctionNode", "builtins.exec")})],
        ),
        "unknown-loader": node("EvilNode", "builtins.list", content=[]),
        "disguised": node("ListNode", "os.system", content=[]),
    }
    for name, schema in found.items():
        yield Case(f"skops_{name}.skops", file(schema), True)
    called = {**arguments, "__id__": 2, "content": [{**text, "__id__": 3}]}
    constructed = {"protocol": 2, "_skops_version": "0.16.0", **found["constructor"], "content": called}
    for encoding in ("utf-16", "utf-32"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("schema.json", json.dumps(constructed).encode(encoding))
        yield Case(f"skops_{encoding}.skops", buffer.getvalue(), True, "skops")
    list_node = node("ListNode", "builtins.list", content=[])
    yield Case("skops_pickle-beside.skops", file(list_node, **{"x.pkl": PAYLOAD}), True)
    yield Case(
        "skops_object-array.skops",
        file(node("NdArrayNode", "numpy.ndarray", type="numpy", file="1.npy"), **{"1.npy": _objects()}),
        True,
    )


def _objects() -> bytes:
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + PAYLOAD


def _keras() -> Iterator[Case]:
    def layer(name: str, config: dict[str, Any], module: str = "keras.layers", **more: Any) -> dict[str, Any]:
        return {"module": module, "class_name": name, "config": config, "registered_name": None, **more}

    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    found = {
        "lambda": layer("Lambda", {"function": code}),
        "lambda-name": layer("Lambda", {"function": "system", "module": "os"}),
        "custom": layer("Evil", {}, "payload_module", registered_name="evil>Evil"),
        "module": layer("Dense", {"units": 1}, "os"),
        "function": layer(
            "Activation",
            {
                "activation": {
                    "module": "builtins",
                    "class_name": "function",
                    "config": "exec",
                    "registered_name": "function",
                }
            },
        ),
        "torch": layer("TorchModuleWrapper", {"module": "gASV"}, "keras.utils.torch_utils"),
        "saved-model": layer("TFSMLayer", {"filepath": "../x"}),
        "get-file": layer("get_file", {"origin": "http://127.0.0.1/x"}, "keras.utils"),
        "vocabulary": layer("StringLookup", {"vocabulary": "/etc/passwd"}),
        "nested": layer("TimeDistributed", {"layer": layer("Lambda", {"function": code})}),
    }
    for name, config in found.items():
        model = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [config]}}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("config.json", json.dumps(model))
            archive.writestr("metadata.json", '{"keras_version": "3.12.0"}')
        yield Case(f"keras_{name}.keras", buffer.getvalue(), True)
        yield Case(f"keras_{name}.json", json.dumps(model).encode(), True)
    yield Case("keras_utf-16.json", json.dumps(model).encode("utf-16"), True)
    yield from _saved_models(json.dumps(found["lambda"]))


def _saved_models(layer: str) -> Iterator[Case]:
    """Yield SavedModels: with a layer of code as older versions wrote it, and with a graph that borrows a name."""

    def field(number: int, content: bytes) -> bytes:
        size = bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
        return bytes([number << 3 | 2]) + size + content

    def model(*graphs: bytes) -> bytes:
        return b"\x08\x01" + b"".join(field(2, field(1, b"") + graph) for graph in graphs)

    def node(operator: bytes) -> bytes:
        return field(1, field(1, b"n") + field(2, operator))

    spellings = {
        "plain": layer,
        "escaped": layer.replace("Lambda", "\\u004cambda").replace("_lambda", "\\u005flambda"),
        "spaced": layer.replace('"class_name":', '"class_name"' + 300 * " " + ":"),
    }
    for name, text in spellings.items():
        metadata = field(7, field(1, field(4, field(1, b"_tf_keras_layer") + field(3, text.encode()))))
        yield Case(f"tensorflow_{name}.pb", model(field(2, node(b"MatMul")) + metadata), True)
    named_so = field(2, field(2, field(1, field(1, field(1, b"WriteFile")))))
    yield Case("tensorflow_borrowed-name.pb", model(named_so, field(2, node(b"WriteFile"))), True)


def _texts() -> Iterator[Case]:
    yaml = {
        "apply": "!!python/object/apply:os.system ['touch proof']\n",
        "new": "!!python/object/new:os.system ['touch proof']\n",
        "name": "x: !!python/name:os.system ''\n",
        "nested": "model:\n  - layer: !!python/object/apply:os.system ['touch proof']\n",
        "verbose": "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch proof']\n",
        "directive": "%TAG !e! tag:yaml.org,2002:python/object/apply:\n---\n!e!os.system ['touch proof']\n",
        "anchor": "a: &x !!python/object/apply:os.system ['touch proof']\nb: *x\n",
        "flow": "{a: [1, !!python/object/apply:os.system ['touch proof']]}\n",
        "escaped": "!!python/object/apply:os%2esystem ['touch proof']\n",
        "escaped-python": "['a', !!%70ython/object/apply:os.system ['touch proof']]\n",
        "behind-quotes": "{'a':!!python/object/apply:os.system ['touch proof']}\n",
        "behind-anchor": "x: &a-b !!python/object/apply:os.system ['touch proof']\n",
        "behind-return": "x:\r  !!python/object/apply:os.system ['touch proof']\n",
        "behind-separator": "x:\u2028  !!python/object/apply:os.system ['touch proof']\n",
    }
    for name, text in yaml.items():
        yield Case(f"yaml_{name}.yaml", text.encode(), True, "yaml" if name != "name" else "")
    config: dict[str, Any] = {
        "template": {"chat_template": SSTI},
        "template-attr": {"chat_template": "{{ ''|attr('__class__') }}"},
        "template-list": {"chat_template": [{"name": "default", "template": SSTI}]},
        "template-set": {"chat_template": "{% set x = cycler.__init__.__globals__ %}{{ x.os.system('touch proof') }}"},
        "template-index": {"chat_template": "{{ ''['__cl' ~ 'ass__'] }}"},
        "template-octal": {"chat_template": INSIDE.replace("__", "\\137\\137")},
        "template-computed": {
            "chat_template": "{% set u = '_' * 2 %}" + INSIDE.replace("'__", "u ~ '").replace("__'", "' ~ u")
        },
        "template-unseen": {
            "chat_template": "{% set u = '%c%c'|format(95, 95) %}"
            + INSIDE.replace("'__", "u ~ '").replace("__'", "' ~ u")
        },
        "template-frame": {"chat_template": "{{ ([1]|map('string')).gi_frame.f_builtins['open']('proof', 'w') }}"},
        "template-brace": {
            "chat_template": "{{ {'a': {'b': 1}} ~ cycler.__init__.__globals__.os.system('touch proof') }}"
        },
        "auto-map": {"auto_map": {"AutoModel": "evil.Model"}},
        "trust": {"trust_remote_code": True},
        "jsonpickle": {"py/reduce": [{"py/type": "os.system"}, {"py/tuple": ["touch proof"]}]},
        "target": {"model": {"_target_": "os.system", "command": "touch proof"}},
        "secret": {"api_key": "sk-proj-" + "a1B2c3D4e5" * 4},
        "aws": {"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz91kLmQ0a"},
    }
    for name, value in config.items():
        runs = name.startswith("template") and name not in ("template-attr", "template-list", "template-index")
        loader = "template" if runs else ""
        yield Case(f"config_{name}.json", json.dumps(value).encode(), True, loader)
    yield Case("config_duplicate.json", b'{"model_type": "bert", "model_type": "evil"}', True)
    yield Case("config_entity.xml", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', True)
    yield Case(
        "config_private.pem",
        b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIEowIBAAKCAQEA7bq" * 8 + b"\n-----END RSA PRIVATE KEY-----\n",
        True,
    )
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [{"cell_type": "code", "source": [SOURCE], "outputs": []}],
    }
    yield Case("config_notebook.ipynb", json.dumps(notebook).encode(), True)


def _safetensors() -> dict[str, bytes]:
    def file(header: Any, data: bytes) -> bytes:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    def tensor(start: int, end: int, dtype: str = "U8") -> dict[str, Any]:
        return {"dtype": dtype, "shape": [end - start], "data_offsets": [start, end]}

    return {
        "safetensors_overlap.safetensors": file({"a": tensor(0, 8), "b": tensor(4, 12)}, b"x" * 12),
        "safetensors_hole.safetensors": file({"a": tensor(0, 8), "b": tensor(60, 68)}, PAYLOAD.ljust(68, b"x")),
        "safetensors_behind.safetensors": file({"a": tensor(0, 8)}, b"x" * 8 + PAYLOAD),
        "safetensors_outside.safetensors": file({"a": tensor(0, 800)}, b"x" * 8),
        "safetensors_size.safetensors": file({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 8]}}, b"x" * 8),
        "safetensors_duplicate.safetensors": file(
            b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"x",
        ),
        "safetensors_program.safetensors": file({"a": tensor(0, 200)}, b"\x7fELF" + b"\0" * 196),
        "safetensors_secret.safetensors": file(
            {"__metadata__": {"token": "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"}, "a": tensor(0, 1)}, b"x"
        ),
    }


def _gguf() -> dict[str, bytes]:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    def file(entries: dict[str, str], tail: bytes = b"", count: int | None = None) -> bytes:
        body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in entries.items())
        head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries) if count is None else count) + body
        return head.ljust(-(-len(head) // 32) * 32, b"\0") + tail

    return {
        "gguf_template.gguf": file({"tokenizer.chat_template": SSTI}),
        "gguf_template-named.gguf": file({"tokenizer.chat_template.tool_use": SSTI}),
        "gguf_behind.gguf": file({"general.name": "x"}, PAYLOAD),
        "gguf_count.gguf": file({"general.name": "x"}, count=1 << 60),
        "gguf_secret.gguf": file({"general.token": "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"}),
    }
