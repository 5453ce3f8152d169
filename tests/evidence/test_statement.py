"""Statements: one form, read back as written, and nothing else is read."""

from __future__ import annotations

import json

import pytest

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.evidence.statement import Statement, parse_statement

MODEL = digest_bytes(b"a model")
EVENT = Statement(kind="audit", subjects={"model": MODEL}, predicate={"outcome": "passed", "n": 3})


def test_a_statement_is_an_in_toto_statement() -> None:
    value = json.loads(EVENT.encode())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [{"name": "model", "digest": {"sha256": MODEL.removeprefix("sha256:")}}]
    assert value["predicateType"] == "https://holdfast.dev/predicate/audit/1"


def test_the_package_in_toto_attestation_reads_a_statement() -> None:
    statement = pytest.importorskip("in_toto_attestation.v1.statement")
    json_format = pytest.importorskip("google.protobuf.json_format")
    message = json_format.Parse(EVENT.encode(), statement.Statement([], "", {}).pb)
    read = statement.Statement.copy_from_pb(message)
    read.validate()
    assert [(one.name, dict(one.digest)) for one in read.pb.subject] == [
        ("model", {"sha256": MODEL.removeprefix("sha256:")})
    ]
    assert read.pb.predicate_type == "https://holdfast.dev/predicate/audit/1"
    assert json_format.MessageToDict(read.pb.predicate) == {"outcome": "passed", "n": 3}


def test_a_statement_is_read_as_it_was_written() -> None:
    assert parse_statement(EVENT.encode(), source="entry 0") == EVENT


@pytest.mark.parametrize("subjects", [{}, {"model": "md5:abc"}, {"model": "sha256:" + "g" * 64}])
def test_a_statement_needs_a_digest_of_its_subject(subjects: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Statement(kind="audit", subjects=subjects, predicate={}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        EVENT.encode().replace(b"audit", b"party"),
        EVENT.encode().replace(b'"n":3', b'"n": 3'),
        EVENT.encode().replace(b'"n":3', b'"n":2,"n":3'),
        EVENT.encode().replace(b'"subject":', b'"subjects":'),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="entry 0"):
        parse_statement(data, source="entry 0")
