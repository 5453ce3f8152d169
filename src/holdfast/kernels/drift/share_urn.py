"""The share of rows that belong to something, such as a category, against a reference that is a sample itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.drift.evidence import tilted_counts

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


class ShareUrn:
    """Two cells for each of several memberships: the members' one, and the rest.

    All rows are put in order, members first, both in random order among themselves, and cut at one row of the reference
    whose place does not depend on it. A new row is then equally likely to fall into each gap, as in
    :class:`~holdfast.kernels.drift.rank_urn.RankUrn`, whatever the true share is. Cut where the members end, it loses
    next to nothing: only few rows change sides by their random place.

    Parameters
    ----------
    n_members : array-like of int, shape (n_shares,)
        Members among the reference rows.
    n : int
        Reference rows, not those from which `expected` was learned.
    expected : array-like of float, shape (n_shares,)
        About which share is expected, from other rows than the reference's.
    rng : numpy.random.Generator
        Draws random places.

    Attributes
    ----------
    inside
        ``(n_shares,)`` int64: gaps before the cut.
    total
        Gaps in all.

    Examples
    --------
    >>> urn = ShareUrn([200], 1000, expected=[0.21], rng=np.random.default_rng(0))
    >>> found = urn.add([60], 200, rng=np.random.default_rng(0))
    >>> found[0, :3].round(1).tolist(), urn.total
    ([3.2, -4.8, 4.5], 1201)
    """

    def __init__(self, n_members: ArrayLike, n: int, *, expected: ArrayLike, rng: np.random.Generator) -> None:
        members = np.asarray(n_members, dtype=np.int64)
        if members.ndim != 1 or np.any(members < 0) or np.any(members > n):
            raise ValueError(f"expected counts of shape (n_shares,) from 0 to {n} in `n_members`, got {members!r}")
        self.total = n + 1
        self.inside: Places = np.clip(
            np.rint(np.asarray(expected, dtype=np.float64) * self.total), min(1, n), max(n, 0)
        ).astype(np.int64)
        # The row at the cut is a member when there are so many; its random place is an order statistic of theirs.
        self._cuts_members = self.inside <= members
        among = np.where(self._cuts_members, members, n - members)
        place = np.where(self._cuts_members, self.inside, self.inside - members)
        self._place: Numbers = rng.beta(np.maximum(place, 1), np.maximum(among - place + 1, 1))

    def add(self, n_members: ArrayLike, n: int, *, rng: np.random.Generator) -> Numbers:
        """Add a window's rows, and return the log evidence for each share and tilt, ``(n_shares, n_tilts)``."""
        members = np.asarray(n_members, dtype=np.int64)
        moved = rng.binomial(np.where(self._cuts_members, members, n - members), self._place)
        inside = np.where(self._cuts_members, moved, members + moved)
        found = tilted_counts(
            inside, np.full(members.size, n), inside=self.inside, total=np.full(members.size, self.total)
        )
        self.inside = self.inside + inside
        self.total += int(n)
        return found

    def state(self) -> dict[str, Any]:
        """Return all that is known, as numbers and lists."""
        return {
            "inside": self.inside.tolist(),
            "total": self.total,
            "cuts_members": self._cuts_members.tolist(),
            "place": self._place.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ShareUrn:
        """Go on where a state was taken."""
        urn = cls.__new__(cls)
        urn.inside, urn.total = np.array(state["inside"], dtype=np.int64), state["total"]
        urn._cuts_members = np.array(state["cuts_members"], dtype=np.bool_)
        urn._place = np.array(state["place"], dtype=np.float64)
        return urn
