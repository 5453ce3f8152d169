"""What an entry of the ledger says: an in-toto statement in canonical JSON.

A statement names its subjects by digest and says one thing about them. Its kind is the last part of the predicate type.

References
----------
in-toto Attestation Framework (2023), Statement v1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError

Kind = Literal[
    "audit",
    "decision",
    "waiver",
    "scan",
    "key",
    "data-set",
    "training-run",
    "signature",
    "bill-of-materials",
    "erasure",
]
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATES = "https://holdfast.dev/predicate/"
VERSION = "/1"
_KIND_BEGINS = f'"predicateType":"{PREDICATES}'.encode()
_KIND_ENDS = f'{VERSION}"'.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One event.

    Attributes
    ----------
    kind
        What kind of event it is.
    subjects
        What it is about: ``sha256:`` and 64 hexadecimal digits, by name; at least one.
    predicate
        What is said of them, as JSON values. People appear in it only as commitments
        (:mod:`holdfast.evidence.commitment`).
    """

    kind: Kind
    subjects: Mapping[str, str]
    predicate: Mapping[str, Any]

    def encode(self) -> bytes:
        """Write the statement in the one form whose digest enters the ledger.

        Raises
        ------
        ValueError
            When it has no subject, or a digest has another form.
        """
        if not self.subjects:
            raise ValueError("expected at least one subject, got none")
        subjects = [
            {"name": name, "digest": {"sha256": _hex(digest)}} for name, digest in sorted(self.subjects.items())
        ]
        return canonical_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": subjects,
                "predicateType": f"{PREDICATES}{self.kind}{VERSION}",
                "predicate": self.predicate,
            }
        )


def kind_of(payload: bytes) -> str:
    """Kind of an encoded statement, without reading the rest of it; empty where it names none.

    In the canonical form nothing but the names and digests of the subjects follows the predicate type.
    """
    begin = payload.rfind(_KIND_BEGINS)
    if begin < 0:
        return ""
    begin += len(_KIND_BEGINS)
    end = payload.find(_KIND_ENDS, begin)
    return payload[begin : end if end >= 0 else None].decode("ascii", "replace")


def parse_statement(data: bytes, *, source: str) -> Statement:
    """Read a statement that may be hostile.

    Raises
    ------
    InputError
        When it is not the canonical form of a statement of a kind that is known here.
    """
    try:
        value = json.loads(data)
        kind = str(value["predicateType"]).removeprefix(PREDICATES).removesuffix(VERSION)
        subjects = {str(one["name"]): "sha256:" + str(one["digest"]["sha256"]) for one in value["subject"]}
        statement = Statement(kind=_known(kind), subjects=subjects, predicate=value["predicate"])
        same = statement.encode() == data
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{source} holds no statement of a kind that is known here: {error}", hint=_HINT) from None
    if not same:
        raise InputError(f"{source} is not in canonical form (RFC 8785)", hint=_HINT)
    return statement


_HINT = "fetch it again from where it was published, or read it with the version of Holdfast that wrote it"


def _known(kind: str) -> Kind:
    for one in get_args(Kind):
        if one == kind:
            return one  # type: ignore[no-any-return]
    raise ValueError(f"the kind {kind!r}")


def _hex(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    if algorithm != "sha256" or len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise ValueError(f"expected sha256: and 64 hexadecimal digits, got {digest!r}")
    return digits
