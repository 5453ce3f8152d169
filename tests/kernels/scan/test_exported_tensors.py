"""Which members of an exported program torch copies as they are: only those that every document calls plain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.kernels.scan.exported_tensors import plain_tensors

FOLDER = b"m/data/weights/"
META = {"dtype": 7}


def config(**entries: dict[str, Any]) -> tuple[bytes, memoryview]:
    return FOLDER + b"model_weights_config.json", memoryview(json.dumps({"config": entries}).encode())


def entry(path: str = "weight_0", **changes: Any) -> dict[str, Any]:
    return {"path_name": path, "use_pickle": False, "tensor_meta": META, **changes}


def test_tensors_that_are_copied_are_named_with_their_folder() -> None:
    assert plain_tensors([config(a=entry(), b=entry("weight_11"))]) == {FOLDER + b"weight_0", FOLDER + b"weight_11"}


@pytest.mark.parametrize(
    "other",
    [
        entry(use_pickle=True),
        entry(use_pickle=0),
        entry(use_pickle=None),
        entry(tensor_meta=None),
        entry("../weights/weight_0"),
        entry("custom_obj_0"),
        entry("weight_0/"),
        {"use_pickle": False, "tensor_meta": META},
        {},
    ],
    ids=str,
)
def test_whatever_else_is_said_of_a_member_it_is_not_plain(other: dict[str, Any]) -> None:
    assert plain_tensors([config(a=other)]) == frozenset()


def test_a_second_document_that_unpickles_it_counts() -> None:
    assert plain_tensors([config(a=entry()), config(b=entry(use_pickle=True))]) == frozenset()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"config": []}',
        b'{"config": {"a": 1}}',
        b'{"config": {"a": {"path_name": "weight_0", "use_pickle": true, "use_pickle": false, "tensor_meta": {}}}}',
    ],
)
def test_a_document_that_could_be_read_in_two_ways_says_nothing(content: bytes) -> None:
    assert plain_tensors([(FOLDER + b"model_weights_config.json", memoryview(content))]) == frozenset()


def test_a_document_elsewhere_says_nothing() -> None:
    name, content = config(a=entry())
    assert plain_tensors([(b"m/" + name.rpartition(b"/")[2], content)]) == frozenset()


def test_beside_a_document_that_could_be_read_in_two_ways_nothing_is_plain() -> None:
    twice = b'{"config": {"a": {"path_name": "weight_0", "use_pickle": false, "use_pickle": true, "tensor_meta": {}}}}'
    other = (FOLDER + b"other_weights_config.json", memoryview(twice))
    assert plain_tensors([config(a=entry()), other]) == plain_tensors([other, config(a=entry())]) == frozenset()
