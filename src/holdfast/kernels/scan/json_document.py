"""Walk a JSON document: what a library would make of it is told by its keys, wherever they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from holdfast.kernels.formats.strict_json import Document, JsonError, read_json
from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.hub_config import judge_hub_config
from holdfast.kernels.scan.keras_objects import is_keras_object, judge_keras_object
from holdfast.kernels.scan.observation import Budget, Kind, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.secrets_found import report_secrets
from holdfast.kernels.scan.skops_nodes import is_skops_node, judge_skops_identities, judge_skops_node
from holdfast.kernels.scan.skops_slots import judge_skops_attributes
from holdfast.kernels.scan.torch_export import is_exported_program, judge_expression, judge_program
from holdfast.kernels.scan.xgboost_model import check_xgboost

SHORTEST_NESTED = 20
LOOK_AT_CLOCK = 1 << 12


def walk_json(data: memoryview, place: Place, budget: Budget, *, allow: AllowList) -> Walked:
    """Walk a document, or one per line."""
    record = Record(place)
    record.cover(0, len(data))
    report_secrets(record, data)
    form = "json"
    try:
        document = read_json(data)
    except JsonError as error:
        if not error.too_large and _walk_lines(record, data, allow, budget):
            return record.walked("json-lines")
        kind: Kind = "not_examined" if error.too_large else "malformed"
        record.add(kind, "json.structure", f"this JSON was not read: {error}")
        return record.walked("json")
    form = _judge_document(record, document, allow)
    return record.walked(form)


def _judge_document(record: Record, document: Document, allow: AllowList) -> str:
    for key in document.duplicate_keys:
        message = "an object holds a key twice: readers differ in which value they take"
        record.add("suspicious", "json.duplicate-key", message, detail=key)
    form = _form(document.value)
    if form == "notebook":
        record.add("not_examined", "json.notebook", "this is a notebook: whether to run it is for a person to judge")
    if form == "xgboost":
        check_xgboost(record, document.value)
    judge_value(record, document.value, allow)
    return form


def _form(value: Any) -> str:
    if not isinstance(value, dict):
        return "json"
    if "nbformat" in value and "cells" in value:
        return "notebook"
    if "learner" in value:
        return "xgboost"
    if "__loader__" in value:
        return "skops"
    return "keras" if is_keras_object(value) else "json"


def judge_value(record: Record, value: Any, allow: AllowList) -> None:
    """Judge every object in a value; texts that are JSON themselves are read once more."""
    judge_skops_identities(record, _skops_nodes(value))
    if isinstance(value, dict) and is_skops_node(value):
        judge_skops_attributes(record, value, _skops_nodes(value), allow)
    for node in _objects(value):
        if is_skops_node(node):
            judge_skops_node(record, node, allow)
        elif is_keras_object(node):
            judge_keras_object(record, node)
        judge_hub_config(record, node)
        judge_expression(record, node)
        if is_exported_program(node):
            judge_program(record, node)


def _skops_nodes(value: Any) -> Iterator[dict[str, Any]]:
    return (node for node in _objects(value) if "__loader__" in node)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    stack = [(value, 0)]
    while stack:
        part, nested = stack.pop()
        if isinstance(part, dict):
            yield part
            stack.extend((item, nested) for item in part.values() if isinstance(item, (dict, list, str)))
        elif isinstance(part, list):
            stack.extend((item, nested) for item in part if isinstance(item, (dict, list, str)))
        elif isinstance(part, str) and nested < 2 and len(part) > SHORTEST_NESTED and part.lstrip()[:1] == "{":
            try:
                stack.append((read_json(memoryview(part.encode("utf-8", "replace"))).value, nested + 1))
            except JsonError:
                continue


def _walk_lines(record: Record, data: memoryview, allow: AllowList, budget: Budget) -> bool:
    """Judge one document per line; false when the first lines are not that."""
    good = 0
    for line in bytes(data).splitlines():
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return False
        good += 1
        if good % LOOK_AT_CLOCK == 0 and budget.expired():
            record.add("not_examined", "limit.time", f"lines behind number {good} were not read")
            return True
        judge_value(record, value, allow)
    return good > 1
