"""Judge the objects of a Keras configuration: which class or function each one makes Keras build or import."""

from __future__ import annotations

import re
from typing import Any

from holdfast.kernels.formats.keras_names import CLASSES, FUNCTIONS
from holdfast.kernels.scan.record import Record

CODE = frozenset({"Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"})
VALUES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
)
MODULE = re.compile(r"keras|keras\.(?:src\.)?(?:[a-z0-9_]+\.)*[a-z0-9_]+")
OLD_MODULE = re.compile(r"(?:tf_keras|tensorflow\.python\.keras|tensorflow\.keras)(?:\.[a-z0-9_]+)*|builtins")
NOT_BUILDING = re.compile(
    r"keras\.(?:src\.)?(?:utils|saving|config|export|distribution|applications|datasets|preprocessing|wrappers)\b.*"
)
READS_FILES = ("vocabulary", "idf_weights")


def is_keras_object(node: dict[str, Any]) -> bool:
    """Whether Keras would build something from this part of a configuration."""
    return isinstance(node.get("class_name"), str) and (
        "config" in node or "module" in node or "registered_name" in node
    )


def judge_keras_object(record: Record, node: dict[str, Any]) -> None:
    """Report what is code, what needs a registered or imported object, and what opens files."""
    name, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    if name in CODE:
        message = "a layer holds or loads code that the file chose: building the model runs it"
        record.add("executes", "keras.code", message, detail=name)
        return
    if name in VALUES or name == "__typespec__":
        return
    shown = f"{module or ''}.{name}" if registered in (None, name) else f"{module or ''}.{name} as {registered}"
    if name == "function":
        config = node.get("config")
        name, shown = (config, f"{module or ''}.{config}") if isinstance(config, str) else ("", shown)
    known = isinstance(name, str) and (name in CLASSES or (node["class_name"] == "function" and name in FUNCTIONS))
    if not known or not _is_keras(module) or registered not in (None, node["class_name"], name):
        message = "the model is built with an object that is not part of Keras: loading imports it"
        record.add("unknown", "keras.object", message, detail=shown)
        return
    config = node.get("config")
    for key in READS_FILES if isinstance(config, dict) else ():
        if isinstance(config, dict) and isinstance(config.get(key), str):
            message = "a layer reads a file that the configuration names"
            record.add("suspicious", "keras.file", message, detail=f"{name}.{key}: {config[key]}")


def _is_keras(module: object) -> bool:
    if module is None:
        return True
    if not isinstance(module, str) or NOT_BUILDING.fullmatch(module):
        return False
    return bool(MODULE.fullmatch(module) or OLD_MODULE.fullmatch(module))
