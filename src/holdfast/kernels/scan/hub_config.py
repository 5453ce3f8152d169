"""Judge configurations of model hubs: what makes a loader fetch code, and chat templates that reach too far."""

from __future__ import annotations

import sys
from typing import Any

from holdfast.kernels.scan.chat_template import judge_template
from holdfast.kernels.scan.record import Record

CODE_KEYS = ("auto_map", "custom_pipelines", "loader_module", "trust_remote_code")
JSONPICKLE_KEYS = ("py/object", "py/reduce", "py/type", "py/function", "py/newobj", "py/newargs", "py/repr", "py/mod")
PIPELINE_LIBRARIES = frozenset({"diffusers", "transformers", None})


def judge_hub_config(record: Record, node: dict[str, Any]) -> None:
    """Report what makes loading a model run code from its repository."""
    for key in CODE_KEYS:
        value = node.get(key)
        if value and not (key == "loader_module" and str(value).startswith("mlflow.")):
            message = "the configuration makes a loader import code that comes with the model"
            record.add("unknown", "config.remote-code", message, detail=f"{key}: {value!r:.150}")
    for key in JSONPICKLE_KEYS:
        if key in node:
            message = "jsonpickle imports and calls what stands here when the text is decoded"
            record.add("executes", "config.jsonpickle", message, detail=f"{key}: {node[key]!r:.150}")
    target = node.get("_target_")
    if isinstance(target, str):
        judge_target(record, target)
    if isinstance(node.get("_class_name"), str):
        for key, value in node.items():
            library = value[0] if isinstance(value, list) and len(value) == 2 else None
            if isinstance(library, str) and library not in PIPELINE_LIBRARIES and not key.startswith("_"):
                message = "a pipeline takes a part from a library of its own"
                record.add("unknown", "config.remote-code", message, detail=f"{key}: {library}.{value[1]}")
    for key in ("chat_template", "template"):
        if isinstance(node.get(key), str):
            judge_template(record, node[key])
        elif key == "chat_template" and isinstance(node.get(key), list):
            for entry in node[key]:
                if isinstance(entry, dict) and isinstance(entry.get("template"), str):
                    judge_template(record, entry["template"])


def judge_target(record: Record, target: str) -> None:
    """Report what a loader of configurations would call, where it is a part of the standard library or an alias."""
    if target.startswith("*") or target.partition(".")[0] in sys.stdlib_module_names:
        message = "the configuration names a part of the standard library for its loader to call"
        record.add("unknown", "config.target", message, detail=target)
