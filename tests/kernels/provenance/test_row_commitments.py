"""Commitments to rows: known values, the tree of RFC 6962, and what became of which row."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.provenance.row_commitments import commitments, compare_rows, merkle_root

SALT = bytes(range(32))
# The leaves and roots of the example trees that Certificate Transparency implementations test against.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "60" + "616263" * 5)
]


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written: split at the largest power of two below the number of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + reference_root(leaves[:split]) + reference_root(leaves[split:])).digest()


def test_a_commitment_is_the_keyed_digest_of_the_row() -> None:
    # a key is a first block of its own, filled up with zeros (RFC 7693, section 3.3)
    block = hashlib.blake2b(digest_size=32, key=SALT)
    block.update(b"row")
    assert commitments([b"row", b""], salt=SALT)[0] == block.digest()
    assert commitments([b"row"], salt=SALT) != [hashlib.blake2b(SALT + b"row", digest_size=32).digest()]


def test_another_salt_gives_other_commitments() -> None:
    assert commitments([b"a"], salt=SALT) != commitments([b"a"], salt=bytes(32))


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, got 3"):
        commitments([b"a"], salt=b"abc")


def test_the_root_of_known_leaves() -> None:
    assert merkle_root(LEAVES[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(LEAVES[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle_root(LEAVES[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_tree_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == reference_root(leaves)


@given(st.lists(st.binary(min_size=1, max_size=2), min_size=2, max_size=20), st.data())
def test_another_leaf_or_order_gives_another_root(leaves: list[bytes], data: st.DataObject) -> None:
    other = data.draw(st.permutations(leaves))
    assert (merkle_root(other) == merkle_root(leaves)) == (other == leaves)


def test_a_leaf_cannot_pass_for_an_inner_node() -> None:
    inner = hashlib.sha256(b"\0a").digest() + hashlib.sha256(b"\0b").digest()
    assert merkle_root([inner]) != merkle_root([b"a", b"b"])


def test_rows_are_new_gone_and_altered() -> None:
    changes = compare_rows(
        [b"1a", b"2b", b"3c"], [b"3c", b"2x", b"4d"], ids_then=[b"1", b"2", b"3"], ids_now=[b"3", b"2", b"4"]
    )
    assert changes == ([2], [0], [1])


def test_without_ids_an_altered_row_went_and_came() -> None:
    assert compare_rows([b"1a", b"2b"], [b"1a", b"2x"]) == ([1], [1], [])


def test_a_row_counts_as_often_as_it_stands() -> None:
    assert compare_rows([b"a", b"a"], [b"a"]) == ([], [1], [])
    assert compare_rows([b"a"], [b"a", b"a", b"a"]) == ([1, 2], [], [])


@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_what_stays_is_what_both_have(then: list[int], now: list[int]) -> None:
    rows_then, rows_now = ([bytes([value]) for value in values] for values in (then, now))
    changes = compare_rows(rows_then, rows_now)
    assert len(then) - len(changes.gone) == len(now) - len(changes.new)
    again = compare_rows(rows_then, rows_now, ids_then=rows_then, ids_now=rows_now)
    assert again == changes


@given(st.permutations(list(range(8))))
def test_the_order_of_rows_does_not_count(order: list[int]) -> None:
    rows = [bytes([value]) for value in range(8)]
    assert compare_rows(rows, [rows[k] for k in order]) == ([], [], [])
