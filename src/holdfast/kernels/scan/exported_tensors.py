"""Which members of an exported program of torch (``.pt2``) are the plain numbers of a tensor.

Beside the tensors stands a document that says of each whether torch unpickles it. A member is plain numbers where every
document of its folder that names it says that it is not: then torch copies its bytes and reads nothing into them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.kernels.formats.strict_json import JsonError, read_json

CONFIG = re.compile(rb"(?P<folder>(?:.*/)?data/(?:weights|constants)/)[^/]+_config\.json", re.DOTALL)
TENSOR = re.compile(r"(?:weight|tensor)_\d{1,9}")


def plain_tensors(configs: Iterable[tuple[bytes, memoryview]]) -> frozenset[bytes]:
    """Name the members that are plain numbers, going by the documents, each with the name of its member.

    None is where readers could differ over one of the documents: it may be the one that torch goes by.

    Examples
    --------
    >>> config = b'{"config": {"w": {"path_name": "weight_0", "use_pickle": false, "tensor_meta": {}}}}'
    >>> plain_tensors([(b"m/data/weights/model_weights_config.json", memoryview(config))])
    frozenset({b'm/data/weights/weight_0'})
    """
    plain: set[bytes] = set()
    other: set[bytes] = set()
    for name, content in configs:
        match = CONFIG.fullmatch(name)
        if match is None:
            continue
        entries = _entries(content)
        if entries is None:
            return frozenset()
        for entry in entries:
            path = entry["path_name"]
            is_plain = (
                TENSOR.fullmatch(path) and entry.get("use_pickle") is False and entry.get("tensor_meta") is not None
            )
            (plain if is_plain else other).add(match["folder"] + path.encode("utf-8", "backslashreplace"))
    return frozenset(plain - other)


def _entries(content: memoryview) -> list[Mapping[str, Any]] | None:
    """Return what a document says of its tensors; ``None`` where readers could differ over it."""
    try:
        document = read_json(content)
    except JsonError:
        return None
    config = document.value.get("config") if isinstance(document.value, dict) else None
    if document.duplicate_keys or not isinstance(config, dict):
        return None
    entries: list[Mapping[str, Any]] = [
        entry for entry in config.values() if isinstance(entry, dict) and isinstance(entry.get("path_name"), str)
    ]
    return entries if len(entries) == len(config) else None
