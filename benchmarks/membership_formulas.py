"""Published formulas of membership inference, for whole banks of shadow models at once."""

from __future__ import annotations

import numpy as np

EPS, CLIP, SHRINK = 1e-16, 1e-2, 4.0
OFFLINE_SLOPE = 1.0 / 3.0


def log_odds(p: np.ndarray, clip: float = EPS) -> np.ndarray:
    p = np.clip(p, clip, 1.0 - clip)
    return np.log(p / (1.0 - p))


def published(target: np.ndarray, shadows: np.ndarray, is_in: np.ndarray) -> dict[str, np.ndarray]:
    """Scores, larger meaning member: ``target`` (n,), ``shadows`` and ``is_in`` (n, m).

    LiRA (Carlini et al. 2022) in the modes of SACRO-ML 2.0.1, whose numbers these are, with the variance of each
    record, of all answers, pooled within records, or of each record but shrunk towards the pool (by four models); RMIA
    (Zarifzadeh et al. 2024), whose order is that of the ratio to the mean answer.
    """
    with np.errstate(all="ignore"):
        scores = _likelihood_ratios(target, shadows, is_in)
        inside, outside = (np.nanmean(np.where(side, shadows, np.nan), axis=1) for side in (is_in, ~is_in))
        offline = ((1.0 + OFFLINE_SLOPE) * outside + 1.0 - OFFLINE_SLOPE) / 2.0
    scores["RMIA, online"] = target / np.maximum((inside + outside) / 2.0, 1e-12)
    scores["RMIA, offline"] = target / np.maximum(offline, 1e-12)
    return scores


def _likelihood_ratios(target: np.ndarray, shadows: np.ndarray, is_in: np.ndarray) -> dict[str, np.ndarray]:
    from scipy.stats import norm

    scores = {}
    for clip, kind in ((EPS, ""), (CLIP, ", clipped")):
        x, signal = log_odds(target, clip), log_odds(shadows, clip)
        sides = [np.where(side, signal, np.nan) for side in (is_in, ~is_in)]
        means, spreads = [np.nanmean(side, axis=1) for side in sides], [np.nanstd(side, axis=1) for side in sides]
        counts = [side.sum(axis=1) for side in (is_in, ~is_in)]
        pooled = [np.sqrt(np.mean(spread**2)) for spread in spreads]
        variants = {
            "LiRA online": spreads,
            "LiRA online, variance of all": [np.full(len(x), np.nanstd(side)) for side in sides],
            "LiRA online, variance pooled": [np.full(len(x), spread) for spread in pooled],
            "LiRA online, variance shrunk": [
                np.sqrt((n * spread**2 + SHRINK * all_**2) / (n + SHRINK))
                for n, spread, all_ in zip(counts, spreads, pooled, strict=True)
            ],
        }
        for name, (spread_in, spread_out) in variants.items():
            ratio = norm.logpdf(x, means[0], spread_in + EPS) - norm.logpdf(x, means[1], spread_out + EPS)
            scores[name + kind] = ratio
        scores["LiRA offline" + kind] = norm.cdf(x, means[1], spreads[1] + EPS)
        scores["LiRA offline, density" + kind] = -norm.logpdf(x, means[1], spreads[1] + EPS)
    return scores
