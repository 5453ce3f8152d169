"""Evidence that a stream has changed, over all times at which the change may have begun, with a budget per year.

Evidence is a non-negative number whose expectation is at most 1 as long as nothing has changed. By Ville's inequality
it then ever exceeds ``1 / alpha`` with probability at most alpha, however often one looks. Here it is a weighted mean
over bets (location, spread, a category), starts of the change and sizes of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, logit

Numbers = NDArray[np.float64]

FIRST_START = 0.2
"""Weight of a change that is there from the first window of the year; all other windows share the rest."""
SCALES, SCALE_WEIGHTS = (0.04, 0.4), (0.9, 0.1)
"""Typical shifts of a row's normal score, in standard deviations."""
TILTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Log odds ratios of a share that changes, each in both directions."""
SIGNED_TILTS: Numbers = np.array([sign * tilt for tilt in TILTS for sign in (1.0, -1.0)])
LIKELY = 3.7
"""Starts whose log evidence lies this close to the best are likely: as far as a start on either side of the true one
gets ahead of it in 5 % of cases (twice Ville's inequality, ``log(2 / 0.05)``)."""


class Alarm(NamedTuple):
    """One alarm.

    Attributes
    ----------
    window
        Number of the window after which it was raised, from 0.
    log_evidence
        Natural logarithm of the evidence then.
    bet
        Position of the bet that contributed most.
    start, start_low, start_high
        Window in which the change most probably began, and the first and the last likely one. All lie in the year
        of the alarm: for its first window read "in it or before".
    """

    window: int
    log_evidence: float
    bet: int
    start: int
    start_low: int
    start_high: int


class YearlyEvidence:
    """Evidence of one column, over bets and starts; begins anew every year.

    Parameters
    ----------
    score_weights, count_weights : array-like of float
        Weight of each bet on scores and of each bet on shares; sum to 1 together.
    windows_per_year : int
        One or more.
    alpha : float
        Probability of a false alarm in a year, inside (0, 1).

    Attributes
    ----------
    alarms
        At most one for each year.

    Notes
    -----
    For a change from window k on, scores of rows in window t are expected to shift by ``d N_k / N_t``, where N are the
    rows seen before each, since the rows they are ranked among contain changed ones by then. With
    ``A = sum w s``, ``B = sum w**2`` over rows the evidence for a shift d is ``exp(d A - d**2 B / 2)``; its mean over
    d with density proportional to ``d**2 exp(-d**2 / 2 scale**2)`` is closed, and wastes nothing on shifts near 0.

    References
    ----------
    Ville, J. (1939). Étude critique de la notion de collectif.
    Shin, J., Ramdas, A. and Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change detection.
    New England Journal of Statistics in Data Science 2.
    Johnson, V. E. and Rossell, D. (2010). On the use of non-local prior densities in Bayesian hypothesis tests. Journal
    of the Royal Statistical Society B 72, 143-170 (the moment prior).
    """

    def __init__(
        self, score_weights: ArrayLike, count_weights: ArrayLike, *, windows_per_year: int, alpha: float
    ) -> None:
        self._score_weights = np.asarray(score_weights, dtype=np.float64)
        self._count_weights = np.asarray(count_weights, dtype=np.float64)
        total = self._score_weights.sum() + self._count_weights.sum()
        is_positive = bool((self._score_weights > 0).all() and (self._count_weights > 0).all())
        if not is_positive or abs(total - 1.0) > 1e-9 or windows_per_year < 1 or not 0.0 < alpha < 1.0:
            raise ValueError(
                f"expected positive weights that sum to 1, one window a year or more and alpha inside (0, 1), "
                f"got {total:g}, {windows_per_year} and {alpha:g}"
            )
        self.windows_per_year, self.alpha = int(windows_per_year), float(alpha)
        self.window = 0
        self.alarms: list[Alarm] = []
        self._begin_year()

    def _begin_year(self) -> None:
        self._seen_at: Numbers = np.empty(0)
        self._lean: Numbers = np.empty((0, self._score_weights.size))
        self._mass: Numbers = np.empty(0)
        self._counted: Numbers = np.empty((0, self._count_weights.size, SIGNED_TILTS.size))

    def update(self, scores: Numbers, n_scored: int, *, n_seen: float, counts: Numbers) -> Alarm | None:
        """Add one window, and return the alarm that it raises.

        Parameters
        ----------
        scores : ndarray, shape (n_score_bets,)
            Sums of the scores of the window's rows.
        n_scored : int
            How many rows were scored.
        n_seen : float
            Rows (or gaps) seen before the window, more than 0.
        counts : ndarray, shape (n_count_bets, n_tilts)
            Log evidence of the window for each tilt of each share, from :func:`tilted_counts`.
        """
        if self.window and self.window % self.windows_per_year == 0:
            self._begin_year()
        self._seen_at = np.append(self._seen_at, n_seen)
        self._lean = np.vstack([self._lean, np.zeros((1, self._score_weights.size))])
        self._mass = np.append(self._mass, 0.0)
        self._counted = np.concatenate([self._counted, np.zeros((1, *self._counted.shape[1:]))])
        fresh = self._seen_at / n_seen
        self._lean += fresh[:, None] * scores
        self._mass += fresh**2 * n_scored
        self._counted += counts
        self.window += 1
        return self._alarm()

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the evidence after the last window; 0 before the first."""
        started = self.start_weights()
        parts = [self.by_bet_and_start() + np.log(started)[:, None]]
        rest = 1.0 - started.sum()  # starts that are still to come: evidence of 1
        if rest > 1e-12:
            parts.append(np.array([[np.log(rest)]]))
        return float(_log_sum(np.concatenate([part.ravel() for part in parts]), axis=0))

    @property
    def threshold(self) -> float:
        """Natural logarithm of the evidence at which an alarm is raised."""
        return -float(np.log(self.alpha))

    def start_weights(self) -> Numbers:
        """Return the weight of a change that begins in each window of this year so far, ``(n_starts,)``."""
        weights = np.full(self._mass.size, (1.0 - FIRST_START) / max(self.windows_per_year - 1, 1))
        weights[:1] = FIRST_START if self.windows_per_year > 1 else 1.0
        return weights

    def by_bet_and_start(self) -> Numbers:
        """Return the log evidence times the weight of the bet, for each start and bet, ``(n_starts, n_bets)``."""
        scored = moment_evidence(self._lean, self._mass[:, None])
        counted = _log_sum(self._counted, axis=2) - np.log(SIGNED_TILTS.size)
        return np.hstack([scored + np.log(self._score_weights), counted + np.log(self._count_weights)])

    def _alarm(self) -> Alarm | None:
        year = (self.window - 1) // self.windows_per_year
        raised = bool(self.alarms) and self.alarms[-1].window // self.windows_per_year == year
        now = self.log_evidence
        if raised or now < self.threshold:
            return None
        parts = self.by_bet_and_start()
        bet = int(_log_sum(parts + np.log(self.start_weights())[:, None], axis=0).argmax())
        likely = np.flatnonzero(parts[:, bet] >= parts[:, bet].max() - LIKELY)
        first = year * self.windows_per_year
        start = first + int(parts[:, bet].argmax())
        alarm = Alarm(self.window - 1, now, bet, start, first + int(likely[0]), first + int(likely[-1]))
        self.alarms.append(alarm)
        return alarm

    def state(self) -> dict[str, Any]:
        """Return all that is known, as numbers and lists."""
        return {
            "score_weights": self._score_weights.tolist(),
            "count_weights": self._count_weights.tolist(),
            "windows_per_year": self.windows_per_year,
            "alpha": self.alpha,
            "window": self.window,
            "alarms": [list(alarm) for alarm in self.alarms],
            "seen_at": self._seen_at.tolist(),
            "lean": self._lean.tolist(),
            "mass": self._mass.tolist(),
            "counted": self._counted.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> YearlyEvidence:
        """Go on where a state was taken."""
        found = cls(
            state["score_weights"],
            state["count_weights"],
            windows_per_year=state["windows_per_year"],
            alpha=state["alpha"],
        )
        found.window = state["window"]
        found.alarms = [Alarm(*alarm) for alarm in state["alarms"]]
        n = len(state["mass"])
        found._seen_at, found._mass = np.array(state["seen_at"]), np.array(state["mass"])
        found._lean = np.array(state["lean"]).reshape(n, found._score_weights.size)
        found._counted = np.array(state["counted"]).reshape(n, found._count_weights.size, SIGNED_TILTS.size)
        return found


def moment_evidence(lean: Numbers, mass: Numbers) -> Numbers:
    """Return the log evidence for a shift of unknown size, from sums of weighted scores and of squared weights.

    Examples
    --------
    >>> moment_evidence(np.array([0.0, 300.0]), np.array([5000.0, 5000.0])).round(2).tolist()
    [-3.4, 7.43]
    """
    parts = []
    for scale, weight in zip(SCALES, SCALE_WEIGHTS, strict=True):
        spread = scale**2 * mass
        half = (scale * lean) ** 2 / (1.0 + spread)
        parts.append(np.log(weight) - 1.5 * np.log1p(spread) + np.log1p(half) + half / 2.0)
    return np.asarray(np.logaddexp(*parts))


def tilted_counts(n_inside: ArrayLike, n: ArrayLike, *, inside: ArrayLike, total: ArrayLike) -> Numbers:
    """Return the log evidence of a window for each tilt of a share.

    Parameters
    ----------
    n_inside, n : array-like of int, shape (n_shares,)
        Rows of the window that fell inside, and all its rows.
    inside, total : array-like of float, shape (n_shares,)
        Gaps inside, between 0 and all of them, and all, before the window.

    Returns
    -------
    ndarray of float64, shape (n_shares, n_tilts)
        Beta-binomial probability of the count when the odds are tilted, over that when they are not, which is exact for
        an urn. Zero where all gaps lie on one side: nothing can be said there.

    Examples
    --------
    >>> tilted_counts([30], [100], inside=[2000], total=[10000]).round(1)[0, :4].tolist()
    [2.0, -2.9, 2.8, -6.7]
    """
    hit, rows, a, all_ = (np.asarray(part, dtype=np.float64)[:, None] for part in (n_inside, n, inside, total))
    usable = (a > 0) & (a < all_)
    a = np.where(usable, a, all_ / 2.0)
    b = all_ - a
    share = np.clip(expit(logit(a / all_) + SIGNED_TILTS), 1e-12, 1.0 - 1e-12)
    c, d = all_ * share, all_ * (1.0 - share)
    tilted = betaln(hit + c, rows - hit + d) - betaln(c, d)
    plain = betaln(hit + a, rows - hit + b) - betaln(a, b)
    return np.where(usable, tilted - plain, 0.0)


def _log_sum(logs: Numbers, *, axis: int) -> Numbers:
    """Logarithm of the sum of exponentials of finite numbers."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(top, axis) + np.log(np.exp(logs - top).sum(axis=axis)))
