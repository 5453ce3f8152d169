"""Merkle trees: against the recursive definition, known values, another implementation, and forged proofs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.merkle.tree import (
    EMPTY_ROOT,
    Edge,
    Node,
    consistency_proof,
    edge_of,
    in_order,
    includes,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    node_number,
)

# The entries and roots of the test vectors that certificate transparency implementations share.
ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


class Log:
    """A tree with all its nodes at hand."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(b"entry %d" % place) for place in range(size)]
        self.edge = Edge()
        self.nodes: dict[tuple[int, int], bytes] = {}
        for place, leaf in enumerate(self.leaves):
            for node in (Node(0, place, leaf), *self.edge.append(leaf)):
                self.nodes[node.level, node.place] = node.hash

    def node(self, level: int, place: int) -> bytes:
        return self.nodes[level, place]

    def root(self, size: int) -> bytes:
        return by_definition(self.leaves[:size])


def by_definition(leaves: list[bytes]) -> bytes:
    """The recursion of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    edge = Edge()
    for entry in ENTRIES[:size]:
        edge.append(leaf_hash(entry))
    assert edge.root().hex() == ROOTS[size]


def test_every_size_up_to_70_is_as_defined_and_every_proof_holds() -> None:
    log = Log(70)
    for size in range(71):
        edge = Edge(size, [log.node(*at) for at in edge_of(size)])
        assert edge.root() == log.root(size)
        for index in range(size):
            proof = inclusion_proof(index, size, log.node)
            assert includes(log.leaves[index], index, size, proof, log.root(size))
        for old in range(size + 1):
            steps = consistency_proof(old, size, log.node)
            assert is_consistent(old, log.root(old), size, log.root(size), steps)


def test_an_edge_grows_on_from_where_it_was_taken_up() -> None:
    log = Log(70)
    edge = Edge(37, [log.node(*at) for at in edge_of(37)])
    branch = edge.copy()
    for leaf in log.leaves[37:]:
        assert all(log.node(*node[:2]) == node.hash for node in edge.append(leaf))
    assert edge.root() == log.edge.root()
    assert branch.root() == log.root(37)


def test_nodes_are_numbered_in_the_order_in_which_they_are_completed() -> None:
    edge, number = Edge(), 0
    for leaf in Log(70).leaves:
        assert number == edge.size - edge.size.bit_count()
        for level, place, _ in edge.append(leaf):
            assert node_number(level, place) == number
            number += 1


def test_many_leaves_at_once_complete_what_they_complete_one_by_one() -> None:
    log = Log(70)
    for begin in range(70):
        for end in range(begin, 71):
            edge = Edge(begin, [log.node(*at) for at in edge_of(begin)])
            completed = edge.extend(log.leaves[begin:end])
            for level, row in enumerate(completed):
                assert row == [log.node(level, place) for place in range(begin >> level, end >> level)]
            assert sum(map(len, completed)) == sum((end >> level) - (begin >> level) for level in range(8))
            assert (edge.size, edge.root()) == (end, log.root(end))
            assert edge.nodes == tuple(log.node(*at) for at in edge_of(end))


def test_nodes_that_many_leaves_complete_come_in_the_order_of_their_numbers() -> None:
    log = Log(70)
    for begin in range(70):
        for end in range(begin, 71):
            edge = Edge(begin, [log.node(*at) for at in edge_of(begin)])
            expected = {
                node_number(level, place): value
                for (level, place), value in log.nodes.items()
                if level and begin < (place + 1) << level <= end
            }
            found = dict(enumerate(in_order(begin, edge.extend(log.leaves[begin:end])), begin - begin.bit_count()))
            assert found == expected


def test_an_edge_needs_as_many_nodes_as_its_size_has_ones() -> None:
    with pytest.raises(ValueError, match="expected 2 nodes on the edge of 5 leaves, got 1"):
        Edge(5, [bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    log = Log(3)
    with pytest.raises(ValueError, match="expected an entry from 0"):
        inclusion_proof(index, size, log.node)
    assert not includes(log.leaves[0], index, size, (), log.root(3))


def test_no_proof_that_a_log_shrank() -> None:
    log = Log(5)
    with pytest.raises(ValueError, match="expected an older size from 0 to 3, got 5"):
        consistency_proof(5, 3, log.node)
    assert not is_consistent(5, log.root(5), 3, log.root(3), ())


@given(st.data())
def test_no_altered_proof_of_inclusion_holds(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 60))
    log = Log(size)
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, log.node))
    change = data.draw(st.sampled_from(["flip", "drop", "add", "leaf", "index", "size"]))
    leaf, at, of = log.leaves[index], index, size
    if change == "flip":
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place] = _flipped(data, proof[place])
    elif change == "drop":
        del proof[data.draw(st.integers(0, len(proof) - 1))]
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), data.draw(st.binary(min_size=32, max_size=32)))
    elif change == "leaf":
        leaf = _flipped(data, leaf)
    elif change == "index":
        at = data.draw(st.integers(0, size - 1).filter(lambda other: other != index))
    else:
        of = data.draw(st.integers(1, 200).filter(lambda other: _depth(index, other) != _depth(index, size)))
    assert not includes(leaf, at, of, proof, log.root(size))


@given(st.data())
def test_no_history_that_was_altered_is_consistent(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 60))
    old = data.draw(st.integers(1, new - 1))
    log = Log(new)
    proof = list(consistency_proof(old, new, log.node))
    first, second = log.root(old), log.root(new)
    change = data.draw(st.sampled_from(["flip", "drop", "add", "old", "new"]))
    if change == "flip":
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place] = _flipped(data, proof[place])
    elif change == "drop":
        del proof[data.draw(st.integers(0, len(proof) - 1))]
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), data.draw(st.binary(min_size=32, max_size=32)))
    elif change == "old":
        first = _flipped(data, first)
    else:
        second = _flipped(data, second)
    assert not is_consistent(old, first, new, second, proof)


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_another_implementation_on_random_trees(seed: int) -> None:
    pymerkle = pytest.importorskip("pymerkle")
    drawn = random.Random(seed)
    size = drawn.choice([1, 2, drawn.randrange(3, 40), drawn.randrange(40, 700)])
    theirs, edge, nodes = pymerkle.InmemoryTree(algorithm="sha256"), Edge(), {}
    for place in range(size):
        entry = drawn.randbytes(drawn.randrange(50))
        assert theirs.append_entry(entry) == place + 1
        leaf = leaf_hash(entry)
        nodes |= {(node.level, node.place): node.hash for node in (Node(0, place, leaf), *edge.append(leaf))}
    assert edge.root() == theirs.get_root()

    def node(level: int, place: int) -> bytes:
        return nodes[level, place]

    for _ in range(30):
        new = drawn.randrange(1, size + 1)
        old, index = drawn.randrange(1, new + 1), drawn.randrange(new)
        root, older = theirs.get_root(new), theirs.get_root(old)
        # Its proofs name the leaf or the older root as well, and those of growth are not folded as in the RFC: they
        # are compared by what they lead to.
        their_proof, proof = theirs.prove_inclusion(index + 1, new), inclusion_proof(index, new, node)
        pymerkle.verify_inclusion(nodes[0, index], root, their_proof)
        assert includes(nodes[0, index], index, new, proof, root)
        assert {nodes[0, index], *proof} == set(their_proof.path)
        their_growth, growth = theirs.prove_consistency(old, new), consistency_proof(old, new, node)
        pymerkle.verify_consistency(older, root, their_growth)
        assert is_consistent(old, older, new, root, growth)
        assert old == new or not is_consistent(old, root, new, root, growth)


def _depth(index: int, size: int) -> int:
    """Length of the proof of a leaf; -1 for one that is not there."""
    return len(inclusion_proof(index, size, lambda level, place: b"")) if index < size else -1


def _flipped(data: st.DataObject, value: bytes) -> bytes:
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
