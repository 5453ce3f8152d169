import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.json_document import walk_json
from holdfast.kernels.scan.observation import Budget, Place

NONE_ALLOWED = AllowList({})


def found(value: object) -> set[str]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    walked = walk_json(
        memoryview(data), Place(("f",), 0, len(data)), Budget(0, 0, 0, lambda: False), allow=NONE_ALLOWED
    )
    return {f"{one.kind} {one.rule}" for one in walked.observations}


@pytest.mark.parametrize("value", [{}, [], {"model_type": "bert", "layers": 12}, [1, 2, {"a": None}]])
def test_ordinary_configuration_passes(value: object) -> None:
    assert found(value) == set()


def test_key_that_stands_twice_is_suspicious() -> None:
    assert found(b'{"a": 1, "a": 2}') == {"suspicious json.duplicate-key"}


def test_broken_document_is_malformed() -> None:
    assert found(b'{"a": 1') == {"malformed json.structure"}


def test_document_too_large_for_the_memory_is_not_examined() -> None:
    assert found(b"[" + b"[]," * 3_000_000 + b"[]]") == {"not_examined json.structure"}


def test_one_document_per_line_is_read_and_judged() -> None:
    assert found(b'{"a": 1}\n{"b": 2}\n') == set()
    assert found(b'{"a": 1}\n{"auto_map": {"AutoModel": "m.M"}}\n') == {"unknown config.remote-code"}


def test_notebook_is_not_examined() -> None:
    assert found({"nbformat": 4, "cells": []}) == {"not_examined json.notebook"}


def test_configuration_hidden_in_a_text_value_is_judged() -> None:
    inner = json.dumps({"class_name": "Lambda", "config": {}})
    assert found({"metadata": inner}) == {"executes keras.code"}


@given(st.binary(max_size=80))
def test_any_bytes_are_walked(data: bytes) -> None:
    found(b"{" + data)


def test_member_of_an_archive_is_judged_like_a_file(scan_file, sample) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(sample("lambda.keras")).verdict == "fail"
