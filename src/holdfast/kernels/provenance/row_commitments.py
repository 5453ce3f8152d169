"""Commitments to the rows of a table, one root over them, and what has become of the rows since.

A plain digest of a row about a person can be guessed: whoever knows most of the row tries the rest. So each row is
digested under a secret key, the salt. Without it, a commitment says nothing about its row, and rows cannot be tried;
once it is erased, that holds for everybody.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from holdfast.kernels.merkle.tree import leaf_hash, node_hash

SALT_BYTES = 32
DIGEST_BYTES = 32


def commitments(rows: Iterable[bytes], *, salt: bytes) -> list[bytes]:
    """Commit to each row: BLAKE2b of it with the salt as the key.

    Parameters
    ----------
    rows : iterable of bytes
        One unambiguous form of each row.
    salt : bytes
        The key, 32 bytes of chance.

    Returns
    -------
    list of bytes
        32 bytes for each row; equal rows have equal ones.

    Raises
    ------
    ValueError
        When the salt has another length.

    References
    ----------
    Saarinen, Aumasson (2015), RFC 7693, BLAKE2, section 2.9 (keyed hashing).
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"expected a salt of {SALT_BYTES} bytes, got {len(salt)}")
    return [hashlib.blake2b(row, digest_size=DIGEST_BYTES, key=salt).digest() for row in rows]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the Merkle tree over leaves, in their order; of none, the digest of nothing.

    Leaves and inner nodes are digested under different prefixes, so that neither passes for the other. A node without
    a neighbour moves up as it is, which gives the tree of the reference.

    References
    ----------
    Laurie, Langley, Kasper (2013), RFC 6962, Certificate Transparency, section 2.1.

    Examples
    --------
    >>> merkle_root([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [node_hash(left, right) for left, right in pairs]
        level = [*above, level[-1]] if len(level) % 2 else above
    return level[0] if level else hashlib.sha256(b"").digest()


class RowChanges(NamedTuple):
    """Positions of rows.

    Attributes
    ----------
    new, gone, altered
        ``new`` and ``altered`` are positions in the table as it is, ``gone`` in the table as it was. Without ids, an
        altered row counts as one that went and one that came.
    """

    new: list[int]
    gone: list[int]
    altered: list[int]


def compare_rows(
    then: Sequence[bytes],
    now: Sequence[bytes],
    *,
    ids_then: Sequence[bytes] | None = None,
    ids_now: Sequence[bytes] | None = None,
) -> RowChanges:
    """Say which rows are new, gone and altered, whatever order they stand in.

    Parameters
    ----------
    then, now : sequence of bytes
        Commitments under one salt. A row that stands in a table several times counts that often.
    ids_then, ids_now : sequence of bytes, optional
        Commitments to the cells that tell rows apart, one for each row.
    """
    gone = _surplus(then, now)
    new = _surplus(now, then)
    if ids_then is None or ids_now is None:
        return RowChanges(new, gone, [])
    waiting: dict[bytes, list[int]] = {}
    for position in gone:
        waiting.setdefault(ids_then[position], []).append(position)
    altered, found = [], set()
    for position in new:
        if earlier := waiting.get(ids_now[position]):
            altered.append(position)
            found.add(earlier.pop(0))
    return RowChanges(
        new=sorted(set(new) - set(altered)), gone=[each for each in gone if each not in found], altered=altered
    )


def _surplus(here: Sequence[bytes], there: Sequence[bytes]) -> list[int]:
    """Positions of what stands here more often than there, the last of equal ones."""
    left = Counter(there)
    surplus = []
    for position, row in enumerate(here):
        left[row] -= 1
        if left[row] < 0:
            surplus.append(position)
    return surplus
