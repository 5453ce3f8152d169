"""Whether vectors, as embeddings, are spread otherwise than before: mean random features under permutation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.drift.two_sample import TwoSampleTest, ks_exact

Floats = NDArray[np.float64]
N_FREQUENCIES, N_PAIRS = 64, 1000
AT_ONCE = 100
FEWEST_ROWS = 20


class VectorDrift(NamedTuple):
    """Vectors of two tables, compared.

    Attributes
    ----------
    test
        Permutation test, and the share of rows that would have to move, at least.
    length
        Numbers in a vector.
    n
        Vectors compared, of the reference and the current table.
    n_missing
        Rows looked at without a usable vector.
    """

    test: TwoSampleTest | None
    length: int
    n: tuple[int, int]
    n_missing: tuple[int, int]


def compare_vectors(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 999,
    level: float = 0.95,
) -> TwoSampleTest | None:
    """Test whether the vectors of two tables come from one distribution.

    Parameters
    ----------
    reference, current : array-like, shapes (n_reference, length) and (n_current, length)
        Finite numbers.
    rng : numpy.random.Generator
    n_permutations : int, default 999
        The p-value is a multiple of one over one more.
    level : float, default 0.95
        Confidence level of the effect.

    Returns
    -------
    TwoSampleTest or None
        None with fewer than twenty vectors in a table. The statistic is the squared distance of the mean features; the
        effect the share of rows that would have to move, at least.

    Raises
    ------
    ValueError
        If lengths differ or a number is not finite.

    Notes
    -----
    Features are cosines and sines at Gaussian frequencies whose scale is the median distance of pairs of the pooled
    rows (Rahimi, Recht 2007; Gretton et al. 2012, section 8). They do not depend on which table a row is of, so that
    the p-value by permutation is exact (Phipson, Smyth 2010). For the effect, half of the rows fix the direction from
    one mean to the other; the other half is laid along it and compared by the Kolmogorov-Smirnov distance and its band.
    That bounds the total variation distance of the vectors from below, whatever the direction.
    """
    a, b = (np.asarray(side, dtype=np.float64) for side in (reference, current))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected two tables of vectors of one length, got shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("expected finite numbers, got others; drop these rows first")
    n, m = len(a), len(b)
    if min(n, m) < FEWEST_ROWS:
        return None
    features = _features(np.concatenate([a, b]), rng)
    statistic = _gap(features[:n], features[n:])
    larger = 0
    total = features.sum(axis=0)
    for start in range(0, n_permutations, AT_ONCE):
        count = min(AT_ONCE, n_permutations - start)
        drawn = rng.permuted(np.tile(np.arange(n + m) < n, (count, 1)), axis=1).astype(np.float64)
        first = drawn @ features
        gaps = ((first / n - (total - first) / m) ** 2).sum(axis=1)
        larger += int((gaps >= statistic * (1.0 - 1e-12)).sum())
    p_value = (1.0 + larger) / (1.0 + n_permutations)
    half = [rng.permutation(size) for size in (n, m)]
    shown = [part[: len(part) // 2] for part in half], [part[len(part) // 2 :] for part in half]
    direction = features[n + shown[0][1]].mean(axis=0) - features[shown[0][0]].mean(axis=0)
    along = features @ direction
    test = ks_exact(along[shown[1][0]], along[n + shown[1][1]], level=level)
    assert test is not None
    return TwoSampleTest(statistic, p_value, test.effect)


def _features(rows: Floats, rng: np.random.Generator) -> Floats:
    first, second = rng.integers(0, len(rows), (2, N_PAIRS))
    distances = np.linalg.norm(rows[first] - rows[second], axis=1)
    far = distances[distances > 0.0]
    scale = float(np.median(far)) if far.size else 1.0
    angles = rows @ (rng.normal(size=(rows.shape[1], N_FREQUENCIES)) / scale)
    return np.asarray(np.hstack([np.cos(angles), np.sin(angles)]) / np.sqrt(N_FREQUENCIES))


def _gap(first: Floats, second: Floats) -> float:
    return float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
